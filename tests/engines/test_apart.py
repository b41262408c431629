"""Long calls into C leave the worker its ears."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from engines.apart import in_a_copy, in_a_thread, in_copies
from engines.errors import BadInput, Cancelled

WAYS = pytest.mark.parametrize("apart", [in_a_copy, in_a_thread])
Apart = Callable[[Callable[[], object], Callable[[], None]], object]


def nothing() -> None: ...


@WAYS
def test_what_was_worked_out_apart_is_what_comes_back(apart: Apart) -> None:
    assert apart(lambda: list(range(1_000_000)), nothing) == list(range(1_000_000))


@WAYS
def test_an_error_of_the_work_comes_back(apart: Apart) -> None:
    def fails() -> None:
        raise BadInput("This is no sound.", "Record it again.")

    with pytest.raises(BadInput, match="no sound"):
        apart(fails, nothing)


@WAYS
def test_the_work_is_not_waited_for_once_it_is_cancelled(apart: Apart) -> None:
    hold = threading.Event()
    looks = iter(range(3))

    def alive() -> None:
        if next(looks) == 2:
            raise Cancelled("Cancelled.")

    began = time.monotonic()
    with pytest.raises(Cancelled):
        apart(lambda: hold.wait(120.0), alive)
    assert time.monotonic() - began < 60.0
    hold.set()
    if apart is in_a_copy:
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)  # the copy is gone, and was waited for


def test_when_the_copy_dies_so_does_the_worker() -> None:
    """As if it had done the work itself: then mynad knows what it was at."""
    code = (
        "import os, signal; from engines.apart import in_a_copy; in_a_copy(lambda: "
        "os.kill(os.getpid(), signal.SIGSEGV), lambda: None)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGSEGV


def test_copies_work_at_once_and_answer_in_order() -> None:
    """Each waits for the other: one after the other they would not end."""
    to_left, to_right = os.pipe(), os.pipe()

    def left() -> bytes:
        os.write(to_right[1], b"l")
        return os.read(to_left[0], 1)

    def right() -> bytes:
        os.write(to_left[1], b"r")
        return os.read(to_right[0], 1)

    assert in_copies([left, right], nothing) == [b"r", b"l"]
    assert in_copies([], nothing) == []


def test_the_first_of_several_errors_is_raised_and_no_copy_is_left() -> None:
    def fails(sentence: str) -> None:
        raise BadInput(sentence)

    with pytest.raises(BadInput, match="the first"):
        in_copies([lambda: None, lambda: fails("the first"), lambda: fails("the second")], nothing)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


#: Garbage in a circle that only the process that made it can give up, as a gRPC channel's threads are.
TIED = """
import gc, os, signal
from engines.apart import in_a_copy

class Tied:
    def __init__(self):
        self.itself, self.home = self, os.getpid()
    def __del__(self):
        if os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)

gc.collect()
gc.set_threshold(50_000, 1, 1)
Tied()
print(in_a_copy(lambda: len([[number] for number in range(300_000)]), lambda: None))
"""


def test_a_copy_does_not_give_up_what_only_its_parent_can() -> None:
    ended = subprocess.run([sys.executable, "-c", TIED], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "300000"), ended.stderr


#: Calls through channels that come and go, while copies are made. With gRPC's own handlers of a fork, this hangs or
#: crashes within some ten copies.
BESIDE_CALLS = """
import os, threading
from concurrent.futures import ThreadPoolExecutor
import grpc
from engines.apart import in_copies

class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

server = grpc.server(ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((Echo(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()

def call():
    while True:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            channel.unary_unary("/a/b")(b"x")

threading.Thread(target=call, daemon=True).start()
for _ in range(60):
    assert in_copies([lambda number=number: number for number in range(3)], lambda: None) == [0, 1, 2]
print("done", flush=True)
os._exit(0)
"""


def test_copies_are_made_beside_calls_of_grpc_as_these_tests_have_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BESIDE_CALLS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "done"), ended.stderr[-2_000:]
