"""What voices may be called: the same rule for the daemon and for those who ask it."""

from __future__ import annotations

import re
import unicodedata

#: UTF-8 bytes of the longest name
BYTES = 64


def slug(text: str) -> str:
    """The voice name nearest to a text: lower case, letters and digits of any script, "-" and "_". Empty if nothing is
    left."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    found = re.sub(r"[^\w-]+", "-", folded).strip("-_")
    if len(found) > BYTES:  # at once: a text may have a million characters
        found = found[:BYTES].rstrip("-_")
    while len(found.encode()) > BYTES:
        found = found[:-1].rstrip("-_")
    return found
