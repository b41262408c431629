"""What a person reads of an exception in the daemon's own part of a job."""

from __future__ import annotations

import logging

from daemon.errors import DiskFull, MynaError, QuotaReached
from daemon.state.status import Error

log = logging.getLogger("mynad.attempt")


def explain(error: Exception, label: str) -> Error:
    """As the job's error; a mistake of ours is told to the log."""
    if isinstance(error, DiskFull):
        return Error("disk-full", error.sentence, error.hint, "")
    if isinstance(error, QuotaReached):
        return Error("quota", error.sentence, error.hint, "")
    if isinstance(error, MynaError):
        return Error("bad-input", error.sentence, error.hint, "")
    log.exception("%s failed in mynad", label, exc_info=error)
    return Error(
        "crashed",
        "Myna made a mistake here.",
        "log/mynad.log in its home folder has the details; please report it.",
        "",
    )
