"""Lengths of time as people write them: the same in `myna.toml` and on the command line."""

from __future__ import annotations

import re

#: seconds of a unit, by what it may be called
UNITS = {
    name: seconds
    for seconds, names in (
        (1.0, "s sec secs second seconds"),
        (60.0, "m min mins minute minutes"),
        (3_600.0, "h hr hrs hour hours"),
        (86_400.0, "d day days"),
        (604_800.0, "w week weeks"),
    )
    for name in names.split()
}
_ONE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([a-z]+)\s*", re.ASCII)


def read(text: str) -> float | None:
    """Seconds of a length of time as people write it ("20 min", "1h", "1.5 h", "1 h 30 min"); None: it is none. A
    number without a unit is none: nobody knows which was meant."""
    text, end, found = text.strip().lower(), 0, 0.0
    while end < len(text):
        part = _ONE.match(text, end)
        if part is None or part[2] not in UNITS:
            return None
        found, end = found + float(part[1]) * UNITS[part[2]], part.end()
    return found if end else None
