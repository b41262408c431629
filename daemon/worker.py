"""A worker: the process that does one job attempt (`python -m daemon.worker`), or speaks one request after another (`--speech`).

The launcher starts it with a socket to mynad at descriptor 3. It asks at once to die with the launcher, says Hello, gets a Start with the
plan, runs `daemon.jobs.<kind>.run`, and tells how it ended. What it prints goes to the job's log; the socket carries everything else.
"""

from __future__ import annotations

import contextlib
import errno
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

#: what the system refuses, by errno: how the sentence about the path goes on, and what to do
_RIGHTS = "Give mynad's user the right to it (`chown`, `chmod`), then retry the job."
REFUSALS = {
    errno.EACCES: ("cannot be used: mynad's user has no right to it", _RIGHTS),
    errno.EPERM: ("cannot be used: mynad's user has no right to it", _RIGHTS),
    errno.EISDIR: ("is a folder where a file should be", "Move it away, then retry the job."),
    errno.ENOTDIR: ("cannot be used: a file is where a folder should be", "Move the file away, then retry the job."),
    errno.EEXIST: ("is in the way", "Move it away, then retry the job."),
    errno.ENOTEMPTY: ("is a folder that is not empty, and in the way", "Move it away, then retry the job."),
    errno.ENOENT: ("is not there", "Put it back if it was moved or deleted, then retry the job."),
    errno.ENAMETOOLONG: ("has a name that is too long for its file system", "Use shorter names, or a MYNA_HOME with a shorter path."),
    errno.ELOOP: ("leads round in a circle of links", "Mend the links, then retry the job."),
    errno.EMFILE: (
        "cannot be opened: the worker has too many files open",
        "Raise the limit (`ulimit -n`) and restart mynad, then retry.",
    ),
    errno.ENFILE: ("cannot be opened: the machine has too many files open", "End other programs, then retry the job."),
    errno.EIO: ("cannot be used: its disk reports errors", "See `journalctl -k`, and whether the disk is whole, then retry the job."),
    errno.ESTALE: ("cannot be used: its network file system has gone", "Mount it again, then retry the job."),
}


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

    if isinstance(error, OSError):
        error = closed_disk(error, _path_of(error, home)) or error
    if isinstance(error, EngineError):
        return error.kind, str(error), error.hint, ""
    stack = "".join(traceback.format_exception(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without importing torch
        return "out-of-memory", "The machine ran out of memory.", "End other programs, or make the job smaller (batch_size).", stack
    if isinstance(error, OSError) and error.errno in REFUSALS:
        what, hint = REFUSALS[error.errno]
        return "engine", f"{_path_of(error, home)} {what}.", hint, stack
    if isinstance(error, SystemExit):
        return "engine", f"A library tried to end the worker (exit {error.code}).", "The log has its last words.", stack
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return "engine", f"The worker met an error it has no words for: {what}.", "The log has the details; please report it.", stack


def _path_of(error: OSError, home: Path) -> str:
    """What the error is about: the second of two paths is the one that was to be made."""
    named = error.filename2 if error.filename2 is not None else error.filename
    return os.fsdecode(named) if isinstance(named, str | bytes) else f"something in {home}"


if __name__ == "__main__":
    main()
