"""One worker's try at a job: from the plan, through its reports, to what the database says of its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from daemon.children import LauncherDied
from daemon.errors import ERROR_KINDS, DiskFull, MynaError
from daemon.kinds import kind
from daemon.models import Job
from daemon.state import jobs, runs
from daemon.status import Error
from daemon.workers import Exit, Worker
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

if TYPE_CHECKING:
    from daemon.main import Daemon

log = logging.getLogger("mynad.attempt")

CANCEL_GRACE = 15.0  #: seconds a worker gets to end after Cancel
SAY_GRACE = 5.0  #: the same for speech: somebody waits for the next sentence
ROOM = 5.0  #: seconds between tries to start a job on a full disk
AGAIN = 1.0  #: seconds between tries to write what must be written
KIND_NAMES = {value: name for name, value in ERROR_KINDS.items()}

#: reports that change the database, and are acknowledged when they have
COMMITS = frozenset({"taken", "refused", "cut", "trained", "evaluated"})


class Attempt:
    """Drives one attempt. The scheduler sees `yielded` and `over`, and steers with `give_way`, `go_on`, `cancel` and `stop`."""

    def __init__(self, daemon: Daemon, job: Job) -> None:
        self.daemon = daemon
        self.job = job.id
        self.kind = job.kind
        self.voice = job.voice
        self.gpu_lane = job.gpu_lane
        self.number = job.attempts + 1
        self.message = pb.Job()  #: as it was when the attempt began
        self.progress: pb.Progress | None = None
        self.worker: Worker | None = None
        self.asked_at: float | None = None  #: monotonic time of the request to give way
        self.yielded = False  #: the worker waits; the lane is free
        self.why_yield = ""
        self._at = b""  #: what the worker said it is at, in its own words
        self._ordered = ""  #: "cancel" or "stop", once told
        self._end: asyncio.Future[Callable[[Session, Job], None]] = asyncio.get_running_loop().create_future()

    @property
    def label(self) -> str:
        """For people: "train #12"."""
        return f"{self.kind} #{self.job}"

    # -------------------------------------------------------------------------------------------------- the scheduler's hand

    def give_way(self, why: str, *, offload: bool) -> bool:
        """Ask it to finish its step, stop using the GPU and wait. `why` is shown while it waits. False: it was asked before."""
        if self.asked_at is not None or self.worker is None or self._ordered:
            return False
        self.asked_at, self.why_yield = time.monotonic(), why
        self.worker.send(yield_gpu=wire.YieldGpu(offload=offload))
        return True

    async def wait_for(self, why: str) -> None:
        """It gave way before; now it is somebody else that it waits for."""
        self.why_yield = why
        await self.settle(lambda session, job: jobs.preempt(session, job, why))

    async def go_on(self) -> None:
        """Let it go on after it gave way."""
        self.asked_at, self.yielded = None, False
        if self.worker is not None:
            self.worker.send(resume=wire.Resume())
        await self.settle(jobs.unpreempt)

    def cancel(self) -> None:
        """Have it end for good; a worker that does not listen is ended."""
        self._order("cancel", SAY_GRACE if self.kind == "speak" else CANCEL_GRACE)

    def stop(self, grace: float) -> None:
        """Have it save and end, to go on later; ended after `grace` seconds."""
        self._order("stop", grace)

    def _order(self, what: str, grace: float) -> None:
        if self._ordered == what:
            return
        if self._ordered != "cancel":  # who is to end for good need not be told to save
            self._ordered = what
            self._pass_on()
        asyncio.get_running_loop().call_later(grace, self._enforce, what)

    def _pass_on(self) -> None:
        """Tell the worker, if it is there; else it is told right after its Start."""
        if self.worker is not None and self._ordered == "cancel":
            self.worker.send(cancel=wire.Cancel())
        elif self.worker is not None and self._ordered == "stop":
            self.worker.send(stop=wire.Stop(why="mynad ends"))

    def hurry(self) -> None:
        """No more time to save."""
        self._enforce(self._ordered)

    def _enforce(self, what: str) -> None:
        if not self._end.done() and self.worker is not None:
            self.worker.kill(f"it did not {what} in time and was ended")

    # -------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """The whole attempt. Returns when the job's row tells how it went and the lane is free (the worker is gone, or idle)."""
        try:
            await self._run()
        except Exception as error:  # ours: the row must not say "running" for ever
            trouble = _explain(error, self.label)
            await self.settle(lambda session, job: jobs.crashed(session, job, trouble.sentence, trouble.hint, ""))

    async def _run(self) -> None:
        resident = self.kind == "speak"
        try:
            worker = await (self.daemon.speech.take() if resident else self.launch())
        except OSError as error:
            sentence = f"A worker process could not be started: {error.strerror or error}."
            await self.settle(lambda s, job: jobs.fail(s, job, Error("engine", sentence, "See whether memory or processes ran out.", "")))
            return
        try:
            start = await self._begin(worker) if not self._ordered else None
            if start is None:
                return
            worker.handler, worker.words = self._hear, self._word
            worker.send(start=start)
            self.worker = worker
            self._pass_on()
            self.daemon.scheduler.wake()  # what was asked of it before it had a worker can be told now
            ends: list[asyncio.Future[Any]] = [self._end, worker.ended]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self.settle(self._end.result() if self._end.done() else self._died(await worker.ended))
        finally:
            worker.handler, worker.words = _ignore, lambda text: self._word(text)
            if resident and not worker.ended.done():
                self.daemon.speech.give_back(worker)
            else:
                worker.let_go()
                await worker.ended

    async def launch(self, *arguments: str) -> Worker:
        """A fresh worker process; when the launcher just died, from the next one."""
        settings = self.daemon.settings
        while True:
            try:
                return await Worker.launch(
                    self.daemon.launcher, settings.heartbeat_timeout, *arguments, threads=settings.threads, program=self.daemon.program
                )
            except LauncherDied:
                await asyncio.sleep(0.05)

    async def _begin(self, worker: Worker) -> wire.Start | None:
        """Take the job and plan the attempt, in one transaction. None: it is not to be had any more, or there is no plan for it."""
        home: Path = self.daemon.home

        def begin(session: Session) -> wire.Start | None:
            job = jobs.get(session, self.job)
            if job.state != "queued":
                return None
            jobs.start_attempt(session, job, worker.pid)
            start = kind(job.kind).plan(session, job, home)
            start.job, start.attempt, start.home = job.id, job.attempts, str(home)
            start.died_of.extend(self.daemon.blame.of(job.id))
            self.message, self.number = jobs.message(job), job.attempts
            return start

        try:
            return await self.daemon.store.write(begin)
        except DiskFull as full:  # the queue stands still until there is room
            log.error("%s cannot start: %s", self.label, full)
            await asyncio.sleep(ROOM)
            return None
        except Exception as error:
            trouble = _explain(error, self.label)
            await self.settle(lambda session, job: jobs.fail(session, job, trouble))
            return None

    async def settle(self, change: Callable[[Session, Job], Any]) -> None:
        """Write what must be written about the job; a full disk is waited out, a mistake of ours fails the job."""
        try:
            await self._write(change)
        except Exception:
            log.exception("%s: its end could not be written as it was", self.label)
            trouble = Error("crashed", "Myna made a mistake while storing what came of it.", "log/mynad.log has the details.", "")
            await self._write(lambda session, job: jobs.fail(session, job, trouble))

    async def _write(self, change: Callable[[Session, Job], Any]) -> None:
        while True:
            try:
                await self.daemon.store.write(lambda session: change(session, jobs.get(session, self.job)))
                return
            except (DiskFull, OperationalError) as error:
                log.error("%s: %s; trying again", self.label, error)
                await asyncio.sleep(AGAIN)

    # -------------------------------------------------------------------------------------------------- reports

    async def _hear(self, report: wire.Report) -> None:
        """Deal with one report of the worker; never raises."""
        if self._end.done() or (report.job and report.job != self.job):
            return
        try:
            await self._deal(report)
        except Exception as error:
            trouble = _explain(error, self.label)
            self._finish(lambda session, job: jobs.fail(session, job, trouble))
            if self.worker is not None:
                self.worker.kill("what it reported could not be stored")

    async def _deal(self, report: wire.Report) -> None:
        daemon, what = self.daemon, report.WhichOneof("report")
        match what:
            case "progress":
                self.progress = report.progress
                daemon.events.progress(pb.Event(job=self.with_progress(pb.Job.FromString(self.message.SerializeToString()))))
            case "points":
                await daemon.store.write(runs.add_points, report.points.run, report.points.series)
                daemon.points.stored(report.points.run)
            case "log":
                daemon.logs.append(self.job, self.number, [(report.log.unix_nanos, report.log.level, report.log.text)])
            case "audio":
                await daemon.speech.put(self.job, report.audio)
            case "yielded":
                self.yielded = True
                await self.settle(lambda session, job: jobs.preempt(session, job, self.why_yield))
                daemon.scheduler.wake()
            case "checkpoint":
                await daemon.store.write(lambda session: jobs.progressed(session, jobs.get(session, self.job)))
            case "at":
                self._at = report.at.what
            case "loaded":
                daemon.speech.loaded = list(report.loaded.voices)
            case "done":
                self._finish(lambda session, job: jobs.succeed(session, job, report.done.sentence))
            case "failed":
                self._finish(self._failed(report.failed))
            case "stopped":
                self._finish(_stopped)
            case _ if what in COMMITS:
                await daemon.store.write(self._commit, report)
                if self.worker is not None:
                    self.worker.send(ack=wire.Ack(number=report.number))

    def _commit(self, session: Session, report: wire.Report) -> None:
        job = jobs.get(session, self.job)
        kind(job.kind).commit(session, job, report, self.daemon.home)
        jobs.progressed(session, job)

    def _word(self, text: str) -> None:
        self.daemon.logs.append(self.job, self.number, [(time.time_ns(), "info", text)])

    def _finish(self, change: Callable[[Session, Job], None]) -> None:
        if not self._end.done():
            self._end.set_result(change)
            self.daemon.blame.forget(self.job)

    def _failed(self, failed: wire.Failed) -> Callable[[Session, Job], None]:
        tail = self.daemon.logs.tail(self.job)
        name = KIND_NAMES.get(failed.kind, "engine")

        def change(session: Session, job: Job) -> None:
            if name == "cancelled" or job.cancelled_by:
                jobs.cancelled(session, job)
            else:
                jobs.fail(session, job, Error(name, failed.sentence, failed.hint, tail))

        return change

    def _died(self, end: Exit) -> Callable[[Session, Job], None]:
        log.warning("the worker of %s: %s", self.label, end.sentence)
        self.daemon.logs.append(self.job, self.number, [(time.time_ns(), "error", f"The worker died: {end.sentence}.")])
        if self._ordered == "stop":  # it was to stop and had to be made to: that is no crash
            return _stopped
        if blamed := bool(end.jobs_doing and self._at):
            self.daemon.blame.died(self.job, self._at)
        tail, counts = self.daemon.logs.tail(self.job), end.jobs_doing and not blamed
        return lambda session, job: jobs.crashed(session, job, f"{end.sentence}.", end.hint, tail, counts=counts, blamed=blamed)

    def with_progress(self, message: pb.Job) -> pb.Job:
        """Fill the progress into the status of a running or paused job."""
        which = message.status.WhichOneof("status")
        if self.progress is not None and which in ("running", "paused"):
            getattr(message.status, which).progress.CopyFrom(self.progress)
        return message


def _stopped(session: Session, job: Job) -> None:
    if job.cancelled_by:
        jobs.cancelled(session, job)
    elif kind(job.kind).resumable:
        jobs.requeue(session, job, "goes on when mynad runs again")
    else:
        job.cancelled_by = "shutdown"
        jobs.cancelled(session, job)


def _explain(error: Exception, label: str) -> Error:
    """What a person reads of an exception in the daemon's own part of a job."""
    if isinstance(error, DiskFull):
        return Error("disk-full", error.sentence, error.hint, "")
    if isinstance(error, MynaError):
        return Error("bad-input", error.sentence, error.hint, "")
    log.exception("%s failed in mynad", label, exc_info=error)
    return Error("crashed", "Myna made a mistake here.", "log/mynad.log in its home folder has the details; please report it.", "")


async def _ignore(report: wire.Report) -> None:
    """After its end, a worker has nothing more to say."""
