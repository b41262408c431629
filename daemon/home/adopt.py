"""Taking in what a home has and its database does not know (`daemon.home.survey`): rows for versions, ingest jobs for
recordings.

A version is taken in under its own number, as a candidate that nobody promoted, with a run that tells how it was
trained. What its numbers meant in the other database holds here only where it is the same thing: its dataset if that
has the same clips, its parent if that has the same UUID.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Run, Version, new_uuid, now
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.home import identity, survey
from daemon.home.identity import Mark
from daemon.home.survey import Found, State
from daemon.inbox import subtitles
from daemon.kinds.lifecycle import Lifecycle
from daemon.machine.disk_space import folder_size
from daemon.state import consent_notes, own_speaker, recordings, verdict, voices
from daemon.state.values import Decision, VersionKind, VersionState
from proto import myna_pb2 as pb

#: things that are named, at most
SHOWN = 1_000


def measured(found: Sequence[Found], home: Path) -> list[Found]:
    """The same, with the sizes of versions. Walks the disk."""
    return [replace(one, size=folder_size(home / one.path)) if one.kind == "version" else one for one in found]


def take_in(
    session: Session, lifecycle: Lifecycle, found: Sequence[Found], home: Path, batch: int
) -> tuple[list[tuple[str, int]], list[tuple[Path, Mark]]]:
    """Make the rows and submit the jobs. Returns ((voice, job) of the jobs, folders that have no mark and the mark each
    is to have)."""
    taken = [one for one in found if one.state is State.TAKEN]
    marks = []
    for one in taken:
        if one.kind == "version" and (run := _version(session, one, home)) is not None and one.mark is None:
            marks.append((home / one.path, Mark("", run.uuid)))
    entries = sorted((one for one in taken if one.kind == "recording"), key=lambda one: one.voice)
    submitted = []
    for voice, group in groupby(entries, key=lambda one: one.voice):
        recordings.ensure_voice(session, voice)
        kept = [_kept(one) for one in group]
        for start in range(0, len(kept), batch):
            spec = pb.JobSpec(ingest=pb.IngestSpec(voice=voice, kept=kept[start : start + batch]))
            submitted.append((voice, lifecycle.submit(session, spec).id))
    consent_notes.take_in(session, home)
    own_speaker.take_in(session, home)
    return submitted, marks


def _kept(one: Found) -> pb.KeptRecording:
    if one.entry is None:
        raise BadRequest(f"{one.path} is no recording.", "")
    entry = one.entry
    recording = pb.KeptRecording(sha256=entry.sha256, path=one.path, name=entry.name, text_from=entry.text_from)
    if entry.text is not None:
        recording.has_text, recording.text = True, entry.text
        recording.cues.extend(subtitles.of_row(entry.cues))
    return recording


def _version(session: Session, one: Found, home: Path) -> Run | None:
    """The rows of a version and of its run; None: a row of that number came meanwhile."""
    about = one.about
    voice = recordings.ensure_voice(session, one.voice, str(about.get("language") or "en"), str(about["engine"]))
    if (
        session.scalars(select(Version).where(Version.voice == voice.name, Version.number == one.number)).first()
        is not None
    ):
        return None
    result = _table(about, "result")
    data, parent, made = (
        _dataset(session, voice.name, about),
        _parent(session, voice.name, about),
        _created(about, home / one.path),
    )
    run = Run(
        voice=voice.name,
        engine=about["engine"],
        job=0,
        dataset=data,
        from_version=parent,
        to_version=one.number,
        settings=_table(about, "settings"),
        step=int(result.get("steps") or 0),
        steps=int(result.get("steps") or 0),
        best_step=int(result.get("best_step") or 0),
        best_loss=result.get("best_loss"),
        result={**result, "held_out": _table(result, "best_losses")},
        started=made,
        ended=made,
        uuid=one.mark.run if one.mark is not None else new_uuid(),
    )
    session.add(run)
    session.flush()
    row = Version(
        voice=voice.name,
        number=one.number,
        parent=parent,
        dataset=data,
        run=run.id,
        engine=about["engine"],
        kind=str(about.get("kind") or VersionKind.FULL),
        state=VersionState.CANDIDATE,
        metrics={f"train_{name}": value for name, value in _table(result, "best_losses").items()}
        | _scores(home / one.path),
        licence=str(about.get("licence") or ""),
        path=one.path,
        size=one.size,
        created=made,
        adopted=now(),
        sound=_table(result, "sound"),
    )
    verdict.put_unscored(row, Decision.TAKEN_IN)
    session.add(row)
    voices.emit_version(session, row)
    voices.emit_voice(session, voice)
    return run


def _dataset(session: Session, voice: str, about: dict[str, Any]) -> int:
    """Number of the dataset that it was trained on, if this database has it: the same clips. 0: it has not."""
    number = int(about.get("dataset") or 0)
    clips = (
        select(Clip.sha256)
        .join(DatasetClip, DatasetClip.clip == Clip.id)
        .join(Dataset, Dataset.id == DatasetClip.dataset)
    )
    ours = set(
        session.scalars(clips.where(Dataset.voice == voice, Dataset.number == number, DatasetClip.held_out.is_(False)))
    )
    return number if ours and ours == set(about.get("clips") or ()) else 0


def _parent(session: Session, voice: str, about: dict[str, Any]) -> int:
    """Number of the version that it was trained from, unless this database knows another one by that number. 0: the
    base, or another."""
    number, uuid = int(about.get("parent") or 0), about.get("parent_uuid")
    known = session.scalars(
        select(Run.uuid).join(Version, Version.run == Run.id).where(Version.voice == voice, Version.number == number)
    )
    ours = known.first()
    return 0 if uuid and ours is not None and ours != uuid else number


def _created(about: dict[str, Any], folder: Path) -> datetime:
    try:
        created = datetime.fromisoformat(str(about.get("created")))
    except ValueError:
        return datetime.fromtimestamp((folder / "version.json").stat().st_mtime, UTC)
    return created if created.tzinfo is not None else created.replace(tzinfo=UTC)


def _scores(folder: Path) -> dict[str, float]:
    """What its report says that it scored, on the lines of the database that it was of."""
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return voices.numbers(_table(_table(report if isinstance(report, dict) else {}, "summaries"), "candidate"))


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return dict(found) if isinstance(found, dict) else {}


class Adoption:
    """What the home has beyond its database: looked for at the start, told of, and taken in when asked."""

    def __init__(
        self, home: Path, store: Store, lifecycle: Lifecycle, takes: Callable[[str, int], None], batch: int
    ) -> None:
        self._home = home
        self._store = store
        self._lifecycle = lifecycle
        self._takes = takes  #: told of (voice, job) of each ingest job
        self._batch = batch  #: recordings of one ingest job
        self.findings: list[pb.Finding] = []  #: what a person should know of the home, once it was looked through

    async def at_start(self) -> None:
        """Look through the home, and tell of what its database lacks."""
        self.findings = await survey.at_start(self._store, self._home)

    async def take_in(self, voice: str, *, dry: bool) -> pb.AdoptResponse:
        """Take in all that can be. `voice`: whose recordings are of which nothing tells. `dry`: only say what there
        is."""
        found = await asyncio.to_thread(self._store.read_now, survey.scan, self._home, voice)
        left = [one for one in found if one.state is not State.TAKEN]
        taken = [one for one in found if one.state is State.TAKEN]
        answer = pb.AdoptResponse(
            found=[one.message for one in (*left, *taken)[:SHOWN]],
            recordings=sum(one.kind == "recording" for one in taken),
            versions=sum(one.kind == "version" for one in taken),
            left=len(left),
        )
        if dry or not taken:
            return answer
        taken = await asyncio.to_thread(measured, taken, self._home)
        submitted, marks = await self._store.write(take_in, self._lifecycle, taken, self._home, self._batch)
        for folder, mark in marks:
            await asyncio.to_thread(identity.write, folder, mark)
        for owner, job in submitted:
            self._takes(owner, job)
            answer.jobs.append(job)
        finding = survey.finding(left)
        self.findings = [finding] if finding is not None else []
        return answer
