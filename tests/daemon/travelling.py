"""A version with files of its own, in a home that can export it; its weights are a few numbers."""

from __future__ import annotations

import json
from pathlib import Path

import furnished
import numpy as np
from safetensors.numpy import save_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Run, Version, now
from daemon.database.store import Store
from daemon.home import identity
from daemon.package.formats import MYNA
from daemon.state import numbering, recordings, verdict, voices
from daemon.state.values import Decision
from engines import registry
from proto import myna_pb2 as pb
from proto.messages import spec_of

#: SHA-256 of a clip that was held out, and spoken.
LINE = "5" * 64
SCORES = {"cer": 0.02, "similarity": 0.81}


def version(store: Store, voice: str, number: int = 1, *, language: str = "en", seed: int = 0) -> Path:
    """Give a voice a version of glow that was scored. Returns its folder."""
    home = store.path.parent
    base = registry.learner("glow").base_fingerprint()

    def act(session: Session) -> str:
        recordings.ensure_voice(session, voice, language, "glow")
        run = Run(voice=voice, engine="glow", job=1000 + number, dataset=4, to_version=number, started=now())
        session.add(run)
        session.flush()
        row = Version(
            voice=voice, number=number, parent=0, dataset=4, run=run.id, engine="glow", kind="full", state="candidate",
            metrics={**SCORES, voices.SCORED_ON: "lines-of-there"}, licence="MIT", size=1, created=now(),
            path=str(numbering.folder(voice, number)),
        )  # fmt: skip
        verdict.put(row, Decision.UNDECIDED, "Undecided.")
        session.add(row)
        return run.uuid

    uuid = store.write_now(act)
    folder, samples = home / numbering.folder(voice, number), home / "samples" / voice / str(number)
    for place in (folder, samples):
        place.mkdir(parents=True)
    numbers = np.random.default_rng(seed).standard_normal(16).astype(np.float32)
    save_file({"numbers": numbers}, folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps({"settings": {"width": 4}}))
    about = {
        "voice": voice, "version": number, "engine": "glow", "kind": "full", "base": base, "origin": "0123",
        "parent": 0, "dataset": 4, "language": language, "home": "there", "run_uuid": uuid, "clips": ["1" * 64],
        "held_out": [LINE], "created": "2026-01-01T00:00:00+00:00", "settings": {"steps": 12}, "machine": "a small one",
        "result": {"steps": 12, "best_step": 8, "best_loss": 0.5, "best_losses": {"loss": 0.5}, "seconds": 3.0,
                   "sound": {"vocoder": True, "bands": False}},
    }  # fmt: skip
    (folder / "version.json").write_text(json.dumps(about))
    (folder / "report.md").write_text("# anna, scored there\n")
    (folder / "report.json").write_text(json.dumps({"summaries": {"candidate": SCORES}}))
    (folder / "curves.svg").write_text("<svg/>")
    (samples / f"{LINE}.wav").write_bytes(b"RIFF")
    identity.write(folder, identity.Mark("there", uuid))
    return folder


def versions(store: Store) -> list[Version]:
    """Those that a home has, by their numbers."""
    return store.read_now(lambda session: list(session.scalars(select(Version).order_by(Version.number))))


def exported(store: Store, voice: str, number: int = 1) -> Path:
    """The version's package."""
    job = furnished.done(store, spec_of(pb.ExportSpec(voice=voice, version=number, format="myna")))
    assert job.state == "succeeded", job.why
    return store.path.parent / "exports" / f"{voice}-{number}{MYNA}"


def lies(home: Path) -> dict[str, bytes]:
    """Every file of versions in a home, by its path."""
    places = (home / name for name in ("voices", "samples", "imports"))
    return {
        str(path.relative_to(home)): path.read_bytes()
        for place in places
        for path in place.rglob("*")
        if path.is_file()
    }
