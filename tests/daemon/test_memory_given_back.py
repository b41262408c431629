"""Memory that mynad does not need goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import subprocess
import sys
import weakref

import pytest

from daemon.machine import memory
from tests.waits import goes_on

pytestmark = pytest.mark.unit


class Circle:
    """What only the collector finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize(
    ("now", "since", "due"),
    [
        (100_000_000, 1.0, False),
        (100_000_000 + memory.SLACK, 1.0, False),
        (100_000_001 + memory.SLACK, 1.0, True),
        (100_000_001, memory.LONGEST - 1, False),
        (100_000_000, memory.LONGEST, True),  # what creeps up by little
    ],
)
def test_when_it_is_given_back(now: int, since: float, due: bool) -> None:
    assert memory.due(now, 100_000_000, since) is due


def test_a_moment_without_files_or_threads_does_not_end_it() -> None:
    """Whoever ends here ends mynad."""

    async def whole() -> None:
        looks, enough = 0, asyncio.Event()

        def measure() -> int:
            nonlocal looks
            looks += 1
            if looks == 9:
                enough.set()
            if looks < 6:
                raise OSError(24, "Too many open files") if looks % 2 else RuntimeError("can't start new thread")
            return 0

        await goes_on(memory.give_back(measure=measure, every=0.0), enough)

    asyncio.run(whole())


def test_what_holds_itself_goes_when_its_time_has_come() -> None:
    async def whole() -> None:
        held = Circle()
        gone = asyncio.Event()
        weakref.finalize(held, gone.set)
        seconds = 0.0

        def clock() -> float:
            nonlocal seconds
            seconds += memory.LONGEST
            return seconds

        gc.disable()  # so that nobody else finds it
        try:
            del held
            working = asyncio.ensure_future(memory.give_back(measure=lambda: 0, clock=clock, every=0.0))
            await asyncio.wait_for(gone.wait(), 30)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        finally:
            gc.enable()

    asyncio.run(whole())


#: How many heaps glibc has for some threads that are all there at once.
HEAPS = """
import ctypes, re, sys, tempfile, threading
from daemon.machine import memory

if sys.argv[1] == "together":
    memory.keep_together()
libc, meet = ctypes.CDLL(None), threading.Barrier(9)
libc.fopen.restype = ctypes.c_void_p
threads = [threading.Thread(target=lambda: (bytearray(2_000), meet.wait())) for _ in range(8)]
for thread in threads:
    thread.start()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(len(re.findall("<heap nr=", file.read().decode())))
meet.wait()
"""


@pytest.mark.parametrize(("how", "few"), [("together", True), ("apart", False)])
def test_threads_share_few_heaps(how: str, few: bool) -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("the C library is not glibc")
    ended = subprocess.run([sys.executable, "-c", HEAPS, how], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (int(ended.stdout) <= memory.ARENAS) is few
