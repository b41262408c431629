"""Transcripts that come without their recording: their text is given to recordings that were taken before, or they wait
for theirs.

A metadata.csv stays in the inbox until every recording that it lists was taken.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from daemon import names
from daemon.home import journal
from daemon.inbox import transcripts
from daemon.inbox.arrivals import Entry
from daemon.inbox.folder import InboxFolder
from daemon.inbox.subtitles import Cue, wire_cues
from daemon.inbox.transcripts import BadTranscript
from daemon.state import jobs, recordings
from daemon.state.status import State
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from daemon.database.store import Store

Identity = tuple[int, int, int]
#: Bytes of transcripts, and files, whose texts are in memory at once.
AT_ONCE, FILES_AT_ONCE = 4_000_000, 500


def places(recording: bytes) -> set[bytes]:
    """Where transcripts of a recording may lie, relative to the same folder."""
    base = names.stem(recording)
    beside = {base + ending for lower in names.TEXT_ENDINGS for ending in (lower, lower.upper())}
    return beside | set(transcripts.metadata_of(recording))


@dataclass(frozen=True)
class Handlers:
    """What is done with a transcript that cannot go the usual way."""

    refuse: Callable[[Entry, str, str], Awaitable[None]]  #: with a sentence and what to do
    hold: Callable[[Entry, OSError], Awaitable[None]]  #: it stays, and is tried again later


@dataclass
class OrphanTranscripts:
    """The transcripts of one voice that were looked at and wait."""

    waiting: dict[bytes, str] = field(default_factory=dict)  #: by path: what for, in words
    _seen: dict[bytes, Identity] = field(default_factory=dict)

    def forget(self) -> None:
        """Recordings were taken: look again."""
        self._seen.clear()

    async def deal(self, entries: list[Entry], voice: str, home: Path, store: Store, handlers: Handlers) -> int:
        """Deal with settled transcripts that are new since the last time. Returns how many recordings were given a
        text."""
        there = {entry.path for entry in entries}
        self.waiting = {path: why for path, why in self.waiting.items() if path in there}
        fresh = [entry for entry in entries if self._seen.get(entry.path) != entry.identity]
        if not fresh or await store.read(_is_cutting, voice):
            return 0
        folder = InboxFolder(home, voice)
        changed = 0
        for some in _batches([entry for entry in fresh if not names.is_metadata(entry.path)]):
            read = await asyncio.to_thread(_read_all, folder, some)
            found, count = await self._attach(read, voice, home, store)
            changed += count
            for entry in some:
                await self._done(entry, read.bad.get(entry.path), entry.path in found, home, folder, handlers)
        for entry in fresh:
            if names.is_metadata(entry.path):
                listed = await asyncio.to_thread(_read_list, folder, entry.path, await store.read(_stems, voice))
                if isinstance(listed, BadTranscript):
                    await self._done(entry, listed, False, home, folder, handlers)
                    continue
                _, given = await store.write(
                    _attach, voice, listed.texts, names.printable(os.path.basename(entry.path))
                )
                await asyncio.to_thread(journal.add, home, given)
                changed += len(given)
                self.waiting[entry.path] = f"waits for {listed.missing} of the {listed.all} recordings that it lists"
                await self._done(entry, None, not listed.missing, home, folder, handlers)
        return changed

    async def _attach(self, read: _Read, voice: str, home: Path, store: Store) -> tuple[set[bytes], int]:
        """Give texts to their recordings. Returns (those that have one, recordings whose text is new)."""
        if not (texts := read.texts):
            return set(), 0
        by_key = {recordings.name_stem(names.printable(path)): path for path in texts}
        source = "a transcript" if len(texts) > 1 else names.printable(os.path.basename(next(iter(texts))))
        cues = {key: wire_cues(read.cues[path]) for key, path in by_key.items() if path in read.cues}
        named = {key: texts[path] for key, path in by_key.items()}
        found, given = await store.write(_attach, voice, named, source, cues)
        await asyncio.to_thread(journal.add, home, given)
        self.waiting.update(dict.fromkeys(texts, "waits for its recording"))
        return {path for key, path in by_key.items() if key in found}, len(given)

    async def _done(
        self, entry: Entry, bad: BadTranscript | None, stored: bool, home: Path, folder: InboxFolder, handlers: Handlers
    ) -> None:
        """A transcript was looked at: refused, or moved away once all it says is stored, or it waits."""
        if bad is not None:
            await handlers.refuse(entry, bad.sentence, bad.hint)
            return
        if stored:
            self.waiting.pop(entry.path, None)
            try:
                await asyncio.to_thread(transcripts.keep, home, folder, entry.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                await handlers.hold(entry, error)
                return
        self._seen[entry.path] = entry.identity


@dataclass(frozen=True)
class _Read:
    texts: dict[bytes, str] = field(default_factory=dict)
    cues: dict[bytes, tuple[Cue, ...]] = field(default_factory=dict)  #: of subtitles
    bad: dict[bytes, BadTranscript] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """What a metadata.csv says of the recordings that are here. The texts of others are not kept in memory while it
    waits for them."""

    texts: dict[str, str]  #: by the recordings' names without ending
    all: int  #: recordings that it lists
    missing: int  #: of them, those that are not here


def _batches(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Together so small that their texts may be in memory at once."""
    some: list[Entry] = []
    size = 0
    for entry in entries:
        some.append(entry)
        size += min(entry.size, transcripts.TEXT_LIMIT)
        if size >= AT_ONCE or len(some) == FILES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _read_all(folder: InboxFolder, entries: list[Entry]) -> _Read:
    read = _Read()
    for entry in entries:
        try:
            read.texts[entry.path], cues = transcripts.read_transcript(folder, entry.path)
            if cues:
                read.cues[entry.path] = cues
        except BadTranscript as bad:
            read.bad[entry.path] = bad
        except FileNotFoundError:
            continue
        except OSError as error:
            read.bad[entry.path] = _unreadable(entry.path, error)
    return read


