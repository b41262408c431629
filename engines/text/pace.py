"""How long a text takes to read aloud. Imports nothing heavy."""

from __future__ import annotations

#: Characters spoken in a second by somebody who reads aloud, spaces counted; and characters that a digit is worth when
#: it is spoken.
_PACES = {
    "en": (15.0, 5.0), "es": (16.0, 5.0), "fr": (16.0, 5.0), "de": (15.0, 5.0), "it": (15.5, 5.0), "pt": (15.5, 5.0),
    "pl": (14.5, 5.0), "tr": (14.5, 5.0), "ru": (14.0, 5.0), "nl": (15.0, 5.0), "cs": (14.0, 5.0), "ar": (11.0, 5.0),
    "zh": (4.5, 1.0), "hu": (14.5, 5.0), "ko": (7.0, 1.0), "ja": (7.0, 1.5), "hi": (12.0, 5.0),
}  # fmt: skip
#: Of a language that is not among them.
_USUAL = (14.5, 5.0)


def expected_seconds(text: str, language: str) -> float:
    """How long a text takes to read aloud, seconds, within a factor of two. `language` is an ISO 639-1 code."""
    pace, digit = _PACES.get(language, _USUAL)
    letters = sum(character.isalpha() or character.isspace() for character in text)
    digits = sum(character.isdigit() for character in text)
    return (letters + digits * digit) / pace
