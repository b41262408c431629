"""Long calls into C, away from the thread that must hear when a person cancels.

`in_a_copy` is for code that keeps the interpreter to itself meanwhile (PocketSphinx, rapidfuzz): a thread would not
help there.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import select
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds between two looks whether to go on.
POLL_INTERVAL = 0.1
_PR_SET_PDEATHSIG = 1


def in_a_thread(work: Callable[[], T], alive: Callable[[], None]) -> T:
    """What `work` returns or raises. What `alive` raises comes at once; the thread is left behind, for a process that
    is about to end."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="apart", daemon=True).start()
    while not future.done():
        alive()
        done = threading.Event()
        future.add_done_callback(lambda _, done=done: done.set())  # type: ignore[misc]
        done.wait(POLL_INTERVAL)
    return future.result()


def in_a_copy(work: Callable[[], T], alive: Callable[[], None]) -> T:
    """What `work` returns or raises, worked out by a forked copy of this process, which must need neither threads nor a
    GPU for it. What `alive` raises comes at once, and ends the copy. If the copy dies of a signal, so does this
    process: as if it had worked itself."""
    (result,) = in_copies([work], alive)
    return result


def in_copies(works: Sequence[Callable[[], T]], alive: Callable[[], None]) -> list[T]:
    """What each of `works` returns, worked out by a copy each, all at once. Otherwise as `in_a_copy`; what the first of
    them that failed raised is raised."""
    copies: list[_Copy] = []
    try:
        copies += map(_Copy, works)
        while reading := [copy.reading for copy in copies if not copy.ended]:
            alive()
            ready = set(select.select(reading, [], [], POLL_INTERVAL)[0])
            for copy in copies:
                if copy.reading in ready:
                    copy.read()
    finally:
        signals = [copy.close() for copy in copies]
    for number in filter(None, signals):
        os.kill(os.getpid(), number)
    answers: list[T] = [copy.answer() for copy in copies]
    return answers


class _Copy:
    """A forked copy at work."""

    def __init__(self, work: Callable[[], object]) -> None:
        parent = os.getpid()
        self.reading, writing = os.pipe()
        self.ended = False
        self._parts: list[bytes] = []
        self._child = os.fork()
        if self._child == 0:
            os.close(self.reading)
            _work(work, writing, parent)
        os.close(writing)

    def read(self) -> None:
        """Take what it has to say; nothing more: it has ended."""
        self._parts.append(os.read(self.reading, 1 << 20))
        self.ended = not self._parts[-1]

    def close(self) -> int:
        """Wait for it, having ended it if it has not by itself; the signal that it died of by itself, or 0."""
        os.close(self.reading)
        if not self.ended:
            os.kill(self._child, signal.SIGKILL)
        _, status = os.waitpid(self._child, 0)
        return os.WTERMSIG(status) if self.ended and os.WIFSIGNALED(status) else 0

    def answer(self) -> Any:
        """What it returned; raises what it raised."""
        result, error = pickle.loads(b"".join(self._parts))
        if error is not None:
            raise error
        return result


def _work(work: Callable[[], object], writing: int, parent: int) -> None:
    """The copy's life; it never returns."""
    gc.disable()  # garbage of the parent's may need its threads to go (a gRPC channel's does): that hangs or aborts
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            try:
                answer = pickle.dumps((work(), None))
            except BaseException as error:
                answer = pickle.dumps((None, error))
            with open(writing, "wb") as pipe:
                pipe.write(answer)
    finally:
        os._exit(0)
