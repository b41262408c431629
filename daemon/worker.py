"""A worker: the process that does one job attempt (`python -m daemon.worker`), or speaks one request after another (`--speech`).

The launcher starts it with a socket to mynad at descriptor 3. It asks at once to die with the launcher, says Hello, gets a Start with the
plan, runs `daemon.jobs.<kind>.run`, and tells how it ended. What it prints goes to the job's log; the socket carries everything else.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import socket
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from daemon.launcher import WORKER_SOCKET, die_with

#: what a job kind does: `run(plan, channel) -> sentence`
Run = Callable[..., str]


def load_job(kind: str) -> Run:
    """The `run` of a job kind: "train" → `daemon.jobs.train.run`."""
    run: Run = import_module(f"daemon.jobs.{kind}").run
    return run


def main(load: Callable[[str], Run] = load_job) -> None:
    """Serve mynad until it lets go. `load` is where tests put their own kinds."""
    die_with(int(os.environ["MYNA_LAUNCHER"]))
    faulthandler.enable()  # a segfault's last words: the Python stack
    from daemon.jobs.channel import Line  # after die_with: nothing slow may come before it

    speech = "--speech" in sys.argv
    if not speech:
        with contextlib.suppress(OSError):
            os.nice(5)  # mynad and speech answer people; this can wait its turn
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")  # when memory runs out, an attempt is to die and not mynad
    line = Line(socket.socket(fileno=WORKER_SOCKET))
    line.hello()
    while True:
        start, channel = line.next_job()
        kind = start.WhichOneof("plan") or ""
        try:
            sentence = load(kind)(getattr(start, kind), channel)
        except BaseException as error:  # SystemExit too: third-party code must not end us without a word
            channel.failed(error)
        else:
            channel.done(sentence)
        if not speech:
            break
        gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    # no interpreter teardown: all files are closed and synced by now, and libraries like to crash in theirs
    os._exit(0)


def explain(error: BaseException, home: Path) -> tuple[str, str, str, str]:
    """(error kind, sentence, hint, traceback or empty) of what a job raised."""
    from engines.errors import EngineError
    from engines.files import closed_disk

    error = closed_disk(error, f"something in {home}") or error
    if isinstance(error, EngineError):
        return error.kind, str(error), error.hint, ""
    stack = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch
        return "out-of-memory", "The machine ran out of memory.", "End other programs, or make the job smaller (batch_size).", stack
    if isinstance(error, SystemExit):
        return "engine", f"A library tried to end the worker (exit {error.code}).", "The log has its last words.", stack
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return "engine", f"The worker met an error it has no words for: {what}.", "The log has the details; please report it.", stack


if __name__ == "__main__":
    main()
