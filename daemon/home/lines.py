"""Files of JSON lines that are only ever added to: what is read when the database is gone. Each line is one write, of
a few hundred bytes, without a sync; a full disk costs the lines and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def append(path: Path, lines: Iterable[dict[str, object]]) -> None:
    """Each in one write that no other process's can come into."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            for line in lines:
                # a newline before it, too: a line that a full disk cut short stays alone in its damage
                os.write(descriptor, f"\n{json.dumps(line, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, object]]:
    """Those that can be read; none where there is no such file."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    yield record
