"""An inbox that is really watched, a clock that the test moves, and ingest jobs that really run, in this process.

What a test sees is what a person sees: files, rows, events. Only the worker's process and its socket are left out:
`InProcessChannel` stands in for them, and can be cut at any report, as a killed worker's is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lives
import numpy as np
import soundfile
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, EventRow, Job, Recording
from daemon.database.store import Store
from daemon.inbox.watcher import Inbox
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.settings import Settings
from daemon.state import jobs
from daemon.state.status import Error
from daemon.worker.__main__ import load_job
from engines.errors import EngineError
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


class Killed(BaseException):
    """The worker is dead from here on."""


class InProcessChannel:
    """`daemon.worker.job.Channel` of a job in this process: reports are committed at once."""

    def __init__(self, store: Store, home: Path, job: int) -> None:
        self.store, self.home, self.job, self.attempt = store, home, job, 1
        self.deaths: dict[bytes, int] = {}
        self.logs: list[tuple[str, str]] = []
        self.committed: list[wire.Report] = []
        self.kill_before = self.kill_after = -1  #: number of the commit at which the worker dies

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None: ...

    def log(self, level: str, text: str) -> None:
        self.logs.append((level, text))

    def points(self, run: int, points: list[tuple[str, int, float]]) -> None: ...

    def report(self, report: wire.Report) -> None: ...

    def lasting(self) -> None: ...

    def commit(self, report: wire.Report) -> None:
        number = len(self.committed)
        self.committed.append(report)
        if number == self.kill_before:
            raise Killed

        def act(session: Session) -> None:
            job = jobs.get(session, self.job)
            lives.kind(session, job.kind).commit(session, job, wire.Report.FromString(report.SerializeToString()))

        self.store.write_now(act)
        if number == self.kill_after:
            raise Killed

    def check(self) -> None: ...

    def pending(self) -> str:
        return ""

    def wait_resumed(self) -> str:
        return "resume"


class Workshop:
    """A home with an inbox. Make it inside a running event loop."""

    def __init__(self, store: Store, home: Path, **settings: object) -> None:
        self.store, self.home = store, home
        self.time = 1000.0
        self.settings = Settings(**{"min_free_disk": 0, **settings})
        self.channels: list[InProcessChannel] = []
        self.arm: Callable[[InProcessChannel], None] = lambda channel: (
            None
        )  #: called with each job's channel before it runs
        self.inbox = self.start()

    def start(self) -> Inbox:
        """The inbox, as of a daemon that has just started."""
        self.inbox = Inbox(
            self.home, self.settings, self.store, Lifecycle(Kinds(self.home, self.settings)), clock=lambda: self.time
        )
        self.inbox.folder.mkdir(parents=True, exist_ok=True)
        return self.inbox

    @property
    def anna(self) -> Path:
        folder = self.home / "inbox" / "anna"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def wait(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, looking into the inbox as the daemon would; no job is worked at."""
        end = self.time + seconds
        while self.time < end:
            await self.inbox.scan()
            self.time = min(end, self.time + step)
        await self.inbox.scan()

    async def work(self, kinds: tuple[str, ...] = ("ingest",)) -> None:
        """Run the jobs that wait, one after another, until there are none."""
        while (job := self._next(kinds)) is not None:
            self._run(job)
            await self._settle()

    async def all(self, seconds: float = 4.0) -> None:
        """Time passes, and what is due is done."""
        await self.wait(seconds)
        await self.work()
        await self.wait(1.0)
        await self.work()

    def _next(self, kinds: tuple[str, ...]) -> int | None:
        query = select(Job.id).where(Job.state == "queued", Job.kind.in_(kinds)).order_by(Job.id)
        return self.store.read_now(lambda session: session.scalars(query).first())

    def _run(self, id: int) -> None:
        def begin(session: Session) -> wire.Start:
            job = jobs.get(session, id)
            jobs.start_attempt(session, job)
            return lives.kind(session, job.kind).plan(session, job)

        start = self.store.write_now(begin)
        channel = InProcessChannel(self.store, self.home, id)
        self.channels.append(channel)
        self.arm(channel)
        try:
            what = start.WhichOneof("plan") or ""
            sentence = load_job(what)(getattr(start, what), channel)
        except Killed:
            self.store.write_now(
                lambda session: lives.crashed(session, jobs.get(session, id), "it was killed.", "", "")
            )
        except EngineError as error:
            told = Error(error.kind, str(error), error.hint, "")
            self.store.write_now(lambda session: lives.fail(session, jobs.get(session, id), told))
        else:
            self.store.write_now(lambda session: lives.succeed(session, jobs.get(session, id), sentence))

    async def _settle(self) -> None:
        """Let the inbox hear of what was committed: a read goes through the loop after it."""
        await self.store.read(lambda session: None)

    # ----------------------------------------------------------------------------------------------- what a person sees

    def recordings(self, voice: str = "anna") -> list[Recording]:
        query = select(Recording).where(Recording.voice == voice).order_by(Recording.name)
        return self.store.read_now(lambda session: list(session.scalars(query)))

    def clips(self, voice: str = "anna") -> list[Clip]:
        return self.store.read_now(
            lambda session: list(session.scalars(select(Clip).where(Clip.voice == voice).order_by(Clip.id)))
        )

    def jobs(self, kind: str = "ingest") -> list[Job]:
        return self.store.read_now(
            lambda session: list(session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id)))
        )

    def told(self, state: str = "") -> list[pb.InboxEvent]:
        """Inbox events, in order."""
        rows = self.store.read_now(lambda session: list(session.scalars(select(EventRow).order_by(EventRow.cursor))))
        found = [pb.Event.FromString(row.payload) for row in rows]
        return [
            event.inbox for event in found if event.WhichOneof("what") == "inbox" and state in ("", event.inbox.state)
        ]

    def notices(self) -> list[str]:
        rows = self.store.read_now(lambda session: list(session.scalars(select(EventRow).order_by(EventRow.cursor))))
        found = [pb.Event.FromString(row.payload) for row in rows]
        return [event.notice.sentence for event in found if event.WhichOneof("what") == "notice"]

    def left(self, folder: Path | None = None) -> list[str]:
        """Names of files that still lie in a voice's folder, refused ones and voice.toml aside."""
        root = folder or self.anna
        return sorted(
            str(path.relative_to(root))
            for path in root.rglob("*")
            if ".refused" not in path.parts and not path.is_dir()
        )

    def refused(self, folder: Path | None = None) -> dict[str, str]:
        """Refused files with the text that says why."""
        root = (folder or self.anna) / ".refused"
        if not root.is_dir():
            return {}
        ending = b".why.txt"
        entries = os.listdir(os.fsencode(root))
        return {
            os.fsdecode(name): (root / os.fsdecode(name + ending)).read_text()
            for name in entries
            if not name.endswith(ending) and name + ending in entries
        }


def tone(seconds: float = 0.5, pitch: float = 220.0, rate: int = 16_000) -> np.ndarray:
    """A sound that is its pitch's own: other pitches are other bytes."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def write_wav(
    path: Path,
    seconds: float = 0.5,
    pitch: float = 220.0,
    subtype: str = "PCM_16",
    rate: int = 16_000,
    channels: int = 1,
) -> Path:
    """A WAV file with a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.repeat(tone(seconds, pitch, rate)[:, None], channels, axis=1)
    with path.open("wb") as file:
        soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return path
