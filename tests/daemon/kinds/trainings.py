"""Trainings of a voice with ten clips, as tests of kinds ask for them."""

from __future__ import annotations

from pathlib import Path

import lives
from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.database.store import Store
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


def spec(**fields: object) -> pb.JobSpec:
    return pb.JobSpec(train=pb.TrainSpec(voice="anna", **fields))  # type: ignore[arg-type]


def job(session: Session, what: pb.JobSpec) -> Job:
    voice, title = lives.kind(session, "train").check(session, what)
    row = Job(
        kind="train", voice=voice, title=title, spec=what.SerializeToString(), gpu_lane=True, priority=100, place=1.0,
        state="queued", submitted=now(), queued_since=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def planned(store: Store, home: Path, what: pb.JobSpec) -> tuple[wire.TrainPlan, str]:
    def act(session: Session) -> tuple[wire.TrainPlan, str]:
        row = job(session, what)
        return lives.kind(session, "train").plan(session, row).train, row.title

    return store.write_now(act)
