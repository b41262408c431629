"""Cleaning, when somebody asks for it and by itself: what `[keep]` says is too old, and what has to go when the disk is
short."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.cleaning import find
from daemon.cleaning.values import WHEN_SHORT, Removal, What, Why
from daemon.database.models import now
from daemon.database.store import Store
from daemon.errors import MynaError
from daemon.home.purging import Purging
from daemon.home.set_aside import aside_of
from daemon.keep_settings import Keep
from daemon.machine.disk_space import DiskSpace
from daemon.state import events, spoken_texts
from daemon.state.values import Level
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.cleaning")

LOOK = 60.0  #: seconds between two looks at the disk
EVERY = 3_600.0  #: seconds between two cleanings by age


@dataclass
class Cleaned:
    """What went, or with a dry run would."""

    gone: list[tuple[Removal, int]] = field(default_factory=list)  #: with the bytes of each
    texts: int = 0  #: jobs whose text was forgotten
    failed: list[str] = field(default_factory=list)  #: what could not be deleted, and why

    @property
    def freed(self) -> int:
        return sum(size for _, size in self.gone)


class Cleaning:
    """Of one home. One cleaning at a time."""

    def __init__(self, store: Store, disk: DiskSpace, keep: Keep, purging: Purging) -> None:
        self._store = store
        self._disk = disk
        self.keep = keep
        self._purging = purging
        self._alone = asyncio.Lock()

    async def run(self) -> None:
        """Clean by itself, for ever."""
        passed = EVERY
        while True:
            try:
                if self.keep.by_itself:
                    if passed >= EVERY:
                        passed = 0.0
                        await self._tell(await self.by_age())
                    if await asyncio.to_thread(self._disk.missing):
                        await self._tell(await self.for_room())
            except (MynaError, OSError) as trouble:  # a disk that does not answer is no reason to end
                log.warning("Cleaning waits. %s", trouble)
            await asyncio.sleep(LOOK)
            passed += LOOK

    async def by_age(self, *, dry_run: bool = False) -> Cleaned:
        """What is older than `[keep]` says."""
        async with self._alone:
            done = Cleaned()
            found = await self._store.read(find.aged, self._disk.home, self.keep, now())
            await self._remove(found, done, dry_run)
            if self.keep.texts_days:
                await self._forget(done, dry_run)
            return done

    async def for_room(self, *, dry_run: bool = False) -> Cleaned:
        """While the disk is short: the least useful first, and no more than has to go."""
        async with self._alone:
            done = Cleaned()
            missing = await asyncio.to_thread(self._disk.missing)
            for what in WHEN_SHORT:
                for removal in await self._store.read(find.short, self._disk.home, what, now()):
                    if done.freed >= missing:
                        return done
                    await self._remove([removal], done, dry_run)
            return done

    async def _remove(self, found: Sequence[Removal], done: Cleaned, dry_run: bool) -> None:
        for removal in found:
            size = await asyncio.to_thread(removal.size)
            try:
                if dry_run or await self._one(removal):
                    done.gone.append((removal, size))
            except (OSError, MynaError) as error:
                log.warning("%s cannot be deleted: %s", removal.path, error)
                why = (error.strerror if isinstance(error, OSError) else None) or str(error)
                done.failed.append(f"{removal.name} cannot be deleted: {why.rstrip('.')}.")

    async def _one(self, removal: Removal) -> bool:
        """Whether it is gone: false where somebody needs it by now. Raises OSError, MynaError."""
        if removal.what is What.REJECTED:
            await self._purging.purge(pb.PurgeRequest(voice=removal.voice, versions=[removal.number]))
        elif removal.what is What.CHECKPOINTS:
            return await self._checkpoints(removal)
        elif removal.path.is_dir():
            await asyncio.to_thread(_delete_folder, removal)
        else:
            await asyncio.to_thread(removal.path.unlink, True)
        return True

    async def _checkpoints(self, removal: Removal) -> bool:
        """Set aside in the transaction that sees that nobody tries the training again; then deleted."""
        aside = aside_of(removal.path)

        def act(session: Session) -> bool:
            if not find.still_ended(session, removal.number):
                return removal.path == aside
            if removal.path != aside:
                os.replace(removal.path, aside)
            return True

        if not await self._store.write(act):
            return False
        await asyncio.to_thread(shutil.rmtree if aside.is_dir() else os.unlink, aside)
        return True

    async def _forget(self, done: Cleaned, dry_run: bool) -> None:
        before = now() - timedelta(days=self.keep.texts_days)
        numbers = await self._store.read(spoken_texts.jobs_with_text, before)
        if dry_run:
            done.texts = len(numbers)
            return
        for some in _in_parts(numbers):
            done.texts += await self._store.write(spoken_texts.forget, some)
            logs = [self._disk.home / "log" / f"job-{number}.jsonl" for number in some]
            there = [Removal(What.LOG, Why.AGE, path.name, path) for path in logs if path.is_file()]
            await self._remove(there, done, dry_run)
        for cursors in _in_parts(await self._store.read(spoken_texts.events_with_text, before)):
            await self._store.write(spoken_texts.forget_events, cursors)
        await asyncio.to_thread(_forget_sound, self._disk.home, before)

    async def _tell(self, done: Cleaned) -> None:
        """A notice, where the disk was short: somebody wonders where things are."""
        if done.gone or done.texts:
            log.info("Cleaned: %d things, %d bytes; %d texts forgotten.", len(done.gone), done.freed, done.texts)
        short = [removal for removal, _ in done.gone if removal.why is Why.DISK]
        if short:
            names = ", ".join(removal.name for removal in short[:3]) + (", …" if len(short) > 3 else "")
            sentence = f"The disk was short: Myna deleted {names} and freed {done.freed / 1e9:.1f} GB."
            hint = "`[keep]` in myna.toml says what is kept how long; by_itself = false leaves it to you (myna clean)."
            await self._store.write(events.notice, Level.INFO, sentence, hint)


def _in_parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Of one transaction each."""
    for start in range(0, len(numbers), spoken_texts.CHUNK):
        yield numbers[start : start + spoken_texts.CHUNK]


def _forget_sound(home: Path, before: datetime) -> None:
    """It says what the text said. What cannot be deleted now can be in an hour."""
    for path in find.spoken_elsewhere(home, before):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _delete_folder(removal: Removal) -> None:
    """Set aside under a name that nobody looks for, then deleted: a kill leaves no half of it in its place."""
    aside = aside_of(removal.path)
    if removal.path != aside:
        if aside.exists():
            shutil.rmtree(aside)
        os.replace(removal.path, aside)
    shutil.rmtree(aside)
