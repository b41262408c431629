"""`python -m daemon.far.relay`: started by mynad in a worker's place, and speaks with it as a worker does, while the
real one works elsewhere. What it is told beside the plan (`Errand`) is in its environment.

It stores what the training reads, writes down the submission, has an executor start an agent, passes on what the agent
publishes and what mynad commands, and lands the result in the home once it is there and whole. The attempt is lost when
the agent's count has not gone up for as long as its lease; until an agent has claimed the attempt, it is asked for
again and again.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import time
import traceback
from pathlib import Path

from daemon.errors import ERROR_KINDS
from daemon.far import executor, landing, line, portable, runtime
from daemon.far.agent import COMMITS, COMMITS_AT_ONCE, ENDS
from daemon.far.attempt_folder import AttemptFolder, Fenced, Lease, Who
from daemon.far.errand import Errand
from daemon.far.executor import Order, Standing
from daemon.far.line import Line
from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Ending, Item, Result, Submission, inside
from daemon.processes.launcher_program import WORKER_SOCKET, die_with
from daemon.worker import versions
from engines.errors import EngineError
from proto import worker_pb2 as wire

#: Seconds before an agent is asked for again that nobody started: twice as long each time.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
#: Reports that reach mynad as they come; those of the end come with the result.
PASSED_ON = COMMITS_AT_ONCE | {
    "progress", "points", "log", "checkpoint", "notice", "at", "lane_free", "yielded", "resumed"
}  # fmt: skip
WORDS = 2_000  #: characters of an executor's last words


class Lost(Exception):
    """Nothing is heard of the attempt any more; the next one may begin."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


class Refused(EngineError):
    """It cannot be done elsewhere."""

    kind = "engine"


