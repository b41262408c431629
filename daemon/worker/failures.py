"""What a person reads of an exception that ended a job: the kind of error, one sentence, and what to do."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

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
    errno.ENAMETOOLONG: (
        "has a name that is too long for its file system",
        "Use shorter names, or a MYNA_HOME with a shorter path.",
    ),
    errno.ELOOP: ("is a link that leads back to itself", "Repair the links, then retry the job."),
    errno.EMFILE: (
        "cannot be opened: the worker has too many files open",
        "Raise the limit (`ulimit -n`) and restart mynad, then retry.",
    ),
    errno.ENFILE: ("cannot be opened: the machine has too many files open", "End other programs, then retry the job."),
    errno.EIO: (
        "cannot be used: its disk reports errors",
        "See `journalctl -k`, and whether the disk is whole, then retry the job.",
    ),
    errno.ESTALE: ("cannot be used: its network file system has gone", "Mount it again, then retry the job."),
}


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
        return (
            "out-of-memory",
            "The machine ran out of memory.",
            "End other programs, or make the job smaller (batch_size).",
            stack,
        )
    if isinstance(error, OSError) and error.errno in REFUSALS:
        what, hint = REFUSALS[error.errno]
        return "engine", f"{_path_of(error, home)} {what}.", hint, stack
    if isinstance(error, SystemExit):
        return (
            "engine",
            f"A library tried to end the worker (exit {error.code}).",
            "The end of the log shows the last thing that it did.",
            stack,
        )
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return (
        "engine",
        f"The worker failed with an unexpected error: {what}.",
        "The log has the details; please report it.",
        stack,
    )


def _path_of(error: OSError, home: Path) -> str:
    """What the error is about: the second of two paths is the one that was to be made."""
    named = error.filename2 if error.filename2 is not None else error.filename
    return os.fsdecode(named) if isinstance(named, str | bytes) else f"something in {home}"
