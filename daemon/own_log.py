"""mynad's own log: what of it goes where, in which form."""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import queue
from pathlib import Path

from daemon.errors import MynaError


def log_to(home: Path) -> None:
    """mynad's own log: `log/mynad.log` (five files of 5 MB) and stderr, written by a thread. Raises MynaError."""
    path = home / "log" / "mynad.log"
    logging.raiseExceptions = False  # a full disk costs lines of the log, and no traceback for each of them
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = logging.handlers.RotatingFileHandler(path, maxBytes=5_000_000, backupCount=5)
    except OSError as error:
        raise MynaError(
            f"The log {path} cannot be written: {error.strerror}.",
            "Move what is in its way, or let mynad's user write.",
        ) from None
    terminal = logging.StreamHandler()
    for handler in (file, terminal):
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    writer = logging.handlers.QueueListener(waiting, file, terminal)
    writer.start()
    atexit.register(writer.stop)  # writes what waits
    logging.getLogger().addHandler(logging.handlers.QueueHandler(waiting))
    logging.getLogger().setLevel(logging.INFO)
