"""Errors in logs: each line that tells of one, counted and kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

#: a line of mynad's log in its form for people
LINE = re.compile(r"^[0-9-]{10} [0-9:,]{12} (?P<level>[A-Z]+) (?P<logger>\S+): (?P<text>.*)$")
BAD = ("ERROR", "CRITICAL")
TRACEBACK = "Traceback (most recent call last)"
#: what asyncio complains of in the doors, whose lines mynad's log has as they come, without their level
COMPLAINTS = (TRACEBACK, "socket.send() raised exception", "was never retrieved", "was destroyed but it is pending")


@dataclass
class Faults:
    """What logs say that went wrong."""

    errors: list[str] = field(default_factory=list)  #: lines of level error or above, and tracebacks, as they stand
    warnings: Counter[str] = field(default_factory=Counter)  #: by what they say, numbers left out


def faults(lines: Iterable[str]) -> Faults:
    """Of mynad's own log, or of what it printed."""
    found = Faults()
    for line in lines:
        line = line.rstrip("\n")
        told = LINE.match(line)
        if any(words in line for words in COMPLAINTS) or (told is not None and told["level"] in BAD):
            found.errors.append(line)
        elif told is not None and told["level"] == "WARNING":
            found.warnings[re.sub(r"[0-9]+", "N", f"{told['logger']}: {told['text']}")[:160]] += 1
    return found


def of_jobs(folder: Path) -> list[str]:
    """Lines of level error in the logs of jobs, with the name of each one's file."""
    found = []
    for path in sorted(folder.glob("job-*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                found.append(f"{path.name}: not JSON: {line[:160]}")
                continue
            if str(told.get("level", "")).upper() in BAD or TRACEBACK in str(told.get("text", "")):
                found.append(f"{path.name}: {told.get('text', '')}")
    return found


def own(folder: Path) -> Iterable[str]:
    """Lines of mynad's log, the oldest file first."""
    for path in sorted(folder.glob("mynad.log*"), reverse=True):
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
