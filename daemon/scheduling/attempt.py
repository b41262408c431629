"""One worker's try at a job: from the plan, through its reports, to what the database says of its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.errors import ERROR_KINDS, StoreTrouble
from daemon.machine import patience
from daemon.processes.workers import Exit, Worker
from daemon.scheduling.lasting_writes import LastingWrites
from daemon.scheduling.place import Place
from daemon.scheduling.reporting import Reporting
from daemon.scheduling.speech_account import SpeechAccount
from daemon.scheduling.trouble import explain
from daemon.state import accounts, events, jobs, runs
from daemon.state.status import Error, State
from daemon.state.values import Level, from_wire
from proto import gpu_words
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

log = logging.getLogger("mynad.attempt")

ROOM = 5.0  #: seconds between tries to start a job on a full disk, or with a database that cannot be written
TAIL = 20  #: lines of the log that an error has
LINE = 10_000  #: characters of each of them
KIND_NAMES = {value: name for name, value in ERROR_KINDS.items()}


class Attempt:
    """Drives one attempt. The scheduler sees `yielded`, and steers with `give_way`, `go_on`, `cancel` and `stop`.
    `wake` has the scheduler look again."""

    def __init__(self, to: Reporting, job: Job, place: Place, wake: Callable[[], None]) -> None:
        self.to = to
        self.wake = wake
        self.place = place
        self.job = job.id
        self.kind = to.lifecycle.kinds[job.kind]
        self.voice = job.voice
        self.gpu_lane = job.gpu_lane
        self.number = job.attempts + 1
        self.message = pb.Job()  #: as it last was
        self._seen: tuple[str, bool, str] | None = None
        self.progress: pb.Progress | None = None
        self.told = pb.Progress()  #: what else is known of it: what it took of the machine
        self.worker: Worker | None = None
        self.asked_at: float | None = None  #: monotonic time of the request to give way
        self.yielded = False  #: the worker waits; the lane is free
        self.lane_free = False  #: the worker does the rest of its job without the GPU
        self.why_yield = ""
        self._last: deque[str] = deque(maxlen=TAIL)  #: lines of its log
        self._spoilt = False  #: an engine failed on the GPU: what CUDA keeps in its worker may be broken for good
        self._at = wire.At()  #: what the worker said it is at
        self._ordered = ""  #: "cancel" or "stop", once told
        self._goes_on = ""  #: when, once told to stop; empty: when mynad runs again
        self._writes = LastingWrites(to.store, to.lifecycle, self.job, self.label)
        self._account = SpeechAccount(job.person if self.kind.preempts else "", self._writes.store)
        self._end: asyncio.Future[Callable[[Session, Job], None]] = asyncio.get_running_loop().create_future()

    @property
    def label(self) -> str:
        """For people: "train #12"."""
        return f"{self.kind.name} #{self.job}"

    # --------------------------------------------------------------------------------------------- the scheduler's hand

    def see(self, row: Job) -> None:
        """The job's row as it is now: progress is shown with its state, and what was asked of it."""
        asked = row.state, row.paused_by_person, row.cancelled_by
        if self._seen != asked:
            self._seen, self.message = asked, jobs.message(row)

    def give_way(self, why: str, *, offload: bool) -> bool:
        """Ask it to finish its step, stop using the GPU and wait. `why` is shown while it waits. False: it was asked
        before."""
        if self.asked_at is not None or self.worker is None or self._ordered:
            return False
        self.asked_at, self.why_yield = time.monotonic(), why
        self.worker.send(yield_gpu=wire.YieldGpu(offload=offload))
        return True

    async def wait_for(self, why: str) -> None:
        """It gave way before; now it is somebody else that it waits for."""
        self.why_yield = why
        await self._writes.settle(lambda session, job: jobs.preempt(session, job, why))

    async def go_on(self) -> None:
        """Let it go on after it gave way."""
        self.asked_at, self.yielded = None, False
        if self.worker is not None:
            self.worker.send(resume=wire.Resume())
        await self._writes.settle(jobs.unpreempt)

    def cancel(self) -> None:
        """Have it end for good; a worker that does not listen is ended."""
        self._order("cancel", self.kind.cancel_grace)

    def stop(self, grace: float, goes_on: str = "") -> None:
        """Have it save and end, to go on later; ended after `grace` seconds. `goes_on`: when, for people; empty: when
        mynad runs again."""
        self._goes_on = self._goes_on if self._ordered else goes_on
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
            self.worker.send(stop=wire.Stop(why=self._goes_on or "mynad ends"))

    def hurry(self) -> None:
        """No more time to save."""
        self._enforce(self._ordered)

    def _enforce(self, what: str) -> None:
        if not self._end.done() and self.worker is not None:
            self.worker.kill(f"it did not {what} in time and was ended")

    # -------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """The whole attempt. Returns when the job's row tells how it went and the lane is free (the worker is gone, or
        idle)."""
        try:
            await self._run()
        except Exception as error:  # ours: the row must not say "running" for ever
            trouble = explain(error, self.label)
            await self._writes.settle(
                lambda session, job: self.to.lifecycle.crashed(session, job, trouble.sentence, trouble.hint, "")
            )

    async def _run(self) -> None:
        resident = self.kind.resident and self.gpu_lane  # of speech elsewhere each request has a worker of its own
        try:
            launch = self.to.workers.launch
            where = self.place
            worker = await (
                self.to.speech.take(where) if resident else launch(environment=where.environment, program=where.program)
            )
        except OSError as error:
            sentence = f"A worker process could not be started: {error.strerror or error}."
            await self._writes.settle(
                lambda s, job: self.to.lifecycle.fail(
                    s, job, Error("engine", sentence, "See whether memory or processes ran out.", "")
                )
            )
            return
        try:
            start = await self._begin(worker) if not self._ordered else None
            if start is None:
                return
            worker.handler, worker.on_output = self._hear, self._word
            worker.send(start=start)
            self.worker = worker
            self._pass_on()
            self.wake()  # what was asked of it before it had a worker can be told now
            ends: list[asyncio.Future[Any]] = [self._end, worker.ended]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._writes.settle(self._end.result() if self._end.done() else self._died(await worker.ended))
        finally:
            worker.handler, worker.on_output = _ignore, self._word
            if resident and self._spoilt:
                await self.to.speech.dismiss(worker)
            elif resident and not worker.ended.done():
                self.to.speech.give_back(worker)
            else:
                worker.let_go()
                await worker.ended

    async def _begin(self, worker: Worker) -> wire.Start | None:
        """Take the job and plan the attempt, in one transaction. None: it is not to be had any more, or there is no
        plan for it."""

        def begin(session: Session) -> wire.Start | None:
            job = jobs.get(session, self.job)
            if job.state != State.QUEUED:
                return None
            jobs.start_attempt(session, job, worker.pid, self.place.use)
            start = self.kind.plan(session, job)
            start.job, start.attempt, start.home = job.id, job.attempts, str(self.to.home)
            start.died_of.extend(self.to.blame.of(job.id))
            self.message, self.number = jobs.message(job), job.attempts
            return start

        try:
            start = await self.to.store.write(begin)
            self.to.logs.begin(self.job, self.message.submitted.ToDatetime(UTC))
            if (use := self.place.use) is not None and gpu_words.too_little(use):
                self._log("warning", f"This job {gpu_words.memory(use)}.")
            return start
        except StoreTrouble:  # the queue stands still until it is mended; the store's log says what it is
            await asyncio.sleep(ROOM)
            return None
        except Exception as error:
            trouble = explain(error, self.label)
            await self._writes.settle(lambda session, job: self.to.lifecycle.fail(session, job, trouble))
            return None

    # -------------------------------------------------------------------------------------------------- reports

    async def _hear(self, report: wire.Report) -> None:
        """Deal with one report of the worker; never raises."""
        if self._end.done() or (report.job and report.job != self.job):
            return
        try:
            await self._deal(report)
        except Exception as error:
            trouble = explain(error, self.label)
            self._finish(lambda session, job: self.to.lifecycle.fail(session, job, trouble))
            if self.worker is not None:
                self.worker.kill("its report could not be stored")

    async def _deal(self, report: wire.Report) -> None:
        to, what = self.to, report.WhichOneof("report")
        match what:
            case "progress":
                self.progress = report.progress
                to.events.progress(
                    pb.Event(job=self.with_progress(pb.Job.FromString(self.message.SerializeToString())))
                )
            case "points":
                await self._writes.store(
                    lambda session: runs.add_points(session, report.points.run, report.points.series)
                )
                to.points.stored(report.points.run)
            case "log":
                self._log(report.log.level, report.log.text, report.log.unix_nanos)
                await to.logs.wait_for_space()
            case "audio":
                if self._account.goes_on(report.audio):
                    await to.speech.put(self.job, report.audio)
                    await self._account.count(report.audio)
                else:
                    self.cancel()
            case "yielded":
                self.yielded = True
                await self._writes.settle(lambda session, job: jobs.preempt(session, job, self.why_yield))
                self.wake()
            case "lane_free":
                self.lane_free = True
                await self._writes.store(lambda session: accounts.close(session, jobs.get(session, self.job)))
                self.wake()
            case "checkpoint":
                await self._writes.store(lambda session: jobs.progressed(session, jobs.get(session, self.job)))
            case "notice":
                notice = report.notice
                level = from_wire(Level, notice.level_value) or Level.INFO
                await to.store.write(events.notice, level, notice.sentence, notice.hint, self.voice)
            case "at":
                self._at = report.at
            case "loaded":
                to.speech.loaded = list(report.loaded.voices)
            case "done":
                self._finish(lambda session, job: self._succeeded(session, job, report.done.sentence))
            case "failed":
                self._spoilt = bool(self.place.gpu) and KIND_NAMES.get(report.failed.kind, "engine") == "engine"
                lost = bool(self.place.gpu) and await patience.lost(to.gpus, self.place.gpu)
                self._finish(self._failed(report.failed, lost=lost))
            case "stopped":
                self._finish(self._stopped)
            case "lost":
                self._finish(self._lost(report.lost))
            case _ if what in self.kind.commits:
                await self._writes.store(lambda session: self._commit(session, report))
                if self.worker is not None:
                    self.worker.send(ack=wire.Ack(number=report.number))

    def _commit(self, session: Session, report: wire.Report) -> None:
        job = jobs.get(session, self.job)
        self.kind.commit(session, job, report)
        jobs.progressed(session, job)

    async def _word(self, text: str) -> None:
        self._log("info", text)
        await self.to.logs.wait_for_space()

    def _log(self, level: str, text: str, unix_nanos: int = 0) -> None:
        self._last.append(text[:LINE])
        self.to.logs.append(self.job, self.number, [(unix_nanos or time.time_ns(), level, text)])

    def _tail(self) -> str:
        """The last lines of its log, for an error."""
        return "\n".join(self._last)

    def _finish(self, change: Callable[[Session, Job], None]) -> None:
        if not self._end.done():
            self._end.set_result(change)
            self.to.blame.forget(self.job)

    def _failed(self, failed: wire.Failed, *, lost: bool) -> Callable[[Session, Job], None]:
        """`lost`: its GPU does not answer, and is to blame for an error that an engine gave no name."""
        tail = self._tail()
        name = KIND_NAMES.get(failed.kind, "engine")
        if lost and name == "engine" and self.place.use is not None:
            gone = f"{gpu_words.where(self.place.use)} stopped answering."
            return lambda session, job: self.to.lifecycle.crashed(session, job, gone, "See `myna doctor`.", tail)

        def change(session: Session, job: Job) -> None:
            if self._account.ended is not None and not job.cancelled_by:
                self.to.lifecycle.fail(session, job, self._account.ended)
            elif name == "cancelled" or job.cancelled_by:
                self.to.lifecycle.cancelled(session, job)
            else:
                self.to.lifecycle.fail(session, job, Error(name, failed.sentence, failed.hint, tail))

        return change

    def _succeeded(self, session: Session, job: Job, sentence: str) -> None:
        if self._account.ended is not None:  # it was told to end, and had said all before it heard that
            self.to.lifecycle.fail(session, job, self._account.ended)
        else:
            self.to.lifecycle.succeed(session, job, sentence)

    def _stopped(self, session: Session, job: Job) -> None:
        self.to.lifecycle.stopped(session, job, self._goes_on)

    def _died(self, end: Exit) -> Callable[[Session, Job], None]:
        log.warning("The worker of %s died: %s", self.label, end.sentence)
        self._log("error", f"The worker died: {end.sentence}.")
        if self._ordered == "stop":  # it was to stop and had to be made to: that is no crash
            return self._stopped
        if blamed := bool(end.jobs_doing and self._at.what):
            self.to.blame.died(self.job, self._at.what, got_on=self._at.got_on)
        tail, counts = self._tail(), end.jobs_doing and not blamed
        crashed = self.to.lifecycle.crashed
        return lambda session, job: crashed(
            session, job, f"{end.sentence}.", end.hint, tail, counts=counts, blamed=blamed
        )

    def _lost(self, lost: wire.Lost) -> Callable[[Session, Job], None]:
        """It worked elsewhere, and nothing is heard of it."""
        self._log("error", f"{lost.sentence} {lost.hint}")
        if self._ordered == "stop":
            return self._stopped
        tail, crashed = self._tail(), self.to.lifecycle.crashed
        return lambda session, job: crashed(session, job, lost.sentence, lost.hint, tail)

    def with_progress(self, message: pb.Job) -> pb.Job:
        """Fill the progress into the status of a running or paused job."""
        which = message.status.WhichOneof("status")
        if self.progress is not None and which in ("running", "paused"):
            progress = getattr(message.status, which).progress
            progress.CopyFrom(self.progress)
            progress.MergeFrom(self.told)
        return message


async def _ignore(report: wire.Report) -> None:
    """After its end, a worker has nothing more to say."""