class Relay:
    """One attempt's."""

    def __init__(self, start: wire.Start, errand: Errand, to_mynad: Line) -> None:
        if not portable.is_portable(start):
            raise Refused("Only trainings can be done on another machine.", "Set [executor] kind to local.")
        self._start, self._errand, self._line = start, errand, to_mynad
        self._home = Path(start.home)
        self._plan = portable.relative(start)
        store = SharedStore(errand.store)
        self._folder = AttemptFolder(store, start.train.home_uuid, job_of(start), start.attempt)
        self._executor = executor.make(errand.kind, errand.address)
        self._events, self._commands = 1, 1  #: numbers of the next to be read, and to be published
        self._untold: list[wire.Command] = []  #: commands that the store did not take yet
        self._claimed = ""  #: by whom
        self._lease = Lease(errand.lease)
        self._again, self._pause = 0.0, FIRST_PAUSE  #: when an agent may be asked for, and the pause after that
        self._shown = 0.0  #: when the agent was last shown that somebody waits
        self._results: set[int] = set()  #: earlier attempts that had one when this began, or were refused since
        self._order = Order(
            self._folder.id,
            errand.store,
            self._folder.home,
            self._folder.job,
            start.attempt,
            errand.program,
            errand.node,
            int(errand.gpu is not None),
        )

    def run(self) -> None:
        """The whole attempt; its end was told when this returns. Raises Lost, Refused, BadFile, Fenced, and what the
        store raises."""
        folder = self._folder
        folder.raise_fence()
        self._results = {number for number in range(1, folder.attempt) if folder.other(number).has_result()}
        landing.claim(self._start.train, self._line)
        self._say("The training's files are being stored for the other machine.")
        folder.beat(Who.RELAY)
        inputs = self._inputs()
        submission = Submission(
            folder.home,
            folder.job,
            folder.attempt,
            self._plan.SerializeToString(),
            inputs,
            portable.keeps(self._plan.train),
            portable.environment(self._plan.train, self._home),
            runtime.here(),
            self._errand.lease,
            self._errand.poll,
        )
        if not folder.submit(submission):
            raise Refused(
                f"Attempt {folder.attempt} of this job was submitted before.",
                "Two mynads with the same database use this store: give one of them another.",
            )
        self._end(self._watched())

    def _inputs(self) -> tuple[Item, ...]:
        """What the training reads, stored. What an earlier attempt elsewhere got done is gone on from."""
        kept = self._left_behind()
        wanted = portable.inputs(self._plan.train, self._home, run=not kept)
        found = {one.path: one for one in kept}
        for path, source in wanted.items():
            found[path] = self._folder.store.put(source, path)
            self._folder.beat(Who.RELAY)
            self._line.goes_on()
        total = sum(one.size for one in found.values())
        self._say(f"{len(found)} files ({total / 1e6:.1f} MB) are stored.")
        return tuple(found.values())

    def _left_behind(self) -> tuple[Item, ...]:
        """Of the newest earlier attempt that kept anything; empty: none did."""
        for number in range(self._folder.attempt - 1, 0, -1):
            earlier = self._folder.other(number)
            try:
                kept = self._kept_by(earlier)
            except BadFile as error:
                self._say(f"What attempt {number} left cannot be used ({error}).", "warning")
                continue
            if kept and all(self._folder.store.has(one) for one in kept):
                self._say(f"Goes on from what attempt {number} kept.")
                return kept
        return ()

    def _kept_by(self, earlier: AttemptFolder) -> tuple[Item, ...]:
        """What an attempt left: its result's outputs, or what it kept before it was lost. Raises BadFile."""
        left = earlier.result(), earlier.kept()
        kept: tuple[Item, ...] = next((one.outputs for one in left if one is not None and one.outputs), ())
        for item in kept:
            inside(self._home, item.path, portable.keeps(self._plan.train))
        return kept

    # -------------------------------------------------------------------------------------------------- while it works

    def _watched(self) -> Result:
        """Have it started, and pass everything on until there is a result. A store that does not answer for less than
        the lease is waited for. Raises Lost."""
        rounds, reached, found = 0, Lease(self._errand.lease), None
        while True:
            rounds += 1
            try:
                result = self._folder.result()
                self._pass_on()
                if result is None:
                    self._see_to_it()
                else:
                    found = found or Lease(self._errand.lease)
                    if self._events > result.events or found.over:  # a file system may show events later than the end
                        return result
                self._show_life()
                self._obey()
            except (Lost, Refused, BadFile, Fenced):
                raise
            except Exception as error:  # of fsspec's library
                if reached.over:
                    raise
                print(f"The store does not answer: {error!r}", file=sys.stderr, flush=True)
                time.sleep(self._errand.poll)
            else:
                reached.see(rounds)
                self._line.goes_on()

    def _see_to_it(self) -> None:
        """That somebody is at it: an agent that claimed it and lives, or whoever was asked to start one."""
        folder, lease = self._folder, self._lease
        self._claimed = self._claimed or folder.claimed()
        if self._claimed:
            lease.see(folder.count(Who.AGENT))
            if lease.over:
                if words := self._executor.logs(self._order.id)[-WORDS:]:
                    self._say(f"Who was to start it said: {words}")
                raise Lost(
                    f"Nothing was heard of the agent on {self._claimed.split()[0]} for {lease.seconds:g} s.",
                    "See whether that machine, its network and the store are well.",
                )
        elif self._executor.poll(self._order.id) == Standing.ENDED and time.monotonic() >= self._again:
            if self._pause == FIRST_PAUSE:
                self._say(f"The attempt is asked for as {self._order.id}.")
                self._line.send(_waits(), self._start.job)
            else:
                words = self._executor.logs(self._order.id)[-WORDS:]
                self._say(f"Nobody has begun the attempt: it is asked for again. {words}", "warning")
            try:
                self._executor.start(self._order)
            except OSError as error:
                raise Lost(f"A program could not be started: {error.strerror or error}.", "") from error
            self._again, self._pause = time.monotonic() + self._pause, min(2 * self._pause, LONGEST_PAUSE)

    def _show_life(self) -> None:
        """To the agent; as often as that, late results are looked for."""
        if time.monotonic() - self._shown > self._errand.lease / 4:
            self._folder.beat(Who.RELAY)
            self._shown = time.monotonic()
            self._look_for_late_results()

    def _pass_on(self) -> None:
        while (reports := self._folder.next("events", self._events, wire.Report)) is not None:
            self._events += 1
            for report in reports:
                foreign = report.HasField("points") and report.points.run != self._start.train.run
                if report.WhichOneof("report") in PASSED_ON and not foreign:
                    self._line.send(report, self._start.job)

    def _obey(self) -> None:
        """Commands of mynad, within a poll. They are published in their order."""
        commands = self._untold
        until = time.monotonic() + self._errand.poll
        while (left := until - time.monotonic()) > 0:
            try:
                command = self._line.commands.get(timeout=left)
            except queue.Empty:
                break
            if command.WhichOneof("command") != "ack":
                commands.append(command)
        if not commands:
            return
        told = {command.WhichOneof("command") for command in commands}
        if told & {"stop", "cancel"} and not self._folder.claimed():
            self._executor.cancel(self._order.id)
            self._leave(cancelled="cancel" in told)
        self._folder.publish("commands", self._commands, commands)
        self._commands, self._untold = self._commands + 1, []

    def _leave(self, *, cancelled: bool) -> None:
        """Told to end before anybody began: an agent that begins all the same sees that nobody waits."""
        if cancelled:
            said = wire.Failed(kind=ERROR_KINDS["cancelled"], sentence="Cancelled.")
            self._line.send(wire.Report(failed=said), self._start.job)
        else:
            self._line.send(wire.Report(stopped=wire.Stopped()), self._start.job)
        _until_let_go()

    def _look_for_late_results(self) -> None:
        for number in range(1, self._folder.attempt):
            if number not in self._results and self._folder.other(number).has_result():
                self._results.add(number)
                self._say(
                    f"A result of attempt {number} came late and is refused: attempt {self._folder.attempt} has "
                    "the job.",
                    "warning",
                )

    # -------------------------------------------------------------------------------------------------- its end

    def _end(self, result: Result) -> None:
        """Land what is whole, have it committed, and tell how it ended."""
        match result.ending:
            case Ending.REFUSED:
                said = runtime.sentence(result.differences, result.node)
                raise Refused(
                    f"The training was not begun there: {said}",
                    "Install the same Myna with the same libraries on both machines (constraints.txt).",
                )
            case Ending.FAULT:
                raise Lost(f"The agent on {result.node} failed: {result.sentence}.", "See the job's log.")
        reports = result.said()
        ends = [one for one in reports if one.WhichOneof("report") in ENDS]
        if len(ends) != (result.ending == Ending.SAID) or any(
            one.WhichOneof("report") not in COMMITS | ENDS for one in reports
        ):
            raise BadFile("the result does not say how it ended")
        landing.land(self._start.train, self._folder.store, result.outputs)
        if result.ending == Ending.DIED:
            raise Lost(
                f"The worker on {result.node} died ({_exit(result.code)}).",
                "The end of the log shows the last thing that it did.",
            )
        for report in reports:
            if report.WhichOneof("report") in COMMITS:
                self._check_version(report.trained)
                number = self._line.send(report, self._start.job)
                self._acknowledged(number)
            else:
                if report.WhichOneof("report") == "done":
                    self._tidy(result)
                self._line.send(report, self._start.job)
        _until_let_go()

    def _check_version(self, trained: wire.TrainResult) -> None:
        """It is said of the folder in this home, and that is there."""
        out = Path(self._start.train.out_dir)
        if trained.version_dir and versions.lineage(out) is None:
            raise BadFile(f"the version {out.name} is not among what was made")
        trained.version_dir = str(out) if trained.version_dir else ""

    def _acknowledged(self, number: int) -> None:
        while True:
            command = self._line.commands.get()
            if command.WhichOneof("command") == "ack" and command.ack.number == number:
                return

    def _tidy(self, result: Result) -> None:
        """It is done: nobody goes on from its checkpoints any more, and nobody reads its events."""
        for number in range(1, self._folder.attempt + 1):
            folder = self._folder.other(number)
            try:
                kept = folder.kept()
                for item in kept.outputs if kept is not None else ():
                    if "/checkpoints/" in item.path and item not in result.outputs:
                        folder.store.forget(item)
                folder.tidy()
            except Exception as error:  # what stays there does no harm
                print(f"Attempt {number} could not be tidied up: {error!r}", file=sys.stderr)

    def _say(self, text: str, level: str = "info") -> None:
        self._line.send(line.log(level, text), self._start.job)


