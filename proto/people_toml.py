"""TOML that people write (`voice.toml`, `myna.toml`, `dashboard.toml`), read so that no file of theirs costs much time
or memory.

`tomllib` recurses for every bracket, and its time and memory grow with the square of a dotted key: 80 kB of `a.a.a…=1`
take 19 s and 6 GB. So one pass over the text, of a time that grows with its length, looks at how deep it goes before
`tomllib` sees it.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

#: Bytes; nobody writes a longer one on purpose.
LIMIT = 16_000
#: Brackets inside each other, parts of a dotted key, and characters of a key or number without quotes.
DEEPEST, PARTS, WORD = 8, 8, 100

#: The parts of TOML, one after another: what of the text they leave is a string that does not end.
TOKEN = re.compile(
    r'''(?P<comment>\#[^\n]*)
    |(?P<string>"""(?:[^"\\]|\\.|"(?!""))*+"""|\'\'\'(?:[^']|'(?!''))*+\'\'\'|"(?!"")(?:[^"\\\n]|\\.)*+"|'(?!'')[^'\n]*+')
    |(?P<open>[\[{])|(?P<close>[\]}])|(?P<dot>\.)|(?P<space>[ \t]+)|(?P<word>[^\s\#"'\[\]{}.,=]+)|(?P<other>[\s,=])''',
    re.VERBOSE | re.DOTALL,
)


class BadToml(ValueError):
    """It is not read. `sentence` goes on after the file's name; `hint` says what to do."""

    def __init__(self, sentence: str, hint: str = "Fix or remove it.") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def loads(data: bytes) -> dict[str, Any]:
    """What it says. Raises BadToml."""
    if len(data) > LIMIT:
        raise BadToml("is too long.", f"At most {LIMIT:,} bytes are read.")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadToml("is not UTF-8 text.", "Save it as UTF-8.") from None
    _check(text)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a TOMLDecodeError, or a number that is too long
        raise BadToml(f"is not valid TOML: {str(error)[:300].rstrip('.')}.") from None


def _check(text: str) -> None:
    """Refuse what goes deep. What is no TOML at all is left to `tomllib`, unless a string does not end."""
    at = depth = dots = 0
    while at < len(text):
        if (found := TOKEN.match(text, at)) is None:
            raise BadToml(f"is not valid TOML: the string in line {text.count(chr(10), 0, at) + 1} does not end.")
        at = found.end()
        match found.lastgroup:
            case "open":
                depth, dots = depth + 1, 0
            case "close":
                depth, dots = depth - 1, 0
            case "dot":
                dots += 1
            case "other" | "comment":
                dots = 0
        if depth > DEEPEST or dots >= PARTS:
            line = text.count("\n", 0, at) + 1
            raise BadToml(f"goes too deep in line {line}: tables, lists and dotted keys have at most {DEEPEST} levels.")
        if found.lastgroup == "word" and at - found.start() > WORD:
            line = text.count("\n", 0, at) + 1
            raise BadToml(f"has a key or a number of more than {WORD} characters in line {line}.")
