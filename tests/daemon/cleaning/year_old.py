"""Jobs, trainings and files from a year ago, for tests of cleaning."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session
from voice_rows import folder, version

from daemon.cleaning.cleaning import Cleaning
from daemon.database.models import Job, Run, Voice, now
from daemon.database.store import Store
from daemon.home import identity
from daemon.home.purging import Purging
from daemon.keep_settings import Keep
from daemon.machine.disk_space import DiskSpace
from daemon.state import spoken_texts
from proto import myna_pb2 as pb

DAYS = Keep(texts_days=30, logs_days=180, checkpoints_days=30, packages_days=30, rejected_days=10)
LONG_AGO = timedelta(days=365)


def job(
    session: Session,
    kind: str,
    state: str,
    *,
    spec: pb.JobSpec | None = None,
    title: str = "",
    ago: timedelta = LONG_AGO,
) -> Job:
    row = Job(
        kind=kind, voice="anna", title=title or kind, spec=(spec or pb.JobSpec()).SerializeToString(),
        has_text=spoken_texts.in_spec(spec or pb.JobSpec()), gpu_lane=False, priority=1, place=1.0, state=state,
        submitted=now() - ago, queued_since=now() - ago, started=now() - ago,
        ended=None if state in ("queued", "running", "paused") else now() - ago,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def training(session: Session, home: Path, state: str, ago: timedelta = LONG_AGO) -> Path:
    """A training with a checkpoint; the checkpoint's file."""
    owner = job(session, "train", state, ago=ago)
    run = Run(voice="anna", engine="glow", job=owner.id, dataset=1, settings={}, result={})
    session.add(run)
    session.flush()
    owner.run = run.id
    return put(home / "runs" / str(run.id) / "checkpoints" / "10" / "model.safetensors")


def put(path: Path, ago: timedelta = LONG_AGO, size: int = 1_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    then = time.time() - ago.total_seconds()
    os.utime(path, (then, then))
    return path


def rejected(session: Session, home: Path, number: int, state: str = "rejected") -> Path:
    row = version(session, number)
    row.state, row.created = state, now() - LONG_AGO
    if state == "promoted":
        session.get_one(Voice, "anna").promoted = number
    place = folder(home, row)
    identity.write(place, identity.Mark("b" * 32, session.get_one(Run, row.run).uuid))
    return place / "model.safetensors"


def cleaning(store: Store, home: Path, keep: Keep = DAYS, missing: Callable[[], int] | None = None) -> Cleaning:
    """`missing`: bytes that the disk is short of, as it would say."""

    class Disk(DiskSpace):
        def missing(self, need: int = 0, folder: Path | None = None) -> int:
            return missing() if missing is not None else 0

    return Cleaning(store, Disk(home, 0), keep, Purging(home, store, asyncio.Lock()))
