"""What becomes of a voice's files that have settled: recordings go to ingest jobs with the transcripts beside them; the
others are read, refused, or held back."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import names
from daemon.inbox import arrivals, orphan_transcripts, voice_settings
from daemon.inbox.arrivals import Entry
from daemon.inbox.complaints import QUOTA
from daemon.inbox.orphan_transcripts import Handlers
from daemon.inbox.voice_folder import AFTER_FULL, Folder
from daemon.kinds.lifecycle import Lifecycle
from daemon.machine.disk_space import DiskSpace
from daemon.state import quota_words, quotas
from daemon.state.quotas import Resource, Use
from proto import myna_pb2 as pb
from proto.messages import spec_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from daemon.database.store import Store
    from daemon.settings import Settings

#: Seconds between scans while something is settling, as a share of the settling time.
TICK = 0.25


class Intake:
    """Deals with settled files, for all voices; what is known of a voice's files is in its `Folder`."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        store: Store,
        lifecycle: Lifecycle,
        clock: Callable[[], float],
    ) -> None:
        self.home = home
        self.settings = settings
        self.store = store
        self._lifecycle = lifecycle
        self._clock = clock
        self._disk = DiskSpace(home, settings.min_free_disk)

    async def act(self, folder: Folder, ready: list[Entry], now: float) -> float:
        """Deal with the files that have settled. Returns seconds until something may be due again."""
        audio: list[Entry] = []
        packages: list[Entry] = []
        texts: list[Entry] = []
        for entry in ready:
            name = os.path.basename(entry.path)
            if entry.odd:
                await self._refuse(folder, entry, entry.odd, "Drop the recording itself.", now)
            elif name == names.VOICE_TOML and b"/" not in entry.path:
                await voice_settings.take_in(folder, entry, self.store, self._clock(), self.settings.rescan)
            elif names.is_package(name):
                packages.append(entry)
            elif names.is_text(entry.path) or names.is_metadata(entry.path):
                texts.append(entry)
            else:
                audio.append(entry)
        longest = math.inf
        if await self._over_quota(folder, [*audio, *packages]):
            audio, packages, longest = [], [], self.settings.rescan
        settling = {
            entry.path for entry in folder.entries if folder.arrivals.left(entry, now) > 0 and not entry.partial
        }
        audio = [entry for entry in audio if not (settling & orphan_transcripts.places(entry.path))]
        gathering = all(folder.arrivals.rested(entry, now) < self.settings.settle for entry in audio)
        if settling and gathering and not folder.is_taking:
            wait = TICK * self.settings.settle  # those that come together go together
        else:
            wait = await self._take(folder, audio, texts, now)
        wait = min(wait, longest, await self._packages(folder, packages, now))
        if any(not folder.flies(entry.path) for entry in texts):
            await self._orphan_transcripts(folder, [entry for entry in texts if not folder.flies(entry.path)])
        return wait

    async def _take(self, folder: Folder, audio: list[Entry], texts: list[Entry], now: float) -> float:
        """Submit ingest jobs for settled recordings, with the transcripts that lie beside them."""
        size = self.settings.ingest_batch
        rest, wait = audio, math.inf
        if rest and folder.full and not self._has_space(rest[:size]):
            return AFTER_FULL
        while rest and (not folder.is_taking or len(rest) >= size):  # while one is at work, the next one gathers
            some, rest = rest[:size], rest[size:]
            if fixed := await asyncio.to_thread(arrivals.fixed, folder.complaints.place, some):
                for entry in some:
                    if (error := fixed.get(entry.path)) is not None:
                        await self._hold(folder, entry, error)
                some = [entry for entry in some if entry.path not in fixed]
                wait = self.settings.rescan
            written = await asyncio.to_thread(arrivals.being_written, folder.complaints.place, some)
            for entry in some:
                if entry.path in written:
                    folder.arrivals.restart(entry.path, now)
                    folder.busy, wait = now, min(wait, self.settings.settle)
            if whole := [entry for entry in some if entry.path not in written]:
                await self._submit(folder, whole, texts)
        return wait

    async def _packages(self, folder: Folder, packages: list[Entry], now: float) -> float:
        """Submit an import for each settled package that can be moved away and that nobody writes to."""
        if not packages:
            return math.inf
        place = folder.complaints.place
        fixed = await asyncio.to_thread(arrivals.fixed, place, packages)
        written = await asyncio.to_thread(arrivals.being_written, place, packages)
        wait = math.inf
        for entry in packages:
            if (error := fixed.get(entry.path)) is not None:
                await self._hold(folder, entry, error)
                wait = self.settings.rescan
            elif entry.path in written:
                folder.arrivals.restart(entry.path, now)
                folder.busy, wait = now, min(wait, self.settings.settle)
            else:
                await self._fly(folder, spec_of(pb.ImportSpec(voice=folder.voice, file=entry.path)), [entry])
        return wait

    def _has_space(self, entries: list[Entry]) -> bool:
        """Whether the disk has space for all of these. Asked after a job that failed because the disk was full."""
        return not self._disk.missing(sum(entry.size for entry in entries), self.home / "recordings")

    async def _over_quota(self, folder: Folder, entries: list[Entry]) -> bool:
        """Whether these are more than whose voice it is may have on disk: then they wait, which is said."""
        more = sum(entry.size for entry in entries)

        def ask(session: Session) -> Use | None:
            return quotas.reached(session, quotas.pays(session, folder.voice), Resource.DISK, more)

        use = await self.store.read(ask) if entries else None
        if use is None:
            folder.complaints.mended(QUOTA)
            return False
        await folder.complaints.complain(QUOTA, *quota_words.left_in_inbox(use, folder.voice))
        return True

    async def _submit(self, folder: Folder, audio: list[Entry], texts: list[Entry]) -> None:
        wanted = set().union(*(orphan_transcripts.places(entry.path) for entry in audio))
        files = audio + [entry for entry in texts if entry.path in wanted]
        spec = pb.JobSpec(ingest=pb.IngestSpec(voice=folder.voice, files=[entry.path for entry in files]))
        await self._fly(folder, spec, files)

    async def _fly(self, folder: Folder, spec: pb.JobSpec, files: list[Entry]) -> None:
        """Submit a job that takes these files."""
        job = await self.store.write(lambda session: self._lifecycle.submit(session, spec, by_itself=True).id)
        folder.flying[job] = {entry.path: entry.identity for entry in files}
        folder.busy = self._clock()

    async def _refuse(self, folder: Folder, entry: Entry, sentence: str, hint: str, now: float) -> None:
        """Move what can be no recording to `.refused/`."""
        if not await folder.complaints.refuse(entry.path, sentence, hint):
            folder.held[entry.path] = (entry.identity, now + self.settings.rescan)

    async def _hold(self, folder: Folder, entry: Entry, error: OSError) -> None:
        """This file cannot be moved: try again every `rescan` seconds."""
        folder.held[entry.path] = (entry.identity, self._clock() + self.settings.rescan)
        await folder.complaints.stuck(entry.path, error)

    async def _orphan_transcripts(self, folder: Folder, texts: list[Entry]) -> None:
        """Transcripts without a recording beside them: for recordings taken before, or waiting for theirs."""
        audio = {names.stem(entry.path) for entry in folder.entries if not names.is_text(entry.path) and not entry.odd}
        alone = [entry for entry in texts if names.is_metadata(entry.path) or names.stem(entry.path) not in audio]
        now = self._clock()
        refuse = lambda entry, sentence, hint: self._refuse(folder, entry, sentence, hint, now)  # noqa: E731
        handlers = Handlers(refuse, partial(self._hold, folder))
        changed = await folder.texts.deal(alone, folder.voice, self.home, self.store, handlers)
        if changed:
            folder.due, folder.busy = True, self._clock()
            folder.forced = True
