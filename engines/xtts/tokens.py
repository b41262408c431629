"""Text as the GPT reads it: Coqui's cleaners and its BPE, with an error a person can act on instead of a wrong
token."""

from __future__ import annotations

import re
from typing import Any

from engines.errors import BadInput
from engines.xtts.info import INFO

#: Ids that stand for no text: stop and unknown.
_STOP, _UNKNOWN = 0, 1
#: Hindi digits: the cleaners have no Hindi numbers, so a number is read digit by digit.
_HINDI = ("शून्य", "एक", "दो", "तीन", "चार", "पांच", "छह", "सात", "आठ", "नौ")


def encode(tokenizer: Any, text: str, language: str) -> list[int]:
    """Token ids of a text, without start and stop. Raises BadInput for text that the vocabulary cannot spell, and for a
    language whose package is not installed."""
    short, text = language.split("-")[0].lower(), text.strip()
    try:
        ids = _ids(tokenizer, text, short)
    except ImportError as error:
        package = INFO.packages.get(short, str(error))
        raise BadInput(
            f"The language {short!r} needs the package {package}, which is not installed.",
            'Install it: pip install "myna-voice[languages]".',
        ) from error
    except NotImplementedError as error:
        raise BadInput(
            f"XTTS does not speak {language!r}.", "Set the voice's language to one that `myna engines` lists."
        ) from error
    if not ids:
        raise BadInput("There is no text.", "Give a text with at least one word.")
    if _UNKNOWN in ids or _STOP in ids:
        raise BadInput(
            f"The text has characters that the vocabulary cannot spell: {text[:60]!r}.",
            "Write it with the language's own letters.",
        )
    return ids


def unspelt(tokenizer: Any, text: str, language: str) -> frozenset[str]:
    """Characters of a text that the vocabulary cannot spell; none where the language or its package is not there, which
    `encode` says."""
    short = language.split("-")[0].lower()
    try:
        if _UNKNOWN not in _ids(tokenizer, text, short):
            return frozenset()
        return frozenset(one for one in set(text) if not one.isspace() and _UNKNOWN in _ids(tokenizer, one, short))
    except (ImportError, NotImplementedError):
        return frozenset()


def _ids(tokenizer: Any, text: str, short: str) -> list[int]:
    if short == "tr":
        text = text.replace("İ", "i")  # which lower() would make two characters of
    elif short == "hi":
        text = re.sub(r"\d", lambda digit: f" {_HINDI[int(digit[0])]} ", text)
    ids: list[int] = tokenizer.encode(text.lower(), lang=short)
    return ids
