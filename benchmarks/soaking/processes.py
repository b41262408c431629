"""What processes hold, read from /proc: memory, open files, threads, children that nobody waited for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
#: the module that Python runs in a process, and what the process is called here
NAMES = {
    "daemon.processes.launcher_program": "launcher",
    "doors": "doors",
    "daemon.worker": "worker",
    "daemon.upkeep": "upkeep",
    "daemon.notice_sender": "sender",
}


@dataclass(frozen=True)
class Held:
    """What one process holds at a moment. Memory in bytes."""

    pid: int
    rss: int
    pss: int
    own: int  #: that no other process shares (USS)
    files: int
    threads: int
    children: int
    zombies: tuple[int, ...]  #: children that ended and were not waited for


@dataclass(frozen=True)
class Stat:
    """Of /proc/PID/stat."""

    state: str
    parent: int
    threads: int


def stat_of(text: str) -> Stat:
    """Read the line; the name of a program may have blanks and brackets in it."""
    fields = text.rsplit(")", 1)[1].split()
    return Stat(fields[0], int(fields[1]), int(fields[17]))


def rollup_of(text: str) -> tuple[int, int, int]:
    """(RSS, PSS, USS) of /proc/PID/smaps_rollup, in bytes."""
    sizes = dict[str, int]()
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if rest.strip().endswith("kB"):
            sizes[name] = int(rest.split()[0]) * 1024
    return sizes.get("Rss", 0), sizes.get("Pss", 0), sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0)


def stats() -> dict[int, Stat]:
    """Of all processes there are."""
    found = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = stat_of((entry / "stat").read_text())
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
    return found


def held(pid: int, all_of_them: Mapping[int, Stat]) -> Held | None:
    """What a process holds; None when it is not there any more."""
    folder, own = PROC / str(pid), all_of_them.get(pid)
    if own is None:
        return None
    try:
        rss, pss, uss = rollup_of((folder / "smaps_rollup").read_text())
        files = len(os.listdir(folder / "fd"))
    except OSError:
        return None
    children = [number for number, one in all_of_them.items() if one.parent == pid]
    zombies = tuple(number for number in children if all_of_them[number].state == "Z")
    return Held(pid, rss, pss, uss, files, own.threads, len(children), zombies)


def family(pid: int, all_of_them: Mapping[int, Stat]) -> Iterator[tuple[str, int]]:
    """(what it is, its pid) of mynad and of all below it."""
    yield "mynad", pid
    below = [pid]
    while below:
        parent = below.pop()
        for number, one in all_of_them.items():
            if one.parent == parent and one.state != "Z":
                below.append(number)
                yield _name(number), number


def _name(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "other"
    module = words[words.index(b"-m") + 1].decode() if b"-m" in words[:-1] else ""
    return NAMES.get(module, "other")
