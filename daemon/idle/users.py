"""Who is logged in on this machine: as systemd-logind says, and as utmp(5) does where there is one."""

from __future__ import annotations

import os
import struct
from pathlib import Path

SESSIONS, UTMP = Path("/run/systemd/sessions"), Path("/run/utmp")
#: glibc's struct utmp: type, process, line, id, user, host, exit status, session, time, address, reserve
_RECORD = struct.Struct("hxxi32s4s32s256shhiii4i20s")
_USER = 7  #: type of a record of somebody who is logged in


def logged_in(sessions: Path = SESSIONS, utmp: Path = UTMP) -> tuple[str, ...]:
    """Their names. What cannot be read says nothing. Reads files."""
    return tuple(sorted({*_of_logind(sessions), *_of_utmp(utmp)}))


def _of_logind(sessions: Path) -> set[str]:
    found = set()
    try:
        files = [path for path in sessions.iterdir() if not path.name.endswith(".ref")]
    except OSError:
        return set()
    for file in files:
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        facts = dict(line.split("=", 1) for line in lines if "=" in line)
        if facts.get("CLASS", "user") == "user" and facts.get("STATE") in ("active", "online"):
            found.add(facts.get("USER", file.name))
    return found


def _of_utmp(utmp: Path) -> set[str]:
    try:
        data = utmp.read_bytes()
    except OSError:
        return set()
    found = set()
    for record in _RECORD.iter_unpack(data[: len(data) - len(data) % _RECORD.size]):
        kind, process, user = record[0], record[1], record[4]
        if kind == _USER and _lives(process):  # one that crashed leaves its record
            found.add(user.partition(b"\0")[0].decode("utf-8", "replace"))
    return found


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
