"""What lies in a home and its database does not know: recordings and versions of a database that was lost, or that was
newer.

`scan` walks the home and may take seconds in a big one: it runs in a thread, after the start. Disk first, then the
database: what came in between has its row.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Home, Job, Recording, Run, Version, Voice
from daemon.errors import MynaError
from daemon.home import consent_file, identity, journal, purged_folder, speaker_file
from daemon.state import consent_notes, events, own_speaker
from daemon.state.status import State as JobState
from daemon.state.values import Level
from engines import registry
from proto import findings
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from daemon.database.store import Store

log = logging.getLogger("mynad.survey")


class State(StrEnum):
    """What becomes of a thing that was found."""

    TAKEN = "taken"
    NO_VOICE = "no-voice"
    VOICE_DELETED = "voice-deleted"
    REMOVED = "removed"
    PURGED = "purged"
    NO_ENGINE = "no-engine"
    NOT_WHOLE = "not-whole"
    NUMBER_TAKEN = "number-taken"
    ELSEWHERE = "elsewhere"


SENTENCES = {
    State.TAKEN: "",
    State.NO_VOICE: "Myna does not know whose recording it is. Name the voice with --voice.",
    State.VOICE_DELETED: "Its voice was deleted: `myna voices restore NAME` brings that back first.",
    State.REMOVED: "A person removed it from the voice.",
    State.PURGED: "A person had its weights deleted to free disk.",
    State.NO_ENGINE: "This Myna has no engine of that name.",
    State.NOT_WHOLE: "Its folder is incomplete.",
    State.NUMBER_TAKEN: "The database knows another version of that number. Move one of the two folders away.",
    State.ELSEWHERE: "Its version.json says that it is another voice's, or has another number.",
}


@dataclass(frozen=True)
class Found:
    """A recording or a version that has no row."""

    kind: str  #: "recording", "version"
    voice: str  #: empty: nothing tells
    name: str
    path: str  #: relative to the home
    state: State
    entry: journal.Entry | None = None  #: of a recording
    number: int = 0  #: of a version
    about: dict[str, Any] = field(default_factory=dict)  #: of a version: its version.json
    mark: identity.Mark | None = None
    size: int = 0  #: of a version, in bytes, once it was measured

    @property
    def message(self) -> pb.Adopted:
        return pb.Adopted(
            kind=self.kind,
            voice=self.voice,
            name=self.name,
            path=self.path,
            state=self.state,
            sentence=SENTENCES[self.state],
        )


def scan(session: Session, home: Path, voice: str = "") -> list[Found]:
    """All there is, versions in the order of their numbers first. `voice`: whose recordings are of which nothing
    tells."""
    folders, files = sorted(_folders(home)), dict(_files(home))
    deleted = set(session.scalars(select(Voice.name).where(Voice.deleted.is_not(None))))
    return [
        replace(one, state=State.VOICE_DELETED) if one.state is State.TAKEN and one.voice in deleted else one
        for one in (*_versions(session, home, folders), *_recordings(session, home, files, voice))
    ]


def finding(found: list[Found]) -> pb.Finding | None:
    """What a person should know of it; None: nothing (what a person took out or purged is as they want it)."""
    counts = Counter(one.kind for one in found if one.state not in (State.REMOVED, State.PURGED))
    if not counts:
        return None
    what = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(counts.items()))
    hint = "`myna adopt --dry-run` lists them, `myna adopt` takes them in. Nothing of them is changed or deleted."
    return findings.note("home contents", f"This home has {what} that its database does not know.", hint)


async def at_start(store: Store, home: Path) -> list[pb.Finding]:
    """What a person should know of the home: also as a notice and in mynad's log. The journal gets the lines that it
    lacks, and folders from before there were marks get theirs."""
    try:
        found = await asyncio.to_thread(_at_start, store, home)
    except (OSError, MynaError, SQLAlchemyError):
        log.exception("The home folder could not be surveyed.")
        return []
    trouble = finding(found)
    if trouble is None:
        return []
    log.warning("%s %s", trouble.sentence, trouble.hint)
    with contextlib.suppress(MynaError):  # a full disk: it is in the log
        await store.write(events.notice, Level.WARNING, trouble.sentence, trouble.hint)
    return [trouble]


def _at_start(store: Store, home: Path) -> list[Found]:
    journal.add(home, store.read_now(complete_journal, home))
    consent_file.add(home, store.read_now(consent_notes.unwritten, home))
    speaker_file.add(home, store.read_now(own_speaker.unwritten, home))
    for folder, mark in store.read_now(unmarked, home):
        identity.write(folder, mark)
    return store.read_now(scan, home)


def complete_journal(session: Session, home: Path) -> list[journal.Entry]:
    """Entries that `recordings/index.jsonl` lacks, or has otherwise than the database: of before there was one, or lost
    in a power cut."""
    known = journal.read(home)
    given = select(Recording).where(Recording.made_from == "")  # what was made is not in recordings/
    rows = (journal.Entry.of(row) for row in session.scalars(given.execution_options(yield_per=1_000)))
    return [entry for entry in rows if known.get((entry.voice, entry.sha256)) != entry]


def unmarked(session: Session, home: Path) -> list[tuple[Path, identity.Mark]]:
    """Folders of known versions from before there were marks, with the mark each is to have: those whose version.json
    agrees with the run in all that was measured (so exactly that no other run's would)."""
    ours = session.scalars(select(Home)).one()
    found = []
    for row, run in session.execute(select(Version, Run).join(Run, Run.id == Version.run)).tuples():
        folder = home / row.path
        if (folder / identity.MARK).exists() or run.started is None or run.started >= ours.since:
            continue
        about, result = (
            _about(folder),
            {"steps": run.step, "best_step": run.best_step, "seconds": run.result.get("seconds")},
        )
        wanted = {
            "voice": row.voice,
            "version": row.number,
            "engine": row.engine,
            "kind": row.kind,
            "parent": row.parent,
            "run": run.id,
        }
        if about and identity.written_for(about, wanted) and identity.written_for(about.get("result") or {}, result):
            found.append((folder, identity.Mark(ours.uuid, run.uuid)))
    return found


def _folders(home: Path) -> Iterator[tuple[str, int]]:
    """(voice, number) of every folder that can be a version's."""
    for voice in _listed(home / "voices"):
        if names.is_voice(os.fsencode(voice.name)):
            for version in _listed(Path(voice.path)):
                if version.name.isascii() and version.name.isdigit() and version.is_dir():
                    yield voice.name, int(version.name)


def _versions(session: Session, home: Path, folders: list[tuple[str, int]]) -> Iterator[Found]:
    rows = {(voice, number): uuid for voice, number, uuid in session.execute(
        select(Version.voice, Version.number, Run.uuid).outerjoin(Run, Run.id == Version.run)
    )}  # fmt: skip
    runs = set(session.scalars(select(Run.uuid)))
    for voice, number in folders:
        folder = home / "voices" / voice / str(number)
        mark = identity.read(folder)
        uuid = rows.get((voice, number))
        if (voice, number) in rows and (mark is None or uuid is None or mark.run == uuid):
            continue
        if (voice, number) not in rows and mark is not None and mark.run in runs:
            continue  # its training is about to tell of it, or is to be retried
        about = _about(folder)
        if (voice, number) in rows:
            state = State.NUMBER_TAKEN
        elif purged_folder.noted(folder) is not None:
            state = State.PURGED
        elif not about or not any(path.name not in purged_folder.BESIDE for path in folder.iterdir()):
            state = State.NOT_WHOLE
        elif (about.get("voice"), about.get("version")) != (voice, number):
            state = State.ELSEWHERE
        else:
            state = State.TAKEN if about.get("engine") in registry.ENGINES else State.NO_ENGINE
        path = str(folder.relative_to(home))
        yield Found("version", voice, f"{voice}@{number}", path, state, number=number, about=about, mark=mark)


def _files(home: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """SHA-256 → (path relative to the home, when it came there in nanoseconds since 1970) of every file in
    recordings/."""
    for folder in _listed(home / "recordings"):
        if len(folder.name) == 2:
            for file in _listed(Path(folder.path)):
                if (
                    (sha256 := names.kept_sha256(file.name))
                    and sha256[:2] == folder.name
                    and file.is_file(follow_symlinks=False)
                ):
                    yield (
                        sha256,
                        (f"recordings/{folder.name}/{file.name}", file.stat(follow_symlinks=False).st_ctime_ns),
                    )


def _recordings(session: Session, home: Path, files: dict[str, tuple[str, int]], voice: str) -> Iterator[Found]:
    rows = set(session.execute(select(Recording.voice, Recording.sha256)).tuples())
    being_taken = select(Job.started).where(
        Job.kind.in_(("ingest", "import")), Job.state.in_((JobState.RUNNING, JobState.PAUSED))
    )
    began = min((int(started.timestamp() * 1e9) for started in session.scalars(being_taken) if started), default=None)
    files = {sha256: found for sha256, found in files.items() if began is None or found[1] < began}
    entries = journal.read(home)
    for (owner, sha256), entry in sorted(entries.items()):
        if sha256 in files and (owner, sha256) not in rows:
            state = State.REMOVED if entry.removed else State.TAKEN
            yield Found("recording", owner, entry.name, files[sha256][0], state, entry)
    known = {sha256 for _, sha256 in rows} | {sha256 for _, sha256 in entries}
    for sha256 in sorted(files.keys() - known):
        path = files[sha256][0]
        entry = journal.Entry(voice, sha256, path.rpartition("/")[2])
        yield Found("recording", voice, entry.name, path, State.TAKEN if voice else State.NO_VOICE, entry)


def _about(folder: Path) -> dict[str, Any]:
    """The version.json of a folder; empty: there is none that can be read."""
    try:
        found = json.loads((folder / "version.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
