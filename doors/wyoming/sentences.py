"""Where text that still grows can be cut, so that its beginning is spoken before its end is written."""

from __future__ import annotations

import re

#: characters below which a beginning waits for more: very short requests sound chopped
SHORTEST = 20
#: a mark that ends a sentence, its closing quotes, and what follows; no full stop of an initial, a title or a number
END = re.compile(
    r"""(?:[!?…]+|(?<!\b\w)(?<!\b[A-Z]\w)(?<!\b[A-Z]\w\w)(?<!\d)\.+)["'”’»)\]]*\s+|[。！？]+["”’」』）]*|\n\s*\n""",
    re.VERBOSE,
)


def cut(text: str) -> tuple[str, str]:
    """(whole sentences, what is left): the first is empty as long as none is long enough."""
    at = max((found.end() for found in END.finditer(text)), default=0)
    return (text[:at], text[at:]) if at >= SHORTEST else ("", text)
