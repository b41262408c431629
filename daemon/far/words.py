"""What another program printed, for people."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(line: str, most: int) -> str:
    """A printed line without colours and its end, at most so many characters of it."""
    return _COLOUR.sub("", line).rstrip()[:most]
