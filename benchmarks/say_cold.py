"""The first `myna say` on a running daemon, embedded engine: from the start of the command to the first bytes of sound,
and what the speech worker that waited for it holds in memory.

Each round starts a daemon of its own over the same home, waits until its speech worker is ready (its engines have been
loaded: it uses no CPU any more), and speaks twice. Beside it, told and without a bar: with `speech_ready = false`,
where nothing waits.

    python -m benchmarks.say_cold [--rounds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bars import cpu_seconds as own_cpu_seconds
from benchmarks.bars import tell
from benchmarks.mynad import cpu_seconds, family, resident, start, stop
from benchmarks.sides import Spread

FIRST_BAR = 1.0  #: seconds to the first sound
TEXT = "The boat came in just before the storm."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ["MYNA_AUTO_TRAIN"] = "false"
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = os.environ["MYNA_HOME"] = folder
        with daemon(Path(home)):
            myna("voices", "new", "anna")
        first, again, memory, unready, worked = [], [], [], [], []
        for _ in range(rounds):
            with daemon(Path(home)) as pid:
                worker = speech_worker(pid)
                memory.append(resident(worker) / 1e6)
                before = own_cpu_seconds() + cpu_seconds(pid) + cpu_seconds(worker)
                first.append(first_sound())
                worked.append(own_cpu_seconds() + cpu_seconds(pid) + cpu_seconds(worker) - before)
                again.append(first_sound())
            with daemon(Path(home), ready=False):
                unready.append(first_sound())
    seconds = Spread(tuple(first))
    print(f"# the second request: {Spread(tuple(again))} s; without a worker that waits: {Spread(tuple(unready))} s")
    print(
        f"# CPU time of command, mynad and worker in the first request: {Spread(tuple(worked))} s; beside other "
        "work it tells more than the clock"
    )
    print(f"# the worker that waits holds {Spread(tuple(memory))} MB")
    tell(
        "first `myna say` on a running daemon, glow", f"{seconds} s", f"≤ {FIRST_BAR:g} s", seconds.median <= FIRST_BAR
    )


@contextlib.contextmanager
def daemon(home: Path, *, ready: bool = True) -> Iterator[int]:
    """A running mynad's pid."""
    os.environ["MYNA_SPEECH_READY"] = str(ready).lower()
    process, _ = start(home)
    try:
        yield process.pid
    finally:
        stop(process)


def speech_worker(daemon: int) -> int:
    """The pid of the speech worker that waits, once it is ready: it computes nothing for half a second."""
    while not (workers := [pid for launcher in family(daemon)[1:] for pid in family(launcher)[1:]]):
        time.sleep(0.05)
    while True:
        before = cpu_seconds(workers[0])
        time.sleep(0.5)
        if cpu_seconds(workers[0]) > 0.5 and cpu_seconds(workers[0]) - before < 0.02:
            return workers[0]


def first_sound() -> float:
    """Seconds from the start of `myna say` to its first sound on a pipe."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tui.cli", "say", TEXT, "--voice", "anna", "-o", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    heard = process.stdout.read(45)  # the header of a wav file has 44 bytes
    seconds = time.perf_counter() - began
    process.stdout.read()
    if process.wait() or len(heard) < 45:
        sys.exit("myna say failed")
    return seconds


def myna(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tui.cli", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
