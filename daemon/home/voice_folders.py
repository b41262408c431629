"""The folders of a voice (`inbox/anna`, `voices/anna`, `samples/anna`), and its files in `exports/`, when it is
deleted, restored or renamed. Its rows, and why a kill at any moment of a renaming does no harm:
`daemon.state.voice_life`.

Deleting moves nothing: the inbox folder stays where it is, and is left alone (`daemon.inbox.watcher`).
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.orm import Session

from daemon.database.models import Voice
from daemon.errors import NotNow
from daemon.home import consent_file, export_files, journal, speaker_file, sums
from daemon.state import voice_life
from daemon.state.free_names import PLACES
from engines.errors import DiskFull
from engines.files import sync_folder, write_whole

if TYPE_CHECKING:
    from daemon.database.store import Store

log = logging.getLogger("mynad.voices")

T = TypeVar("T")


class VoiceFolders:
    """Changes voices with their folders, one at a time. `still(voices…)`: a block in which the inbox leaves their
    folders alone."""

    def __init__(self, home: Path, store: Store, still: Callable[..., AbstractAsyncContextManager[None]]) -> None:
        self._home = home
        self._store = store
        self._still = still
        self.one = asyncio.Lock()  #: held by whoever changes folders of voices

    @asynccontextmanager
    async def alone(self, *names: str) -> AsyncIterator[None]:
        """A block in which nobody else changes folders of voices, and the inbox leaves those of these alone. Raises
        NotNow."""
        async with self.one, self._still(*names):
            yield

    async def delete(self, name: str, to_answer: Callable[[Session, Voice], T]) -> T:
        """Raises what `voice_life.delete` raises. Returns what `to_answer` makes of the row."""
        async with self.one, self._still(name):
            return await self._store.write(lambda session: to_answer(session, voice_life.delete(session, name)))

    async def restore(self, name: str, to_answer: Callable[[Session, Voice], T]) -> T:
        async with self.one, self._still(name):
            return await self._store.write(lambda session: to_answer(session, voice_life.restore(session, name)))

    async def rename(self, old: str, new: str, to_answer: Callable[[Session, Voice], T]) -> T:
        """Raises what `voice_life.begin_rename` raises, and NotNow when a folder is in the way or cannot be moved: then
        all is as it was."""
        return await asyncio.shield(
            asyncio.create_task(self._rename(old, new, to_answer))
        )  # who hangs up leaves it to its end

    async def _rename(self, old: str, new: str, to_answer: Callable[[Session, Voice], T]) -> T:
        def begin(session: Session) -> None:
            voice_life.begin_rename(session, old, new)
            if (path := in_the_way(self._home, new)) is not None:
                raise NotNow(f"The folder {path} is there already.", "Move it away, or choose another name.")

        async with self.one, self._still(old, new):
            await self._store.write(begin)
            try:
                await asyncio.to_thread(move, self._home, old, new)
            except OSError as error:
                await self._back(old, new)
                sentence = f"{error.filename or self._home} cannot be renamed: {error.strerror}."
                raise NotNow(f"{old} keeps its name. {sentence}", "Check that folder, then try again.") from None
            return await self._store.write(lambda session: to_answer(session, voice_life.end_rename(session, new)))

    async def _back(self, old: str, new: str) -> None:
        def begin(session: Session) -> None:
            session.get_one(Voice, new).renamed_from = ""
            voice_life.begin_rename(session, new, old)

        await self._store.write(begin)
        try:
            await asyncio.to_thread(move, self._home, new, old)
        except OSError as error:  # no job of it begins until that is mended
            log.error("the folders of %s cannot be renamed back from %s: %s", old, new, error)
            return
        await self._store.write(voice_life.end_rename, old)


def finish(store: Store, home: Path) -> None:
    """At the start, before anybody works: bring renamings to their end that a kill interrupted."""
    for old, new in store.read_now(voice_life.on_their_way):
        try:
            move(home, old, new)
        except OSError as error:
            log.error("the folders of %s cannot be renamed from %s: %s", new, old, error)
            continue
        store.write_now(voice_life.end_rename, new)
        log.info("The folders of %s are renamed from %s now; the last mynad had not finished.", new, old)


def in_the_way(home: Path, name: str) -> Path | None:
    """A folder that a voice of this name would have, and that is there."""
    return next((home / place / name for place in PLACES if os.path.lexists(home / place / name)), None)


def move(home: Path, old: str, new: str) -> None:
    """Give a voice's folders their new name, and say it where they tell whose they are. Done twice is done once. Raises
    OSError."""
    for place in PLACES:
        source, target = home / place / old, home / place / new
        if os.path.lexists(source) and not os.path.lexists(target):
            source.rename(target)
            sync_folder(home / place)
    for about in sorted((home / "voices" / new).glob("*/version.json")):
        _rename_in_lineage(about, old, new)
    journal.renamed(home, old, new)
    consent_file.renamed(home, old, new)
    speaker_file.renamed(home, old, new)
    export_files.renamed(home, old, new)


def _rename_in_lineage(path: Path, old: str, new: str) -> None:
    """Change the voice's name in a version's lineage, and the lineage's hash; one that cannot be read stays as it
    is."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return
    try:
        if isinstance(about, dict) and about.get("voice") == old:
            written = json.dumps({**about, "voice": new}, indent=1, sort_keys=True) + "\n"
            write_whole(path, written.encode(), "a version's lineage")
        sums.renew(path.parent, path.name)
    except DiskFull as full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) from full
