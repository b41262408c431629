"""mynad's own log: what of it goes where, in which form.

`log/mynad.log` has lines for people, or JSON for programs (the setting `log_format`). stderr has the same, but where
it leads into systemd's journal: there each line begins with its syslog level (sd-daemon(3)), and the journal has the
time."""

from __future__ import annotations

import atexit
import json
import logging
import logging.handlers
import os
import queue
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from daemon.errors import MynaError

FORMATS = ("text", "json")
#: of `log/mynad.log`: bytes of a file, and files
FILE_BYTES, FILES = 5_000_000, 5
#: levels of Python's logging as syslog(3) counts them
SYSLOG = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """An object a line: `time` (RFC 3339, UTC), `level`, `logger`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


class JournalLines(logging.Formatter):
    """Lines for systemd's journal: the level before each, also of those that a traceback has."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        level = f"<{SYSLOG.get(record.levelno, 6)}>"
        return "\n".join(level + line for line in self.inner.format(record).splitlines() or [""])


def in_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Does the stream lead into systemd's journal? (systemd says which device and inode that is.)"""
    try:
        facts = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}"


def formatters(form: str, journal: bool) -> tuple[logging.Formatter, logging.Formatter]:
    """How a line is written into the file, and how to stderr; `form` is one of FORMATS."""
    file = JsonLines() if form == "json" else logging.Formatter(TEXT)
    if not journal:
        return file, file
    return file, JournalLines(file if form == "json" else logging.Formatter("%(name)s: %(message)s"))


def log_to(home: Path, form: str = "text") -> None:
    """mynad's own log: `log/mynad.log` (five files of 5 MB) and stderr, written by a thread. Raises MynaError."""
    path = home / "log" / "mynad.log"
    logging.raiseExceptions = False  # a full disk costs lines of the log, and no traceback for each of them
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = logging.handlers.RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES - 1)
    except OSError as error:
        raise MynaError(
            f"The log {path} cannot be written: {error.strerror}.",
            "Move what is in its way, or let mynad's user write.",
        ) from None
    terminal = logging.StreamHandler()
    for_file, for_terminal = formatters(form, in_journal(terminal.stream, os.environ))
    file.setFormatter(for_file)
    terminal.setFormatter(for_terminal)
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    writer = logging.handlers.QueueListener(waiting, file, terminal)
    writer.start()
    atexit.register(writer.stop)  # writes what waits
    logging.getLogger().addHandler(Unformatted(waiting))
    logging.getLogger().setLevel(logging.INFO)


class Unformatted(logging.handlers.QueueHandler):
    """Hands records on as they are: QueueHandler itself would put a traceback into the message, and JSON would have it
    there. (Nothing leaves the process, so that nothing need be pickled.)"""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.message = record.getMessage()
        record.msg, record.args = record.message, None  # what it names may change before it is written
        return record
