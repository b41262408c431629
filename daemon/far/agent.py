"""`python -m daemon.far.agent STORE HOME JOB ATTEMPT [PROGRAM…]`: does one attempt on the machine that it is started
on, with the real worker, and says how it goes in the files of the store. Whoever starts it need not watch it.

It claims the attempt, compares what computes here with what computes there, fetches what is read, starts the worker,
publishes its reports and brings it commands. What is done so far is kept at each checkpoint; the result is written
last. It ends without a result when a later attempt has the job, when nobody waits for it any more, or when it cannot
reach the store for as long as its lease.

The worker's reports that commit something are acknowledged here: the version that one names goes into the result, which
is committed there; how the run was begun is told at once.
"""

from __future__ import annotations

import os
import platform
import queue
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

from daemon.far import far_home, far_worker, portable, runtime
from daemon.far.attempt_folder import AttemptFolder, Fenced, Lease, Who
from daemon.far.far_worker import FarWorker
from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Ending, Item, Kept, Result, Submission, inside
from daemon.processes.launcher_program import die_with
from proto import worker_pb2 as wire

T = TypeVar("T")

#: Exit codes, for whoever started it; the truth is in the store.
DONE, CLAIMED, LEFT = 0, 3, 4
#: Reports that are committed with the result, those that are as they come, and those with which a worker ends.
COMMITS = frozenset({"trained"})
COMMITS_AT_ONCE = frozenset({"begun"})
ENDS = frozenset({"done", "failed", "stopped"})
#: What is not passed on: signs of life have a file of their own.
NEVER = frozenset({"hello", "heartbeat"})
#: The process that it is to die with.
PARENT = "MYNA_FAR_PARENT"
AGAIN = 20  #: times that a folder is listed anew because a file of it went meanwhile


class Leave(StrEnum):
    """Why an agent leaves without a result."""

    FENCED = "a later attempt has the job"
    ALONE = "nobody waits for it any more"
    CUT_OFF = "the store cannot be reached"


class Watch:
    """A thread that renews the lease, and sees whether the attempt is still wanted."""

    def __init__(self, folder: AttemptFolder, lease: float) -> None:
        self.leave: Leave | None = None
        self._folder, self._pause = folder, lease / 4
        self._waited_for, self._reached = Lease(lease), Lease(lease)
        self._rounds = 0
        self._stop = threading.Event()
        folder.beat(Who.AGENT)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises Left."""
        if self.leave is not None:
            raise Left(self.leave)

    def _run(self) -> None:
        while not self._stop.wait(self._pause) and self.leave is None:
            try:
                self._folder.beat(Who.AGENT)
                self._folder.check_fence()
                self._waited_for.see(self._folder.count(Who.RELAY))
            except Fenced:
                self.leave = Leave.FENCED
            except Exception as error:  # of fsspec's library: the next round may reach it
                print(f"The store cannot be reached: {error!r}", file=sys.stderr, flush=True)
            else:
                self._rounds += 1
                self._reached.see(self._rounds)
            if self.leave is None and self._reached.over:
                self.leave = Leave.CUT_OFF
            elif self.leave is None and self._waited_for.over:
                self.leave = Leave.ALONE


class Left(Exception):
    """The attempt is over, and nobody wants its result."""

    def __init__(self, why: Leave) -> None:
        super().__init__(why.value)
        self.why = why


class Agent:
    """One attempt's."""

    def __init__(self, folder: AttemptFolder, submission: Submission, program: Sequence[str], watch: Watch) -> None:
        self._folder, self._submission, self._program, self._watch = folder, submission, program, watch
        self._events, self._commands = 0, 1  #: numbers of the last published, and of the next to be read
        self._outputs: tuple[Item, ...] = ()
        self._old: tuple[Item, ...] = ()  #: what was kept before, and is not any more

    def run(self) -> Result:
        """Raises Left, Fenced and BadFile."""
        submission = self._submission
        home = far_home.FarHome(far_home.folder(), f"{self._folder.id}-{uuid.uuid4().hex[:8]}")
        try:
            start = portable.absolute(wire.Start.FromString(submission.start), home.path)
            keeps = [inside(home.path, folder) for folder in submission.keeps]
            home.furnish(self._folder.store, submission.inputs, submission.keeps, self._watch.check)
            left_out = [name for name in os.environ if name == PARENT or portable.may_be_set(name)]
            if strange := [name for name in submission.environment if not portable.may_be_set(name)]:
                raise BadFile(f"it sets the variable {strange[0]!r}")
            environment = far_worker.environment(submission.environment, left_out, home.path, portable.HOME)
            worker = FarWorker(self._program, environment)
            try:
                worker.send(wire.Command(start=start))
                reports = self._relay(worker, lambda: self._stored(home.path, keeps))
            finally:
                worker.kill()
            ended = Ending.SAID if any(one.WhichOneof("report") in ENDS for one in reports) else Ending.DIED
            outputs = self._patiently(lambda: self._stored(home.path, keeps))
            said = tuple(one.SerializeToString() for one in reports)
            return Result(ended, said, outputs, events=self._events, code=worker.code, node=platform.node())
        finally:
            home.close()

    def _relay(self, worker: FarWorker, stored: Callable[[], tuple[Item, ...]]) -> list[wire.Report]:
        """Until the worker has ended. Returns what it committed, and its end."""
        held: list[wire.Report] = []
        while True:
            self._watch.check()
            self._patiently(lambda: self._obey(worker))
            batch, over = self._heard(worker)
            told = []
            for report in batch:
                name = report.WhichOneof("report")
                if name in COMMITS or name in ENDS:
                    held.append(report)
                else:
                    told.append(report)
                if name in COMMITS | COMMITS_AT_ONCE:
                    worker.send(wire.Command(ack=wire.Ack(number=report.number)))
            if any(one.WhichOneof("report") == "checkpoint" for one in told):
                self._patiently(lambda: self._keep(stored()))
            if told:
                self._events += 1
                self._patiently(partial(self._folder.publish, "events", self._events, told))
            if over:
                return held

    def _patiently(self, act: Callable[[], T]) -> T:
        return patiently(act, self._watch, self._submission)

    def _heard(self, worker: FarWorker) -> tuple[list[wire.Report], bool]:
        """What it said within a poll; True: it has ended."""
        batch: list[wire.Report] = []
        until = time.monotonic() + self._submission.poll
        while (left := until - time.monotonic()) > 0:
            try:
                report = worker.reports.get(timeout=left)
            except queue.Empty:
                break
            if report is None:
                return batch, True
            if report.WhichOneof("report") not in NEVER:
                batch.append(report)
        return batch, False

    def _obey(self, worker: FarWorker) -> None:
        while (commands := self._folder.next("commands", self._commands, wire.Command)) is not None:
            self._commands += 1
            for command in commands:
                worker.send(command)

    def _stored(self, home: Path, keeps: Sequence[Path]) -> tuple[Item, ...]:
        """Everything in the folders `keeps`, as items whose content lies in the store. The worker goes on meanwhile:
        whatever it removes is listed anew."""
        for _ in range(AGAIN):
            try:
                return tuple(
                    self._folder.store.put(path, path.relative_to(home).as_posix())
                    for folder in keeps
                    for path in portable.files(folder)
                )
            except FileNotFoundError:
                self._watch.check()
        raise BadFile("the worker's folder changed too often to be stored")

    def _keep(self, outputs: tuple[Item, ...]) -> None:
        """What is done so far. Of checkpoints, those of the time before the last are no longer stored: whoever reads
        the list that is being replaced finds all that it names."""
        self._folder.keep(Kept(outputs))
        wanted = {one.sha256 for one in (*outputs, *self._outputs)}
        for item in self._old:
            if item.sha256 not in wanted and "/checkpoints/" in item.path:
                self._folder.store.forget(item)
        self._old, self._outputs = self._outputs, outputs


