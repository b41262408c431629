"""Progress: bars on a terminal (on stderr, so that pipes stay clean), a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from proto import myna_pb2 as pb
from proto.messages import ENDED, state_of
from tui import output, wording

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

STEP = 0.1  #: without a terminal, a line is written each time a job got that much further


class JobBars:
    """Shows jobs as they run: one bar a running job on a terminal; elsewhere a line a change of state and a tenth of
    progress."""

    def __init__(self) -> None:
        self._bars: Progress | None = _bars() if sys.stderr.isatty() else None
        self._tasks: dict[int, TaskID] = {}
        self._shown: dict[int, tuple[str, float]] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        if kind is KeyboardInterrupt:
            output.note("The work goes on without us: myna jobs")

    def show(self, job: pb.Job) -> None:
        """The job as it is now."""
        state, done = state_of(job), _share(job)
        before, part = self._shown.get(job.id, ("", 0.0))
        if self._bars is not None:
            self._move(self._bars, job, state)
        if (
            state != before or done < part or (self._bars is None and done >= part + STEP)
        ):  # less than before: another stretch of work
            self._shown[job.id] = (state, done)
            if self._bars is None or state in ENDED:
                self.line(f"#{job.id} {job.title}: {output.state(state)} {output.safe(wording.detail(job))}".rstrip())

    def line(self, text: str) -> None:
        """A line above the bars."""
        if self._bars is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bars.console.print(text, markup=False, highlight=False)

    def _move(self, bars: Progress, job: pb.Job, state: str) -> None:
        if state in ENDED or state == "queued":
            if (task := self._tasks.pop(job.id, None)) is not None:
                bars.remove_task(task)
            return
        now = getattr(job.status, state).progress
        if job.id not in self._tasks:
            self._tasks[job.id] = bars.add_task("", total=None, said="")
        what = output.safe(f"#{job.id} {job.title}" + (" (paused)" if state == "paused" else ""))
        known = wording.progress(now)
        bars.update(
            self._tasks[job.id], description=what, completed=now.done, total=now.total or None, said=output.safe(known)
        )


@contextmanager
def counting(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """A bar from 0 to `total` on a terminal, nothing elsewhere. Gives the function that moves it on."""
    if not sys.stderr.isatty():
        yield lambda amount: None
        return
    with _bars() as bars:
        task = bars.add_task(what, total=total, said="")
        yield lambda amount: bars.update(task, advance=amount)


@contextmanager
def fetching(what: str) -> Iterator[Callable[[float, float], None]]:
    """How much has arrived of what is fetched, on a terminal; nothing elsewhere. Gives the function to call with bytes
    done and bytes in all (0: not known)."""
    with stretches() as move:
        yield lambda done, total: move(what, done, total, wording.size(round(done)) if done else "")


@contextmanager
def stretches() -> Iterator[Callable[[str, float, float, str], None]]:
    """One bar for one stretch of work after another, on a terminal; nothing elsewhere. Gives the function to call with
    what is done now, how much of it, how much in all (0: not known), and both in words."""
    if not sys.stderr.isatty():
        yield lambda what, done, total, said: None
        return
    with _bars() as bars:
        task = bars.add_task("", total=None, said="")
        yield lambda what, done, total, said: bars.update(
            task, description=what, completed=done, total=total or None, said=said
        )


@contextmanager
def speaking(text: str) -> Iterator[Callable[[str, float], None]]:
    """How far a text is spoken: a bar on a terminal, nothing elsewhere. Gives the function to call with each sentence
    as it begins ("": it goes on) and the seconds of speech so far."""
    if not sys.stderr.isatty():
        yield lambda sentence, seconds: None
        return
    with _bars() as bars:
        task = bars.add_task("speaking", total=max(1, len(text)), said="")
        begun = 0  # characters of the sentence that is being spoken

        def move(sentence: str, seconds: float) -> None:
            nonlocal begun
            bars.update(task, said=f"{wording.duration(seconds)} of speech")
            if sentence:
                bars.update(task, advance=begun)
                begun = len(sentence)

        yield move


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[said]}", markup=False),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)


def _share(job: pb.Job) -> float:
    now = job.status.running.progress
    return now.done / now.total if now.total else 0.0
