"""Transcripts that come without their recording: their text is given to recordings that were taken before, or they wait for theirs.

A metadata.csv stays in the inbox until every recording that it lists was taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from daemon import journal, names, refused, transcripts
from daemon.arrivals import Entry
from daemon.state import jobs, recordings
from daemon.transcripts import BadTranscript

if TYPE_CHECKING:
    from daemon.store import Store

Identity = tuple[int, int, int]


def places(recording: bytes) -> set[bytes]:
    """Where transcripts of a recording may lie, relative to the same folder."""
    base = names.stem(recording)
    beside = {base + ending for lower in names.TEXT_ENDINGS for ending in (lower, lower.upper())}
    return beside | set(transcripts.metadata_of(recording))


@dataclass
class LateTexts:
    """The transcripts of one voice that were looked at and wait."""

    waiting: dict[bytes, str] = field(default_factory=dict)  #: by path: what for, in words
    _seen: dict[bytes, Identity] = field(default_factory=dict)

    def forget(self) -> None:
        """Recordings were taken: look again."""
        self._seen.clear()

    async def deal(self, entries: list[Entry], voice: str, home: Path, store: Store) -> int:
        """Deal with settled transcripts that are new since the last time. Returns how many recordings were given a text."""
        there = {entry.path for entry in entries}
        self.waiting = {path: why for path, why in self.waiting.items() if path in there}
        fresh = [entry for entry in entries if self._seen.get(entry.path) != entry.identity]
        if not fresh or await store.read(_is_cutting, voice):
            return 0
        folder = os.fsencode(home / "inbox" / voice)
        read = await asyncio.to_thread(_read_all, folder, fresh)
        changed = 0
        for path, bad in read.bad:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(refused.refuse, folder, os.path.join(folder, path), bad.sentence, bad.hint)
                await store.write(recordings.tell, voice, names.printable(path), "refused", f"{bad.sentence} {bad.hint}")
        if read.sidecars:
            changed += await self._sidecars(read.sidecars, folder, voice, home, store)
        for path, metadata in read.lists:
            changed += await self._list(path, metadata, folder, voice, home, store)
        self._seen.update({entry.path: entry.identity for entry in fresh})
        return changed

    async def _sidecars(self, texts: dict[bytes, str], folder: bytes, voice: str, home: Path, store: Store) -> int:
        by_key = {recordings.name_stem(names.printable(path)): path for path in texts}
        given = {key: texts[path] for key, path in by_key.items()}
        source = "a transcript" if len(texts) > 1 else names.printable(os.path.basename(next(iter(texts))))
        found, changed = await store.write(recordings.attach, voice, given, source)
        await asyncio.to_thread(journal.add, home, [journal.Entry.of(row) for row in changed])
        for key, path in by_key.items():
            if key in found:
                self.waiting.pop(path, None)
                with contextlib.suppress(FileNotFoundError):
                    await asyncio.to_thread(transcripts.keep, home, os.path.join(folder, path))
            else:
                self.waiting[path] = "waits for its recording"
        return len(changed)

    async def _list(self, path: bytes, metadata: transcripts.Metadata, folder: bytes, voice: str, home: Path, store: Store) -> int:
        """A metadata.csv: its ids stand for recordings in its own folder, or in `wavs/` below."""
        base = os.path.dirname(path)
        known = await store.read(_stems, voice)
        texts: dict[str, str] = {}
        missing = 0
        for id, text in metadata.texts.items():
            candidates = [id, *(os.path.join(below, id) for below in transcripts.AUDIO_FOLDERS)]
            keys = [names.printable(os.path.join(base, candidate)) for candidate in candidates]
            if (key := next((key for key in keys if key in known), None)) is not None:
                texts[key] = text
            else:
                missing += 1
        _, changed = await store.write(recordings.attach, voice, texts, names.METADATA.decode())
        await asyncio.to_thread(journal.add, home, [journal.Entry.of(row) for row in changed])
        if missing:
            self.waiting[path] = f"waits for {missing} of the {len(metadata.texts)} recordings that it lists"
            return len(changed)
        self.waiting.pop(path, None)
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(transcripts.keep, home, os.path.join(folder, path))
        return len(changed)


@dataclass(frozen=True)
class _Read:
    sidecars: dict[bytes, str]
    lists: list[tuple[bytes, transcripts.Metadata]]
    bad: list[tuple[bytes, BadTranscript]]


def _read_all(folder: bytes, entries: list[Entry]) -> _Read:
    read = _Read({}, [], [])
    for entry in entries:
        path = os.path.join(folder, entry.path)
        try:
            if names.is_metadata(entry.path):
                read.lists.append((entry.path, transcripts.read_metadata(path)))
            else:
                read.sidecars[entry.path] = transcripts.read_text(path)
        except BadTranscript as bad:
            read.bad.append((entry.path, bad))
        except FileNotFoundError:
            continue
        except OSError as error:
            hint = "Give the daemon's user permission to read it (chmod a+r)."
            read.bad.append((entry.path, BadTranscript(f"{names.printable(entry.path)} cannot be read: {error.strerror}.", hint)))
    return read


def _is_cutting(session: Session, voice: str) -> bool:
    """Whether a worker is cutting the voice's recordings: a text that came now would be passed over. When it is done, we look again."""
    job = jobs.find_live(session, "dataset", voice)
    return job is not None and job.state != "queued"


def _stems(session: Session, voice: str) -> set[str]:
    return set(recordings.by_stem(session, voice))