def job_of(start: wire.Start) -> str:
    """What the store calls the job: numbers come again where an older database is put back, UUIDs do not."""
    return f"{start.job}-{start.train.run_uuid[:12]}"


def _waits() -> wire.Report:
    report = wire.Report()
    report.progress.sentence = "waiting for a machine of the cluster"
    return report


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _until_let_go() -> None:
    """All is said: mynad closes the socket, which ends the process."""
    while True:
        time.sleep(3600.0)


def explained(error: Exception) -> wire.Report:
    """How an attempt ended that raised this."""
    if isinstance(error, Lost):
        return wire.Report(lost=wire.Lost(sentence=str(error), hint=error.hint))
    if isinstance(error, EngineError):
        return wire.Report(failed=wire.Failed(kind=ERROR_KINDS[error.kind], sentence=str(error), hint=error.hint))
    if isinstance(error, Fenced):
        sentence = f"The store has attempt {error.attempt} of this job, which is later than this one."
        hint = "Is this an older database, or do two mynads share the store? Give this one another store."
        return wire.Report(failed=wire.Failed(kind=ERROR_KINDS["engine"], sentence=sentence, hint=hint))
    if isinstance(error, BadFile):
        return wire.Report(lost=wire.Lost(sentence=f"The shared folder has a damaged file: {error}.", hint=""))
    sentence = f"The shared folder cannot be used: {str(error) or repr(error)}."
    return wire.Report(lost=wire.Lost(sentence=sentence, hint="See [executor] store in myna.toml."))


def main() -> None:
    die_with(int(os.environ["MYNA_LAUNCHER"]))
    to_mynad = Line(socket.socket(fileno=WORKER_SOCKET))
    command = to_mynad.commands.get()
    try:
        Relay(command.start, Errand.read(os.environ), to_mynad).run()
    except Exception as error:
        if not isinstance(error, Lost | EngineError | Fenced | BadFile):
            traceback.print_exc()
        to_mynad.send(explained(error), command.start.job)
        _until_let_go()


if __name__ == "__main__":
    main()
