"""What holds for every test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

#: Of several test processes, each computes with one thread, and so do the programs that it starts: there are more of
#: them than cores, and threads that wait for each other spin. (Before anything imports torch.)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    #: Each keeps what numba compiles for librosa to itself: of gufuncs that several processes compile at once, numba
    #: may store halves that do not fit each other, and who loads them crashes (numba#10128).
    os.environ["NUMBA_CACHE_DIR"] = str(Path(".pytest_cache", "numba", os.environ["PYTEST_XDIST_WORKER"]).absolute())

#: What forks here (engines/apart.py) is not held up by gRPC's threads of tests before it, which would take part in the
#: fork, and hang or crash where a call is under way. (Before anything imports grpc; mynad has it so, too, and workers
#: have no gRPC.)
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

#: A daemon of a test has no speech worker waiting, but where a test asks for one: that costs seconds of a CPU.
os.environ.setdefault("MYNA_SPEECH_READY", "false")

#: Backups and checks of a test do not stand behind all other tests.
os.environ.setdefault("MYNA_UPKEEP_NICE", "0")

#: What takes longest begins first, so that no worker is left with it at the end; the first makes what others wait for.
FIRST = ("tests/e2e/test_chaos.py", "tests/engines/xtts/", "tests/e2e/", "tests/daemon/jobs/", "tests/engines/")


def pytest_configure() -> None:
    """Children hear Ctrl-C, also where the tests were started in the background: a shell lets such jobs ignore SIGINT,
    and what is ignored stays ignored in every program started from here."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((place for place, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))

    items.sort(key=place)
