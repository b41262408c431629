"""Numbers in words, as num2words has them. Imports nothing heavy: num2words comes with the first number."""

from __future__ import annotations


def known(language: str) -> bool:
    """Whether numbers of a language (ISO 639-1) become words."""
    from num2words import CONVERTER_CLASSES

    return language in CONVERTER_CLASSES


def in_words(number: float, language: str, to: str = "cardinal") -> str:
    """A number; `to` is "cardinal", "ordinal" or "year". Empty where num2words has no words for it: a language that it
    does not know, a form that it does not know in the language, a number beyond what it counts to."""
    from num2words import num2words

    try:
        return str(num2words(number, lang=language, to=to))
    except (NotImplementedError, ValueError, OverflowError, KeyError, IndexError, TypeError):
        return ""
