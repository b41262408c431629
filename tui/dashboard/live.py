"""The live picture: what the dashboard knows of the daemon, kept current by watches, and whether the daemon can be
reached.

Nothing here draws. Whoever wants to know waits for `Live.news`: bursts of events become one set of topics.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Flag, auto

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import AsyncClient
from proto.messages import ENDED, state_of

ENDED_KEPT = 100  #: jobs that have ended and are still shown
LIVE_KEPT = 2_000  #: queued, running and paused jobs that are shown
FILES_KEPT = 200  #: files of the inbox that are shown
SAMPLES_KEPT = 1_800  #: an hour of samples, one in two seconds
EVERY = 2.0  #: seconds between two samples of the machine
FRAME = 0.25  #: seconds between two sets of news: what happens meanwhile is told together
PROGRESS = 0.5  #: seconds between two sets of news about nothing but progress
AGAIN = 0.5  #: seconds before a lost daemon is asked again
GOING = ("arriving", "settling")  #: states of a file that is still on its way
REFUSED, MENDED = "refused", "mended"  #: states of a file that lies in .refused, and of one that does no more
LIVING = ("running", "paused", "queued")


class Topic(Flag):
    """What changed."""

    JOBS = auto()  #: a job came, moved or went on
    INBOX = auto()  #: a file arrived, settled, was taken or refused
    MACHINE = auto()  #: a sample of GPU, CPU, memory and disk
    VOICES = auto()  #: a voice, a version or a dataset changed
    NOTICES = auto()  #: the daemon said something
    LINK = auto()  #: the daemon was lost, or is back
    ALL = JOBS | INBOX | MACHINE | VOICES | NOTICES | LINK


NOTHING = Topic(0)


@dataclass(frozen=True)
class Link:
    """Whether the daemon can be reached."""

    up: bool = False
    sentence: str = "Connecting …"
    hint: str = ""
    since: float = 0.0  #: `time.time()` of the change


@dataclass
class Live:
    """The picture. Read its fields freely; only `run` changes them. All survive a lost daemon: the last picture
    stays."""

    client: AsyncClient
    excuse: Callable[[], ClientError | None] = lambda: (
        None
    )  #: why the way to the daemon is closed, where that is known better than here
    info: pb.InfoResponse = field(default_factory=pb.InfoResponse)
    jobs: dict[int, pb.Job] = field(default_factory=dict)  #: living ones, and the last that ended, by id
    voices: dict[str, pb.Voice] = field(default_factory=dict)
    inbox: dict[tuple[str, str], pb.Event] = field(
        default_factory=dict
    )  #: (voice, file) → its last event, oldest first
    samples: deque[pb.SystemSample] = field(default_factory=lambda: deque(maxlen=SAMPLES_KEPT))
    notices: deque[pb.Notice] = field(default_factory=lambda: deque(maxlen=FILES_KEPT))  #: not yet told
    link: Link = Link()
    _fresh: Topic = NOTHING
    _late: bool = False  #: progress waits for company
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: set[str] = field(default_factory=set)  #: voices of which a job came, began or ended
    _moving: asyncio.Event = field(default_factory=asyncio.Event)

    def running(self) -> list[pb.Job]:
        """Jobs at work now, oldest first."""
        return [job for job in self.jobs.values() if state_of(job) == "running"]

    async def news(self) -> AsyncIterator[Topic]:
        """What changed, as soon as it does, at most once a FRAME."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            fresh, self._fresh = self._fresh, NOTHING
            yield fresh
            await asyncio.sleep(FRAME)

    async def run(self) -> None:
        """Keep the picture current for ever; a lost daemon is asked again until it is back."""
        while True:
            try:
                cursor = await self._load_all()
                async with asyncio.TaskGroup() as watches:
                    watches.create_task(self._events(cursor))
                    watches.create_task(self._machine())
                    watches.create_task(self._what_is_next())
            except* ClientError as lost:
                self.lose(self.excuse() or _first(lost))
            await asyncio.sleep(AGAIN)

    def lose(self, problem: ClientError) -> None:
        """The daemon cannot be reached, for this reason."""
        if self.link.up or self.link.sentence != problem.sentence:
            since = time.time() if self.link.up or not self.link.since else self.link.since
            self.link = Link(False, problem.sentence, problem.hint, since)
            self._stir(Topic.LINK)

    def set_link_sentence(self, sentence: str) -> None:
        """What is being done about a daemon that is not there yet."""
        self.link = Link(False, sentence)
        self._stir(Topic.LINK)

    def take_notices(self) -> list[pb.Notice]:
        """What the daemon said since this was last asked."""
        notices = list(self.notices)
        self.notices.clear()
        return notices

    async def _load_all(self) -> int:
        """The whole picture anew; the cursor of the newest event in it."""
        info = await self.client.info()
        living = [job async for job in self.client.jobs(states=LIVING, limit=LIVE_KEPT)]
        ended = [job async for job in self.client.jobs(states=ENDED, limit=ENDED_KEPT)]
        voices = {voice.name: voice async for voice in self.client.voices()}
        self.info, self.voices = info, voices
        self.jobs = {job.id: job for job in sorted(living + ended, key=lambda job: job.id)}
        self.inbox = {key: event for key, event in self.inbox.items() if event.inbox.state != REFUSED}
        for file in (*info.refused, *info.inbox):  # what was refused before we came, too
            self._file(pb.Event(time=info.sample.time, inbox=file))
        self.samples.append(info.sample)
        self.link = Link(True, "", "", time.time())
        self._stir(Topic.ALL)
        return info.cursor

    async def _events(self, cursor: int) -> None:
        async for event in self.client.watch(cursor, progress=True, patience=0.0):
            self._take(event)
            if event.job.kind == pb.INGEST and state_of(event.job) in ENDED:
                await self._tidy()

    async def _tidy(self) -> None:
        """Forget files that were on their way and have gone without a word of their own: a text is taken with its
        recording."""
        there = {(file.voice, file.name) for file in (await self.client.info()).inbox}
        gone = [key for key, event in self.inbox.items() if event.inbox.state in GOING and key not in there]
        for key in gone:
            del self.inbox[key]
        if gone:
            self._stir(Topic.INBOX)

    async def _machine(self) -> None:
        async for sample in self.client.watch_system(EVERY, patience=0.0):
            self.samples.append(sample)
            self._stir(Topic.MACHINE)

    async def _what_is_next(self) -> None:
        """What happens next with a voice changes with its jobs, and no event says so: ask again, a voice once a
        FRAME."""
        while True:
            await self._moving.wait()
            self._moving.clear()
            names, self._moved = self._moved, set()
            for name in sorted(names):
                before = self.voices.get(name)
                try:
                    voice = await self.client.voice(name)
                except ClientError as problem:
                    if problem.code == "NOT_FOUND":  # renamed or deleted, which an event says
                        continue
                    raise
                if before is not None and self.voices.get(name) is before and voice != before:
                    self.voices[name] = voice
                    self._stir(Topic.VOICES)
            await asyncio.sleep(FRAME)

    def _take(self, event: pb.Event) -> None:
        match event.WhichOneof("what"):
            case "job":
                known = self.jobs.get(event.job.id)
                self.jobs[event.job.id] = event.job
                self._forget_old()
                moved = known is None or state_of(known) != state_of(event.job)
                if moved and event.job.voice and event.job.kind != pb.SPEAK:
                    self._moved.add(event.job.voice)
                    self._moving.set()
                self._stir(Topic.JOBS, soon=moved or bool(event.cursor))
            case "inbox":
                self._file(event)
                self._stir(Topic.INBOX)
            case "voice":
                if event.voice.renamed_to or event.voice.HasField("deleted"):
                    self.voices.pop(event.voice.name, None)
                else:
                    self.voices[event.voice.name] = event.voice
                self._stir(Topic.VOICES)
            case "cleared":
                for number in event.cleared.ids:
                    self.jobs.pop(number, None)
                self._stir(Topic.JOBS)
            case "version" | "dataset":
                self._stir(Topic.VOICES)
            case "budget":  # told as what the daemon says
                told = event.budget
                level = pb.LEVEL_WARNING
                self.notices.append(
                    pb.Notice(level="warning", sentence=told.sentence, hint=told.hint, level_value=level)
                )
                self._stir(Topic.NOTICES)
            case "notice":
                self.notices.append(event.notice)
                self._stir(Topic.NOTICES)

    def _file(self, event: pb.Event) -> None:
        key = (event.inbox.voice, event.inbox.name)
        if event.inbox.state == MENDED:
            self._mended(*key)
            return
        self.inbox.pop(key, None)  # to the end: the newest last
        self.inbox[key] = event
        while len(self.inbox) > FILES_KEPT:  # bad news goes last
            good = (key for key, event in self.inbox.items() if event.inbox.state != REFUSED)
            del self.inbox[next(good, next(iter(self.inbox)))]

    def _mended(self, voice: str, name: str) -> None:
        """It lies in .refused no more, where a file has no folders in its name."""
        for key, event in list(self.inbox.items()):
            if event.inbox.state == REFUSED and key[0] == voice and key[1].rpartition("/")[2] == name:
                del self.inbox[key]

    def _forget_old(self) -> None:
        if len(self.jobs) <= LIVE_KEPT + 2 * ENDED_KEPT:
            return
        ended = [number for number, job in self.jobs.items() if state_of(job) in ENDED]
        for number in ended[:-ENDED_KEPT]:
            del self.jobs[number]

    def _stir(self, topics: Topic, *, soon: bool = True) -> None:
        """Something changed. Not `soon`: a running job went on, which nobody must see at once."""
        self._fresh |= topics
        if soon:
            self._stirred.set()
        elif not self._late:
            self._late = True
            asyncio.get_running_loop().call_later(PROGRESS, self._stir_late)

    def _stir_late(self) -> None:
        self._late = False
        self._stirred.set()


def _first(group: BaseExceptionGroup[ClientError]) -> ClientError:
    """The first of the errors that a group holds at any depth."""
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("a group holds an exception")
