"""A home that lacks nothing: files of every kind with the rows that name them, as Myna writes them, but small."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Home, Job, Recording, Run, Version, Voice, now
from daemon.database.store import opened
from daemon.home import identity, journal
from daemon.state.status import State
from daemon.upkeep import check
from daemon.upkeep.depot import Depot
from daemon.upkeep.values import Finding, Kind
from daemon.worker import versions
from engines import features

RECORDINGS, STEP = 3, 40


def build(home: Path, *, live: bool = True) -> None:
    """Make it. `live`: a training is at work, with two checkpoints."""
    chance = random.Random(7)
    (home / "inbox" / "anna").mkdir(parents=True)
    (home / "inbox" / "anna" / "voice.toml").write_text('language = "en"\n')
    (home / "myna.toml").write_text("settle = 0.001\n")
    with opened(home) as store:
        store.write_now(_rows, home, chance, live)
    _version(home, chance)
    _samples(home, chance)
    _features(home)
    if live:
        checkpoint(home, STEP - 20, chance)
        checkpoint(home, STEP, chance)
    for folder in ("runs/1", "runs/2") if live else ("runs/1",):
        (home / folder / "tensorboard").mkdir(parents=True)
        (home / folder / "tensorboard" / "events.out.tfevents.1").write_bytes(chance.randbytes(300))


def _rows(session: Session, home: Path, chance: random.Random, live: bool) -> None:
    session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
    session.flush()
    data = Dataset(
        voice="anna", number=1, clips=RECORDINGS, held_out=0, seconds=1.0, held_out_seconds=0.0,
        new_clips=RECORDINGS, new_seconds=1.0, dropped={}, created=now(),
    )  # fmt: skip
    session.add(data)
    session.flush()
    for number in range(RECORDINGS):
        clip = add_recording(session, home, chance.randbytes(40_000), f"{number}.wav")
        session.add(DatasetClip(dataset=data.id, clip=clip.id, text="a line", held_out=False, is_new=True))
    session.flush()
    _runs(session, live)


def _runs(session: Session, live: bool) -> None:
    """One that made version 1; and one at work."""
    about = {"voice": "anna", "engine": "glow"}
    run: dict[str, Any] = {**about, "job": 0, "dataset": 1, "settings": {}, "result": {}, "step": STEP}
    done = Run(**run, to_version=1, started=now(), ended=now())
    session.add(done)
    session.flush()
    version = Version(
        **about, number=1, parent=0, dataset=1, run=done.id, kind="full", state="candidate", metrics={},
        path="voices/anna/1", size=1_000, created=now(),
    )  # fmt: skip
    session.add(version)
    if live:
        work = Run(**run, to_version=2, started=now())
        session.add(work)
        session.flush()
        job = Job(
            kind="train", voice="anna", title="train anna", spec=b"", gpu_lane=True, priority=0, place=1.0,
            state=State.RUNNING, run=work.id, submitted=now(), queued_since=now(), started=now(),
        )  # fmt: skip
        session.add(job)


def add_recording(session: Session, home: Path, content: bytes, name: str) -> Clip:
    """A recording and a clip of it, files first, as workers do."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"recordings/{sha256[:2]}/{sha256}.wav"
    lay(home / path, content)
    row = Recording(
        voice="anna", sha256=sha256, name=name, path=path, size=len(content), seconds=1.0, sample_rate=16_000,
        channels=1, codec="pcm", text="a line", added=now(), cut=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    journal.add(home, [journal.Entry.of(row)])
    cut = content[: len(content) // 2]
    digest = hashlib.sha256(cut).hexdigest()
    place = f"clips/{digest[:2]}/{digest}.flac"
    lay(home / place, cut)
    clip = Clip(voice="anna", recording=row.id, sha256=digest, path=place, start=0.0, end=1.0, text="a line", kept=True)
    session.add(clip)
    session.flush()
    return clip


def lay(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".tmp-{path.name}")
    aside.write_bytes(content)
    aside.rename(path)


def mark(home: Path, run: int) -> identity.Mark:
    with opened(home) as store:
        return store.read_now(
            lambda session: identity.Mark(session.scalars(select(Home.uuid)).one(), session.get_one(Run, run).uuid)
        )


def _version(home: Path, chance: random.Random) -> None:
    def save(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(chance.randbytes(50_000))
        (folder / "config.json").write_text("{}")

    about = {"voice": "anna", "version": 1, "engine": "glow", "kind": "full"}
    versions.write(home / "voices/anna/1", save, about, mark(home, 1))
    (home / "voices/anna/1/report.md").write_text("# A report\n")


def _samples(home: Path, chance: random.Random) -> None:
    content = chance.randbytes(5_000)
    lay(home / "samples/anna/1/aa.wav", content)
    note = {"key": "k", "text": "a line", "sha256": hashlib.sha256(content).hexdigest()}
    lay(home / "samples/anna/1/aa.json", json.dumps(note).encode())


def _features(home: Path) -> None:
    arrays = {"mel": np.arange(600, dtype=np.float32).reshape(20, 30), "tokens": np.arange(9)}
    content = safetensors.numpy.save(arrays, metadata={"sha256": features._digest(arrays)})
    lay(home / "features/glow" / f"{'f' * 64}.safetensors", content)


def checkpoint(home: Path, step: int, chance: random.Random, run: int = 2) -> Path:
    """Written aside and renamed, as the training does."""
    folder = home / f"runs/{run}/checkpoints"
    aside = folder / f".tmp-step-{step:06d}"
    aside.mkdir(parents=True)
    named = {}
    for name in ("model.safetensors", "optimizer.safetensors"):
        content = chance.randbytes(20_000)
        (aside / name).write_bytes(content)
        named[name] = {"size": len(content), "crc32": zlib.crc32(content)}
    (aside / "state.json").write_text(json.dumps({"format": 1, "files": named, "state": {"step": step}}))
    final = folder / f"step-{step:06d}"
    aside.rename(final)
    return final


def told(home: Path, *, deep: bool = True) -> set[tuple[Kind, str]]:
    """What a check finds: (kind, path)."""
    return {(one.kind, one.path) for one in check.check(home, deep=deep).findings}


def pairs(found: Iterable[Finding]) -> set[tuple[Kind, str]]:
    return {(one.kind, one.path) for one in found}


def files(home: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, time and mode by path, of all that a backup has but the database."""
    found = {}
    for folder in ("recordings", "clips", "voices", "samples", "runs", "inbox", "heard", "imports", "lost"):
        for path in sorted((home / folder).rglob("*")):
            if path.is_file():
                told = path.stat()
                found[str(path.relative_to(home))] = (path.read_bytes(), told.st_mtime_ns, told.st_mode)
    return found


def dump(home: Path) -> list[str]:
    """Every row of the database."""
    with sqlite3.connect(home / "myna.db") as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


@contextmanager
def depot(path: Path) -> Iterator[Depot]:
    made = Depot.made(path)
    with made.locked():
        yield made


def flip(path: Path, place: int | None = None) -> None:
    """One bit of a file, without a trace in its size and times."""
    told = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 0x10
    path.write_bytes(content)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
