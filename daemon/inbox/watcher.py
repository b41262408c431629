"""The inbox: watches `inbox/<voice>/…` and has what has come to rest there taken, refused, or left alone.

The folder itself is the truth: each scan lists it, compares it with what is known of it (`Arrivals`), and acts. So an
event lost or told twice, or a restart, changes nothing but the time. The work on recordings is done by ingest jobs;
this deals with names and folders only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Job, Voice
from daemon.errors import MynaError, NotNow, StoreTrouble
from daemon.inbox import arrivals, voice_settings
from daemon.inbox.arrivals import Arrivals, Entry, Root
from daemon.inbox.complaints import DELETED, Complaints
from daemon.inbox.file_events import Watch
from daemon.inbox.folder import InboxFolder
from daemon.inbox.intake import TICK, Intake
from daemon.inbox.next_step import advance
from daemon.inbox.scans import Scans
from daemon.inbox.sweep import sweep
from daemon.inbox.unsorted import UnsortedEntries
from daemon.inbox.voice_folder import AFTER_FULL, AFTER_FULL_AT_MOST, Folder
from daemon.kinds.lifecycle import Lifecycle
from daemon.state import jobs, recordings
from daemon.state.status import ENDED
from proto import myna_pb2 as pb
from proto.messages import import_spec

if TYPE_CHECKING:
    from daemon.database.store import Store
    from daemon.settings import Settings

log = logging.getLogger("mynad.inbox")

#: Seconds between scans where the system does not announce changes, as a multiple of the settling time.
POLL = 1.0
#: Seconds between two scans, at most, however long a scan takes.
LONGEST_PAUSE = 2.0
#: Seconds for which a change of a voice waits until the scan of its folder has ended.
PATIENCE = 10.0
#: Files listed for `System.Info`.
SHOWN = 500


class Inbox:
    """Watches the inbox of a home folder; `run` is its life."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        store: Store,
        lifecycle: Lifecycle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home = home
        self.folder = home / "inbox"
        self.settings = settings
        self.store = store
        self._lifecycle = lifecycle
        self._clock = clock
        self._folders: dict[str, Folder] = {}
        self._unsorted = UnsortedEntries(home, settings.settle, settings.rescan, store)
        self._intake = Intake(home, settings, store, lifecycle, clock)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._scans = Scans(self._wake.set)
        self._root = Root([], [])
        #: paths that the system's events named, by the folder of the inbox in which they lie
        self._touched: dict[bytes, set[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        store.on_commit(lambda happened: happened and self._loop.call_soon_threadsafe(self._jobs_changed, happened))

    # -------------------------------------------------------------------------------------------------- for services

    def nudge(self, voice: str) -> None:
        """A person changed something of a voice's clips: a new dataset is due once it is quiet."""
        folder = self._of(voice)
        folder.due = folder.forced = True
        folder.busy = self._clock()
        self._wake.set()

    def takes(self, voice: str, job: int) -> None:
        """An ingest job was submitted that takes nothing out of the inbox; what follows for the voice is due when it
        has ended."""
        self._of(voice).flying[job] = {}

    @contextlib.asynccontextmanager
    async def still(self, *voices: str) -> AsyncIterator[None]:
        """Within the block, the folders of these voices are not scanned; afterwards they are scanned as new ones. If
        the block raises, what was known of them stays. Raises NotNow when a running scan does not end within PATIENCE
        seconds."""
        held = set(map(os.fsencode, voices))
        try:
            if not await self._scans.hold(held, PATIENCE):
                hint = "Try again in a moment; the disk may be slow."
                raise NotNow(f"Myna is still scanning the inbox folder of {' or '.join(voices)}.", hint)
            yield
            for voice in voices:
                self._forget(voice)
        finally:
            self._scans.release(held)

    def present(self) -> list[pb.InboxEvent]:
        """Files that are arriving, settling, or being taken now, and transcripts that wait for their recording."""
        now = self._clock()
        found = self._unsorted.present()[:SHOWN]
        for folder in self._folders.values():
            for entry in folder.entries:
                if len(found) == SHOWN:
                    return found
                state, why = folder.state(entry, now)
                if state:
                    found.append(
                        pb.InboxEvent(voice=folder.voice, name=names.printable(entry.path), state=state, why=why)
                    )
            for about, complaint in folder.complaints.standing.items():
                if about.startswith(b"/"):
                    why = f"{complaint.sentence} {complaint.hint}"
                    found.append(pb.InboxEvent(voice=folder.voice, name="(the folder)", state="settling", why=why))
        return found

    def refused(self) -> tuple[list[pb.InboxEvent], int]:
        """(refused files that lie in `.refused` still, oldest first; how many there are in all). Reads files: not for
        the event loop."""
        every = [
            ("", self._unsorted.refused),
            *((name, folder.refused) for name, folder in self._folders.copy().items()),
        ]
        found = [(file, voice) for voice, files in every for file in files.files()]
        newest = sorted(found, key=lambda pair: pair[0].time)[-SHOWN:]
        refused_files = [
            pb.InboxEvent(voice=voice, name=names.printable(file.name), state="refused", why=file.why)
            for file, voice in newest
        ]
        return refused_files, sum(files.count() for _, files in every)

    # -------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Watch until cancelled."""
        with contextlib.suppress(ValueError):  # not in the main thread: then nobody else's leases are broken either
            signal.signal(signal.SIGIO, signal.SIG_IGN)  # see arrivals.is_being_written
        self.folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(sweep, self.home)
        await self._recover()
        watch = Watch(self.folder, self.settings.poll)
        await watch.start()
        if watch.why_polling:
            log.info("The inbox is scanned every %g s. %s", POLL * self.settings.settle, watch.why_polling)
        try:
            await self._watch(watch)
        finally:
            watch.stop()
            self._scans.stop()

    async def _watch(self, watch: Watch) -> None:
        while True:
            began = time.monotonic()
            try:
                wait = await self.scan(watch.take(), patience=LONGEST_PAUSE)
            except Exception:  # what is wrong with one folder does not get here; see Scans
                log.exception("A scan of the inbox failed; the next one follows.")
                wait = AFTER_FULL
            wait = min(wait, self.settings.rescan, POLL * self.settings.settle if watch.why_polling else math.inf)
            # an inbox of ten thousand files is scanned less often
            await asyncio.sleep(min(LONGEST_PAUSE, max(0.05, 5 * (time.monotonic() - began))))
            waiting = [asyncio.create_task(watch.changed.wait()), asyncio.create_task(self._wake.wait())]
            await asyncio.wait(waiting, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            self._wake.clear()

    async def _recover(self) -> None:
        """Which files live ingest jobs are to take, from before a restart; and every voice may have something due."""

        def read(session: Session) -> tuple[list[Job], list[str]]:
            alive = [job for job in jobs.live(session) if job.kind in ("ingest", "import")]
            return alive, list(session.scalars(select(Voice.name).where(Voice.deleted.is_(None))))

        while True:
            try:
                alive, voices = await self.store.read(read)
                break
            except StoreTrouble:  # the store's log says what it is
                await asyncio.sleep(AFTER_FULL)
        for voice in voices:
            self._of(voice)
        for job in alive:
            spec = pb.JobSpec.FromString(job.spec)
            files = [import_spec(spec).file] if job.kind == "import" else list(spec.ingest.files)
            if files != [b""]:  # a package that was sent does not lie here
                self._of(job.voice).flying[job.id] = dict.fromkeys(files, (0, 0, 0))

    def _of(self, voice: str) -> Folder:
        if voice not in self._folders:
            complaints = Complaints(InboxFolder(self.home, voice), voice, self.store)
            folder = self._folders[voice] = Folder(voice, complaints, Arrivals(self.settings.settle))
            self._scans.add(os.fsencode(voice), complaints, lambda now: self._voice(folder, now))
        return self._folders[voice]

    # -------------------------------------------------------------------------------------------------- a scan

    async def scan(self, touched: Iterable[bytes] = (), patience: float = math.inf) -> float:
        """Scan each folder of the inbox, side by side, and do what is due. `touched`: paths in it that the system's
        events named. A folder whose scan takes longer than `patience` seconds delays no other. Returns seconds until
        something may be due again."""
        for path in touched:
            name, _, rest = path.partition(b"/")
            self._touched.setdefault(name, set()).add(rest)
        self._root = await asyncio.to_thread(arrivals.scan_root, self._unsorted.place)
        self._scans.add(b"", self._unsorted.complaints, self._loose)
        for name in self._root.folders:
            if names.is_voice(name):
                self._of(os.fsdecode(name))
            else:
                self._scans.add(name, self._unsorted.complaints, partial(self._misnamed, name))
        wait = await self._scans.all(self._clock(), patience)
        self._scans.keep({b"", *self._root.folders, *map(os.fsencode, self._folders)})
        self._touched = {name: paths for name, paths in self._touched.items() if name in self._root.folders}
        return wait

    async def _loose(self, now: float) -> float:
        return await self._unsorted.loose(self._root, set(self._touched), now)

    async def _misnamed(self, name: bytes, now: float) -> float:
        return await self._unsorted.misnamed(name, self._touched.pop(name, set()), now)

    async def _voice(self, folder: Folder, now: float) -> float:
        """What is due in one voice's folder."""
        listing = await asyncio.to_thread(arrivals.scan, folder.complaints.place)
        folder.entries = listing.entries
        folder.arrivals.update(folder.entries, now, self._touched.pop(os.fsencode(folder.voice), set()))
        folder.forget()
        if listing.there and not folder.known:
            await self._ensure_voice(folder)
        if folder.deleted:
            if not listing.there:
                self._forget(folder.voice)
                return math.inf
            return await self._leave_deleted(folder)
        await folder.complaints.of_listing(listing)
        await voice_settings.forget_gone(folder)
        await folder.complaints.taken_away(folder.refused)
        due = [path for path, (_, until) in folder.held.items() if until <= now]
        for path in due:
            del folder.held[path]
        ready: list[Entry] = []
        wait = min((until - now for _, until in folder.held.values()), default=math.inf)
        for entry in folder.entries:
            # a metadata.csv goes with every job of its recordings
            if entry.path in folder.held or (folder.flies(entry.path) and not names.is_metadata(entry.path)):
                continue
            left = folder.arrivals.left(entry, now)
            if left > 0:
                wait = min(wait, max(left, TICK * self.settings.settle))
                folder.busy = now
            elif not entry.partial:
                ready.append(entry)
        rest = await self._intake.act(folder, ready, now)
        return min(wait, rest, await self._next(folder, now))

    def _jobs_changed(self, happened: list[pb.Event]) -> None:
        """Jobs changed. Runs in the event loop."""
        for event in happened:
            if event.WhichOneof("what") != "job" or event.job.status.WhichOneof("status") not in ENDED:
                continue
            folder = self._folders.get(event.job.voice)
            if event.job.kind == pb.IMPORT and event.job.status.HasField("succeeded"):
                folder = self._of(event.job.voice)  # it may have made the voice
            if folder is None or event.job.kind not in (pb.INGEST, pb.DATASET, pb.IMPORT):
                continue
            folder.due, folder.busy = True, self._clock()
            if event.job.kind == pb.DATASET and event.job.status.failed.error.kind == pb.DISK_FULL:
                folder.busy += AFTER_FULL_AT_MOST  # then it is tried again
            if event.job.kind in (pb.INGEST, pb.IMPORT):
                folder.land(event.job, self._clock(), self.settings.rescan)
            self._wake.set()

    # -------------------------------------------------------------------------------------------------- the voice

    async def _ensure_voice(self, folder: Folder) -> None:
        """Make the voice of a new folder, unless there is one."""
        language, engine = self.settings.default_language, self.settings.default_engine

        def ensure(session: Session) -> bool:
            return recordings.ensure_voice(session, folder.voice, language, engine).deleted is not None

        folder.deleted = await self.store.write(ensure)
        folder.known = True

    def _forget(self, voice: str) -> None:
        """What is known of a folder: one of that name is looked at as a new one."""
        self._folders.pop(voice, None)
        self._scans.forget(os.fsencode(voice))

    async def _leave_deleted(self, folder: Folder) -> float:
        """The voice was deleted: what lies there stays there, which is said."""
        if any(not entry.partial and entry.path != names.VOICE_TOML for entry in folder.entries):
            sentence = f"The voice {folder.voice} was deleted, so the files in inbox/{folder.voice}/ are not taken."
            hint = (
                f"`myna voices restore {folder.voice}` brings the voice back; or put the files "
                f"into another voice's folder."
            )
            await folder.complaints.complain(DELETED, sentence, hint)
        else:
            folder.complaints.mended(DELETED)
        folder.entries = []  # they wait for nothing
        return math.inf

    async def _next(self, folder: Folder, now: float) -> float:
        """Once a voice has been quiet for a while, submit what follows. Returns seconds until then."""
        if not folder.due or folder.flying:
            return math.inf
        if (left := folder.busy + self.settings.auto_train_quiet - now) > 0:
            return left
        forced, folder.forced, folder.due = folder.forced, False, False
        try:
            await self.store.write(
                advance, self._lifecycle, folder.voice, train=self.settings.auto_train, forced=forced
            )
        except StoreTrouble:
            folder.due, folder.forced = True, forced
            raise
        except MynaError as error:
            log.warning("Myna could not submit what follows for %s. %s", folder.voice, error)
        return math.inf
