"""A version that was trained elsewhere and comes in a package, made rows of a voice.

Its number is reserved by a run before anything is unpacked, so that no training takes it meanwhile; of an import that
came to nothing, the run is taken away again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Home, Job, Run, Version, now
from daemon.database.store import home_of
from daemon.home import identity, imports
from daemon.state import engines, numbering, unpacking, verdict, voices
from daemon.state.values import Decision, VersionState
from engines.files import TEMPORARY
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.messages import import_spec


def packages(session: Session) -> list[str]:
    """Names of what lies in imports/ for live jobs: packages that they wait for, and what they send or fetch."""
    live = session.scalars(select(Job.spec).where(text(LIVE), Job.kind == "import"))
    found = [import_spec(pb.JobSpec.FromString(spec)).path for spec in live]
    home = home_of(session)
    for id, kind in session.execute(select(Job.id, Job.kind).where(text(LIVE), Job.kind.in_(("push", "pull")))):
        came = imports.arriving(home, id)
        found += [imports.leaving(home, id).name] if kind == "push" else [came.name, imports.part(came).name]
    return found


def place(session: Session, job: Job) -> wire.VersionPlace:
    """Where the version of an import goes: the same in each of its attempts, unless another's folder came to lie
    there."""
    home, ours = home_of(session), session.scalars(select(Home)).one()
    run = _reserved(session, job)
    if run is None:
        run = Run(voice=job.voice, engine="", job=job.id, dataset=0, to_version=0, started=now())
        session.add(run)
        session.flush()
    folder = home / numbering.folder(job.voice, run.to_version)
    if not run.to_version or (folder.exists() and not identity.is_of(folder, run.uuid)):
        run.to_version, _ = numbering.following(session, job.voice, home)
        folder = home / numbering.folder(job.voice, run.to_version)
        session.flush()
    known = session.scalars(
        select(Version).where(Version.voice == job.voice, Version.state != VersionState.PURGED).order_by(Version.number)
    )
    return wire.VersionPlace(
        number=run.to_version,
        dir=str(folder),
        samples_dir=str(home / "samples" / job.voice / str(run.to_version)),
        run=run.id,
        run_uuid=run.uuid,
        home_uuid=ours.uuid,
        there=[str(home / row.path) for row in known],
    )


def store(session: Session, job: Job, came: wire.VersionUnpacked) -> None:
    """The version lies in its place: make its row, and the voice if there is none. The same again changes nothing."""
    run = _reserved(session, job)
    if run is None or of(session, job.id) is not None:
        return
    version, about = came.version, json.loads(came.about_json)
    voice = unpacking.shaped(session, job.voice, version.language, version.engine, f"{version.voice}'s version")
    result: dict[str, Any] = about["result"]
    created = version.created.ToDatetime(tzinfo=UTC)
    run.engine, run.settings, run.best_loss = version.engine, about["settings"], result.get("best_loss")
    run.step = run.steps = int(result.get("steps", 0))
    run.best_step = int(result.get("best_step", 0))
    run.started = run.ended = created
    # how long a step takes there tells nothing of this machine
    run.result = {**{name: value for name, value in result.items() if name != "seconds"}, "from": about["from"]}
    row = Version(
        voice=voice.name,
        number=run.to_version,
        parent=0,
        dataset=0,
        run=run.id,
        engine=version.engine,
        kind=version.kind,
        state=VersionState.CANDIDATE,
        metrics=_scores(version.metrics, version.scored_on),
        licence=engines.licence(session, engines.info(version.engine)),
        path=str(numbering.folder(voice.name, run.to_version)),
        size=came.size,
        created=created,
        adopted=now(),
        sound=result.get("sound") or {},
    )
    verdict.put(row, Decision.TAKEN_IN, _words(version, voices.spelt(voice.name, row.number)))
    session.add(row)
    voices.emit_version(session, row)
    voices.emit_voice(session, voice)


def of(session: Session, job: int) -> Version | None:
    """The version that came of an import."""
    return session.scalars(select(Version).join(Run, Run.id == Version.run).where(Run.job == job)).first()


def is_version(session: Session, job: Job) -> bool:
    """Whether the import is of a version: its number is reserved."""
    return _reserved(session, job) is not None


def forget(session: Session, job: Job) -> None:
    """The import has ended: a number that no version got is free again, and what a killed worker put under it is gone:
    a few files. Should the transaction come to nothing, the next attempt puts them there again."""
    run = _reserved(session, job)
    if run is not None and of(session, job.id) is None:
        _clear(home_of(session), job.voice, run)
        session.delete(run)
        session.flush()


def _clear(home: Path, voice: str, run: Run) -> None:
    folder = home / numbering.folder(voice, run.to_version)
    if folder.exists() and not identity.is_of(folder, run.uuid):
        return  # somebody else's
    samples = home / "samples" / voice / str(run.to_version)
    for place in (folder, samples, *folder.parent.glob(f"{TEMPORARY}{folder.name}-*")):
        shutil.rmtree(place, ignore_errors=True)
    for place in (folder.parent, samples.parent):
        with contextlib.suppress(OSError):
            place.rmdir()  # the last ones of a voice that there is not


def _reserved(session: Session, job: Job) -> Run | None:
    return session.scalars(select(Run).where(Run.job == job.id)).first()


def _scores(metrics: Mapping[str, float], on: str) -> dict[str, Any]:
    """As they were there. What they were measured on goes along: where that is the same here, they can be compared."""
    return {**metrics, **({voices.SCORED_ON: on} if on else {})}


def _words(version: wire.PackedVersion, name: str) -> str:
    there = voices.spelt(version.voice, version.number)
    scores = "Its scores and its report are from there, too." if version.metrics else "It was not scored there."
    return f"Imported: it was trained elsewhere, as {there}. {scores} `myna promote {name}` lets it speak."