def _read_list(folder: InboxFolder, path: bytes, known: set[str]) -> Listed | BadTranscript:
    """A metadata.csv, line by line, against the names (without ending) of the recordings that are here."""
    within = names.printable(os.path.join(os.path.dirname(path), b""))
    here: dict[str, str] = {}  # as the list may call it → its name
    for name in known:
        if name.startswith(within):
            here[name[len(within) :]] = name
    for called, name in list(here.items()):
        above, _, last = called.rpartition("/")
        if above.lower().encode() in transcripts.AUDIO_FOLDERS:
            here.setdefault(last, name)
    texts: dict[str, str] = {}
    missing: set[int] = set()
    try:
        for _, id, text in transcripts.metadata_lines(folder, path):
            if not id:
                continue
            if (found := here.get(names.printable(id))) is not None:
                texts[found] = text
            else:
                missing.add(hash(id))
    except BadTranscript as bad:
        return bad
    except FileNotFoundError:
        return Listed({}, 0, 0)
    except OSError as error:
        return _unreadable(path, error)
    return Listed(texts, len(texts) + len(missing), len(missing))


def _unreadable(path: bytes, error: OSError) -> BadTranscript:
    hint = "Give the daemon's user permission to read it (chmod a+r)."
    return BadTranscript(f"{names.printable(path)} cannot be read: {error.strerror}.", hint)


def _is_cutting(session: Session, voice: str) -> bool:
    """Whether a worker is cutting the voice's recordings: a text that came now would be passed over. When it is done,
    we look again."""
    job = jobs.find_live(session, "dataset", voice)
    return job is not None and job.state != State.QUEUED


def _stems(session: Session, voice: str) -> set[str]:
    return set(recordings.by_stem(session, voice))


def _attach(
    session: Session,
    voice: str,
    texts: Mapping[str, str],
    source: str,
    cues: Mapping[str, Sequence[pb.Cue]] = MappingProxyType({}),
) -> tuple[set[str], list[journal.Entry]]:
    """`recordings.attach`, with what the journal is to keep of it: a row is whole in its transaction only."""
    found, rows = recordings.attach(session, voice, texts, source, cues)
    return found, [journal.Entry.of(row) for row in rows]
