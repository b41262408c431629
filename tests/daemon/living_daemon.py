"""A whole mynad inside a test: real store, real launcher and workers, real gRPC; only what a worker's job does is
strange_worker's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from voice_rows import clip, dataset, folder, version

from daemon.database.models import Attempt, Voice, now
from daemon.main import Daemon
from daemon.processes.launcher import Launcher
from daemon.settings import Settings
from daemon.state import jobs
from proto import myna_pb2 as pb
from proto.client_async import AsyncClient, connect_async

STRANGE = (sys.executable, str(Path(__file__).with_name("strange_worker.py")))


class Living:
    """A running daemon, a client of it, and its story so far."""

    def __init__(self, daemon: Daemon, client: AsyncClient) -> None:
        self.daemon = daemon
        self.client = client
        self.cursor = 0
        self.told: list[pb.Job] = []  #: every change of a job that `until` went past

    def voice(self, name: str) -> str:
        """A voice with a dataset that can be trained on."""

        def act(session: Session) -> None:
            session.add(Voice(name=name, language="en", engine="glow", options={}, created=now()))
            session.flush()
            clips = [clip(session, f"{name} {number}", voice=name, seconds=10.0) for number in range(8)]
            dataset(session, 1, clips[1:], clips[:1], voice=name)

        self.daemon.store.write_now(act)
        return name

    async def train(self, voice: str) -> int:
        """Submit a training; the voice's name says what the worker does."""
        return (await self.client.submit(pb.JobSpec(train=pb.TrainSpec(voice=self.voice(voice))))).id

    async def ingest(self, voice: str) -> int:
        """Submit an ingest of a file that the strange worker never looks at."""
        return (await self.client.submit(pb.JobSpec(ingest=pb.IngestSpec(voice=voice, files=[b"a.wav"])))).id

    async def evaluate(self, voice: str) -> int:
        """Submit an evaluation of a version there are no weights of."""

        def act(session: Session) -> None:
            folder(self.daemon.home, version(session, 1, voice=voice))

        self.voice(voice)
        self.daemon.store.write_now(act)
        return (await self.client.submit(pb.JobSpec(evaluate=pb.EvaluateSpec(voice=voice, version=1)))).id

    async def speak(self, text: str, voice: str = "anna") -> int:
        """Submit a speak job that nobody listens to; the text says what the worker does."""
        return (await self.client.submit(pb.JobSpec(speak=pb.SpeakSpec(voice=voice, text=text)))).id

    async def until(self, job: int, true: str | Callable[[pb.Job], bool], seconds: float = 20.0) -> pb.Job:
        """The job when it gets into a state (from where the story was left on)."""
        wanted = true if callable(true) else lambda told: told.status.WhichOneof("status") == true
        async with asyncio.timeout(seconds):
            async for event in self.daemon.events.watch(self.cursor):
                self.cursor = event.cursor
                self.told.append(event.job)
                if event.job.id == job and wanted(event.job):
                    return event.job
        raise AssertionError

    async def worker(self, job: int, seconds: float = 10.0) -> int:
        """Process id of the worker at the job, once its log says that it is at it."""
        return int((await self.line(job, "process ", seconds)).split()[0])

    async def line(self, job: int, begins: str, seconds: float = 10.0) -> str:
        """The first line of the job's log that begins so, without that."""

        async def yes() -> bool:
            return True

        async with asyncio.timeout(seconds):
            async for line in self.daemon.logs.follow(job, alive=yes):
                if line["text"].startswith(begins):
                    return str(line["text"].removeprefix(begins))
        raise AssertionError

    def outcomes(self, job: int) -> list[str]:
        """How the job's attempts ended."""
        rows = self.daemon.store.read_now(
            lambda session: session.query(Attempt).filter_by(job=job).order_by(Attempt.id).all()
        )
        return [row.outcome for row in rows]

    async def now(self, job: int) -> pb.Job:
        """The job as the database has it."""
        return await self.daemon.store.read(lambda session: jobs.message(jobs.get(session, job)))


@asynccontextmanager
async def living(home: Path, program: tuple[str, ...] = STRANGE, **settings: Any) -> AsyncIterator[Living]:
    """A mynad for the length of the block, with the voice "anna"."""
    home.mkdir(parents=True, exist_ok=True)
    quiet = {"stop_grace": 5.0, "auto_train_quiet": 3600.0, "speech_ready": False}
    daemon = Daemon(home, Settings(**{**quiet, **settings}), Launcher(home), program)
    serving = asyncio.create_task(daemon.serve())
    try:
        client = connect_async(home=home)
        async with client:
            await client.wait_ready(10.0)
            running = Living(daemon, client)
            if not daemon.store.read_now(lambda session: session.get(Voice, "anna")):
                running.voice("anna")
            yield running
    finally:
        if not serving.done():
            daemon.end()
        await serving


def lived(home: Path, life: Callable[[Living], Any], program: tuple[str, ...] = STRANGE, **settings: Any) -> None:
    """Run a test's coroutine function with a living daemon."""

    async def main() -> None:
        async with living(home, program, **settings) as running:
            await life(running)

    asyncio.run(main())
