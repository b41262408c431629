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
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

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
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, writing, parent)
    os.close(writing)
    parts: list[bytes] = []
    ended = False
    try:
        while not ended:
            alive()
            if select.select([reading], [], [], POLL_INTERVAL)[0]:
                parts.append(os.read(reading, 1 << 20))
                ended = not parts[-1]
    finally:
        os.close(reading)
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(parent, os.WTERMSIG(status))
    result, error = pickle.loads(b"".join(parts))
    if error is not None:
        raise error
    answer: T = result
    return answer


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
