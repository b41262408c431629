"""The log of each job: one file of JSON lines, `log/job-<id>.jsonl`, over all its attempts.

Its first line says when the job was submitted, to the microsecond: a file that says otherwise is of another database's
job of that number (daemon/home/identity.py).

A thread of its own writes, so that a slow disk slows no loop: what comes while it writes waits in memory and is its
next batch. A crash of mynad costs that batch at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from daemon.database.models import EPOCH
from daemon.errors import CursorTooOld
from daemon.home import identity

#: Bytes of a log that are read at once: a slow reader makes mynad hold no more than these.
PIECE = 1_000_000
#: Characters of lines that may wait to be written. Once more wait, writers have to wait, too.
MAX_WAITING = 4_000_000


class LogLine(TypedDict):
    """One line as it is written."""

    time: int  #: nanoseconds since 1970
    level: str
    text: str
    attempt: int


class StoredLogLine(LogLine):
    """One line as it is read."""

    end: int  #: byte offset in the file after the line: the cursor from which a follower goes on


class Logs:
    """Appends and follows job logs. `append`, `begin` and `close` take effect in the order in which they were called,
    and never block."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._followers: dict[int, set[asyncio.Event]] = {}
        self._closed: set[int] = set()  #: followed jobs that have ended
        self._loop: asyncio.AbstractEventLoop | None = None  #: that of the followers
        self._writer = ThreadPoolExecutor(1, "logs")
        #: (job, its next line, or the time it was submitted, which begins its file), the oldest first
        self._waiting: list[tuple[int, LogLine | datetime]] = []
        self._size = 0  #: characters in `_waiting`
        self._queue = threading.Lock()  #: over the two above
        self._files = threading.Lock()  #: held while a file is made, set aside or written

    def path(self, job: int) -> Path:
        """The job's log file, whether it exists or not."""
        return self.folder / f"job-{job}.jsonl"

    def begin(self, job: int, submitted: datetime) -> None:
        """The job starts: its file is made, if there is none, after `claim`."""
        self._add(job, [submitted], 0)

    def claim(self, job: int, submitted: datetime, *, begin: bool = False) -> None:
        """Set the file under the job's number aside if it is another job's. A file without such a first line, from
        before there was one, is this job's if it does not begin before the job. `begin`: make the file, if there is
        none. Blocks: call it from a thread."""
        path, mine = self.path(job), (submitted - EPOCH) // timedelta(microseconds=1)
        with self._files:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                with path.open("rb") as file:
                    first = json.loads(file.readline(1_000_000))
                if first["submitted"] != mine if "submitted" in first else first["time"] // 1_000 < mine:
                    identity.set_aside(path)
            with contextlib.suppress(OSError):
                if begin and not path.exists():
                    path.write_text(json.dumps({"submitted": mine}) + "\n", encoding="utf-8")

    def append(self, job: int, attempt: int, lines: Iterable[tuple[int, str, str]]) -> None:
        """Add (nanoseconds, level, text) lines. A full disk costs the log, never the job."""
        rows = [LogLine(time=time, level=level, text=text, attempt=attempt) for time, level, text in lines]
        self._add(job, rows, sum(len(row["text"]) for row in rows))

    def _add(self, job: int, rows: Sequence[LogLine | datetime], size: int) -> None:
        with self._queue:
            first = not self._waiting
            self._waiting.extend((job, row) for row in rows)
            self._size += size
        if first:
            self._writer.submit(self._write)

    async def wait_for_space(self) -> None:
        """Wait until fewer than MAX_WAITING characters wait to be written. So a writer that is faster than the disk
        is slowed down to the disk's pace."""
        if self._size > MAX_WAITING:
            await self._written()

    def flush(self) -> None:
        """Block until what was appended is written."""
        self._writer.submit(lambda: None).result()

    def close(self, job: int) -> None:
        """The job has ended: its followers get what is there, and then the end."""
        if job in self._followers:
            self._writer.submit(self._call_in_loop, self._end, job)

    async def _written(self) -> None:
        await asyncio.wrap_future(self._writer.submit(lambda: None))

    def _write(self) -> None:
        """Write what waits: a file is opened once for all its lines."""
        with self._queue:
            waiting, self._waiting, self._size = self._waiting, [], 0
        rows: dict[int, list[LogLine]] = {}
        for job, row in waiting:
            if isinstance(row, datetime):
                self.claim(job, row, begin=True)
            else:
                rows.setdefault(job, []).append(row)
        for job, lines in rows.items():
            data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(
                "utf-8", "backslashreplace"
            )
            with self._files, contextlib.suppress(OSError), self.path(job).open("ab+") as file:
                if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                    file.write(b"\n")  # a full disk or a kill cut the last line: the damage stays its own
                file.write(data)
            self._call_in_loop(self._changed, job)

    def _call_in_loop(self, callback: Callable[[int], None], job: int) -> None:
        """Call `callback(job)` in the followers' event loop, if there is one."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody follows any more
                self._loop.call_soon_threadsafe(callback, job)

    def _changed(self, job: int) -> None:
        for follower in self._followers.get(job, ()):
            follower.set()

    def _end(self, job: int) -> None:
        if job in self._followers:
            self._closed.add(job)
            self._changed(job)

    def read(self, job: int, offset: int = 0) -> tuple[list[StoredLogLine], int]:
        """(whole lines from a byte offset on, the offset after them): those of PIECE bytes, or one that is longer. The
        offset stays where nothing more is to be read. A half-written last line waits for its end."""
        try:
            with self.path(job).open("rb") as file:
                file.seek(offset)
                data = file.read(PIECE)
                while b"\n" not in data and (more := file.read(PIECE)):
                    data += more
        except FileNotFoundError:
            return [], offset
        lines: list[StoredLogLine] = []
        for raw in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            offset += len(raw)
            try:
                line: StoredLogLine = json.loads(raw) | {"end": offset}
            except (ValueError, TypeError):
                continue  # a line cut by a crash; the next one is whole again
            if "text" in line:  # all but the first one
                lines.append(line)
        return lines, offset

    def _pieces(self, job: int, offset: int) -> Iterator[list[StoredLogLine]]:
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

    def _length(self, job: int) -> int:
        try:
            return self.path(job).stat().st_size
        except FileNotFoundError:
            return 0

    async def follow(
        self, job: int, *, tail: int = 0, after: int = 0, alive: Callable[[], Awaitable[bool]] | None = None
    ) -> AsyncIterator[StoredLogLine]:
        """The job's lines after the cursor `after`; with `alive`, which tells whether the job has not ended, also those
        that come, until `close(job)` says that there will be no more. Raises CursorTooOld for a cursor behind the log's
        end: it is of another log."""
        changed, self._loop = asyncio.Event(), asyncio.get_running_loop()
        followers = self._followers.setdefault(job, set())
        followers.add(changed)
        try:
            await self._written()
            if after > (size := await asyncio.to_thread(self._length, job)):
                raise CursorTooOld(f"The log of job {job} has no line {after} yet.", "Ask for it from its first line.")
            offset = await asyncio.to_thread(self._before_last, job, after, tail) if tail else after
            may_grow: bool | None = None  # whether more may come, once that was asked
            while True:
                changed.clear()
                last = may_grow is False or job in self._closed  # nothing comes after what is read now
                lines, reached = await asyncio.to_thread(self.read, job, offset)
                for line in lines:
                    yield line
                more, offset = reached > offset, reached
                if more and (alive is not None or offset < size):
                    continue
                if last or alive is None:
                    return
                if may_grow is None:
                    may_grow = (
                        await alive()
                    )  # asked after `close` can reach us, so that a job that ends just now is not waited for
                    await self._written()
                else:
                    await changed.wait()
        finally:
            followers.discard(changed)
            if not followers:
                self._followers.pop(job, None)
                self._closed.discard(job)