def patiently(act: Callable[[], T], watch: Watch, submission: Submission) -> T:
    """What `act` returns. A store that does not answer for less than the lease is waited for."""
    until = time.monotonic() + submission.lease
    while True:
        watch.check()
        try:
            return act()
        except (Left, Fenced, BadFile):
            raise
        except Exception as error:  # of fsspec's library
            if time.monotonic() > until:
                raise
            print(f"The store does not answer: {error!r}", file=sys.stderr, flush=True)
            time.sleep(submission.poll)


def work(folder: AttemptFolder, program: Sequence[str]) -> int:
    """The whole attempt; an exit code."""
    submission = folder.submission()
    if not folder.claim(f"{platform.node()} {os.getpid()} {uuid.uuid4().hex}"):
        print(f"{folder.id} is another agent's already.", file=sys.stderr)
        return CLAIMED
    watch = Watch(folder, submission.lease)
    try:
        folder.check_fence()
        differences = tuple(submission.runtime.differences(runtime.here()))
        if differences:
            result = Result(Ending.REFUSED, differences=differences, node=platform.node())
        else:
            result = _attempt(folder, submission, program, watch)
        patiently(partial(folder.finish, result), watch, submission)
    except (Left, Fenced) as left:
        print(f"{folder.id} ends without a result: {left}.", file=sys.stderr)
        return LEFT
    finally:
        watch.close()
    return DONE


def _attempt(folder: AttemptFolder, submission: Submission, program: Sequence[str], watch: Watch) -> Result:
    try:
        return Agent(folder, submission, program, watch).run()
    except (Left, Fenced):
        raise
    except Exception as error:
        traceback.print_exc()
        return Result(Ending.FAULT, sentence=str(error) or repr(error), node=platform.node())


def main() -> None:
    if parent := os.environ.get(PARENT):
        die_with(int(parent))
    url, home, job, attempt, *program = sys.argv[1:]
    folder = AttemptFolder(SharedStore(url), home, job, int(attempt))
    sys.exit(work(folder, program or ["-m", "daemon.worker"]))


if __name__ == "__main__":
    main()
