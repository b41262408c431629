"""The log of each job: one file of JSON lines, `log/job-<id>.jsonl`, over all its attempts.

Its first line says when the job was submitted, to the microsecond: a file that says otherwise is of another database's job of that number
(daemon/home/identity.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from daemon.database.models import EPOCH
from daemon.errors import CursorTooOld
from daemon.home import identity

#: Bytes of a log that are read at once: whoever reads slowly makes mynad hold no more.
PIECE = 1_000_000


class Line(TypedDict):
    """One line as stored."""

    time: int  #: nanoseconds since 1970
    level: str
    text: str
    attempt: int


class Read(Line):
    """One line as read."""

    end: int  #: byte offset in the file behind it: the cursor from which a follower goes on


class Logs:
    """Appends, tails and follows job logs. Lives in the daemon's event loop."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._followers: dict[int, set[asyncio.Event]] = {}
        self._closed: set[int] = set()  #: followed jobs that have ended

    def path(self, job: int) -> Path:
        """The job's log file, whether it exists or not."""
        return self.folder / f"job-{job}.jsonl"

    def claim(self, job: int, submitted: datetime, *, begin: bool = False) -> None:
        """Set the file under the job's number aside if it is another job's. A file without such a first line, from before there was one,
        is this job's if it does not begin before the job. `begin`: make the file, if there is none."""
        path, mine = self.path(job), (submitted - EPOCH) // timedelta(microseconds=1)
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            with path.open("rb") as file:
                first = json.loads(file.readline(1_000_000))
            if first["submitted"] != mine if "submitted" in first else first["time"] // 1_000 < mine:
                identity.set_aside(path)
        with contextlib.suppress(OSError):
            if begin and not path.exists():
                path.write_text(json.dumps({"submitted": mine}) + "\n", encoding="utf-8")

    def append(self, job: int, attempt: int, lines: list[tuple[int, str, str]]) -> None:
        """Add (nanoseconds, level, text) lines. A full disk costs the log, never the job."""
        rows = [json.dumps(Line(time=time, level=level, text=text, attempt=attempt), ensure_ascii=False) for time, level, text in lines]
        try:
            with self.path(job).open("ab+") as file:
                if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                    file.write(b"\n")  # a full disk or a kill cut the last line: the damage stays its own
                file.write("".join(row + "\n" for row in rows).encode("utf-8", "backslashreplace"))
        except OSError:
            return
        for follower in self._followers.get(job, ()):
            follower.set()

    def close(self, job: int) -> None:
        """The job has ended: its followers get what is there, and then the end."""
        if job in self._followers:
            self._closed.add(job)
            for follower in self._followers[job]:
                follower.set()

    def tail(self, job: int, count: int = 20) -> str:
        """The last lines as text, for an error: of the last PIECE bytes."""
        start = max(0, self._size(job) - PIECE)
        lines = [line for piece in self._pieces(job, start) for line in piece]
        return "\n".join(line["text"] for line in lines[-count:])

    def read(self, job: int, offset: int = 0) -> tuple[list[Read], int]:
        """(whole lines from a byte offset on, the offset after them): those of PIECE bytes, or one that is longer. The offset stays where
        nothing more is to be read. A half-written last line waits for its end."""
        try:
            with self.path(job).open("rb") as file:
                file.seek(offset)
                data = file.read(PIECE)
                while b"\n" not in data and (more := file.read(PIECE)):
                    data += more
        except FileNotFoundError:
            return [], offset
        lines: list[Read] = []
        for raw in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            offset += len(raw)
            try:
                line: Read = json.loads(raw) | {"end": offset}
            except (ValueError, TypeError):
                continue  # a line cut by a crash; the next one is whole again
            if "text" in line:  # all but the first one
                lines.append(line)
        return lines, offset

    def _pieces(self, job: int, offset: int) -> Iterator[list[Read]]:
        while True:
            lines, reached = self.read(job, offset)
            if reached == offset:
                return
            yield lines
            offset = reached

    def _before_last(self, job: int, offset: int, count: int) -> int:
        """The offset of the last `count` lines after an offset."""
        starts: deque[int] = deque(maxlen=count)
        for piece in self._pieces(job, offset):
            for line in piece:
                starts.append(offset)
                offset = line["end"]
        return starts[0] if starts else offset

    def _size(self, job: int) -> int:
        try:
            return self.path(job).stat().st_size
        except FileNotFoundError:
            return 0

    async def follow(
        self, job: int, *, tail: int = 0, after: int = 0, alive: Callable[[], Awaitable[bool]] | None = None
    ) -> AsyncIterator[Read]:
        """The job's lines after the cursor `after`; with `alive`, which tells whether the job has not ended, also those that come, until
        `close(job)` says that there will be no more. Raises CursorTooOld for a cursor behind the log's end: it is of another log."""
        changed = asyncio.Event()
        followers = self._followers.setdefault(job, set())
        followers.add(changed)
        try:
            if after > (size := self._size(job)):
                raise CursorTooOld(f"The log of job {job} has no line {after} yet.", "Ask for it from its first line.")
            offset = await asyncio.to_thread(self._before_last, job, after, tail) if tail else after
            on: bool | None = None  # whether more may come, once that was asked
            while True:
                changed.clear()
                last = on is False or job in self._closed  # nothing comes after what is read now
                lines, reached = await asyncio.to_thread(self.read, job, offset)
                for line in lines:
                    yield line
                more, offset = reached > offset, reached
                if more and (alive is not None or offset < size):
                    continue
                if last or alive is None:
                    return
                if on is None:
                    on = await alive()  # asked after `close` can reach us, so that a job that ends just now is not waited for
                else:
                    await changed.wait()
        finally:
            followers.discard(changed)
            if not followers:
                self._followers.pop(job, None)
                self._closed.discard(job)
