"""Rows that tests of voices start from: a dataset, a trained version, a scoring."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Recording, Run, Version, now


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def clip(
    session: Session,
    name: str,
    text: str = "a line",
    *,
    voice: str = "anna",
    seconds: float = 4.0,
    held_out: bool = False,
) -> Clip:
    """A kept clip that is a recording of its own."""
    source = Recording(
        voice=voice, sha256=sha("recording " + name), name=f"{name}.wav", path=f"recordings/{name}", size=1,
        seconds=seconds, sample_rate=16_000, channels=1, codec="pcm", text=text, added=now(), cut=now(),
    )  # fmt: skip
    session.add(source)
    session.flush()
    row = Clip(
        voice=voice, recording=source.id, sha256=sha(name), path=f"clips/{name}.flac", start=0.0, end=seconds,
        text=text, kept=True, held_out=held_out,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def dataset(
    session: Session, number: int, training: list[Clip], held_out: list[Clip], *, voice: str = "anna", new: float = 0.0
) -> Dataset:
    """Dataset `number` of these clips."""
    row = Dataset(
        voice=voice, number=number, clips=len(training), held_out=len(held_out),
        seconds=sum(one.end - one.start for one in training),
        held_out_seconds=sum(one.end - one.start for one in held_out), new_clips=len(training),
        new_seconds=new or sum(one.end - one.start for one in training), dropped={}, created=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    for one in [*training, *held_out]:
        one.held_out = one in held_out
        session.add(DatasetClip(dataset=row.id, clip=one.id, text=one.text, held_out=one in held_out, is_new=True))
    session.flush()
    return row


def version(
    session: Session, number: int, *, parent: int = 0, data: int = 1, voice: str = "anna", engine: str = "glow"
) -> Version:
    """A candidate without files."""
    run = Run(
        voice=voice, engine=engine, job=0, dataset=data, from_version=parent, to_version=number, settings={}, result={}
    )
    session.add(run)
    session.flush()
    row = Version(
        voice=voice, number=number, parent=parent, dataset=data, run=run.id, engine=engine, kind="full",
        state="candidate", metrics={}, path=f"voices/{voice}/{number}", size=1_000, created=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def report(lines: list[str], key: str = "the same lines") -> dict[str, Any]:
    """Details as the evaluate job reports them."""
    return {
        "lines_key": key,
        "recogniser": "heard by somebody",
        "lines": [
            {
                "clip": sha(name),
                "text": name,
                "recording": f"samples/anna/recordings/{name}.wav",
                "spoken": f"samples/anna/7/{name}.wav",
                "spoken_by_parent": f"samples/anna/base/{name}.wav",
                "scores": {"wer": 0.1},
                "parent_scores": {"wer": 0.4},
                "recording_scores": {"wer": 0.0},
            }
            for name in lines
        ],
    }


def folder(home: Path, row: Version) -> Path:
    """The version's folder, with a file in it."""
    path = home / row.path
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    return path
