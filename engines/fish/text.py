"""What of a text fish cannot say, as far as that can be told without its vocabulary, and how texts are spelt for it.
Imports nothing heavy: the daemon asks.

Its tokenizer spells every script byte by byte; what nobody can say are signs, markup, and marks of emotion or tone that
the model does not know.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from engines.fish import marks
from engines.fish.languages import TAUGHT, short
from engines.text import abbreviations
from engines.text.numbers import in_words
from engines.text.unspeakable import Stretch, Why, find, is_pause

#: Signs that the model has heard read aloud.
_SIGNS = frozenset("£€¥°−×÷")
#: How characters are written in what the model learned from.
_WRITTEN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " "})
#: A number as it is written where the comma is decimal and a space parts thousands; no part of a time
#: or a date, and not inflected ("10:n").
_NUMBER = (
    r"(?<![\w.,:])((?>\d{{1,3}}(?:[ .]\d{{3}}(?!\d))+|\d+))(?:,(\d+))?(?!\w|[.,]\d|:\w)(?:\s?({units})(?!\w|:\w))?"
)
#: A time of day: with a colon, or after a word for the clock with a stop.
_TIME = re.compile(
    r"(?<![\d.,:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])"
    r"|(?<=[kK]lo |[kK]l\. )([01]?\d|2[0-4])\.([0-5]\d)(?!\.?\d)"
    r"|(?<=[kK]ello )([01]?\d|2[0-4])\.([0-5]\d)(?!\.?\d)"
    r"|(?<=klockan )([01]?\d|2[0-4])\.([0-5]\d)(?!\.?\d)"
)
_DATE = re.compile(r"(?<![\d.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.(\d{4})(?!\d)")
#: "6. joulukuuta"
_DAY = re.compile(r"(?<![\d.])(\d{1,2})\.(?= [a-zäö]+kuu)")
_MONTHS = {
    "fi": (
        "tammikuuta", "helmikuuta", "maaliskuuta", "huhtikuuta", "toukokuuta", "kesäkuuta", "heinäkuuta", "elokuuta",
        "syyskuuta", "lokakuuta", "marraskuuta", "joulukuuta",
    ),
}  # fmt: skip


def unspeakable(text: str, language: str) -> tuple[Stretch, ...]:
    """Stretches that fish cannot say: signs, markup, and unknown marks of emotion or tone."""
    found = list(find(text, _speakable))
    for mark in marks.unknown(text):
        if not any(one.start < mark.end() and mark.start() < one.end for one in found):
            found.append(Stretch(mark.start(), mark.end(), mark[0], Why.MARKUP))
    return tuple(sorted(found, key=lambda one: one.start))


def spelt(text: str, language: str) -> str:
    """A text as the model reads it, in training and speaking alike. In taught languages numbers and abbreviations are
    words, since the base never learned to read them there."""
    text = unicodedata.normalize("NFC", text).translate(_WRITTEN)
    text = re.sub(r"\s+", " ", text).strip()
    code = short(language)
    if code not in TAUGHT:
        return text
    text = abbreviations.read(text, code)
    if (months := _MONTHS.get(code)) is not None:
        text = _DATE.sub(lambda date: _date(date, months, code), text)
        text = _DAY.sub(lambda day: _said(int(day[1]), code, ordinal=True) or day[0], text)
    text = _TIME.sub(lambda time: _time(time, code), text)
    return _number(code).sub(lambda number: _in_words(number, code), text)


@lru_cache
def _number(code: str) -> re.Pattern[str]:
    return re.compile(_NUMBER.format(units=abbreviations.units(code)))


def _in_words(number: re.Match[str], code: str) -> str:
    """As it stands in a language that num2words does not know."""
    whole, part, unit = re.sub(r"\D", "", number[1]), number[2], number[3]
    words = _said(float(f"{whole}.{part}") if part else int(whole), code)
    if not words:
        return number[0]
    return f"{words} {abbreviations.unit(unit, code, one=words == _said(1, code))}" if unit else words


def _time(time: re.Match[str], code: str) -> str:
    hour, minute = (one for one in time.groups() if one is not None)
    parts = [int(hour)] if minute == "00" else [int(hour), *([0] if minute[0] == "0" else []), int(minute)]
    words = [_said(one, code) for one in parts]
    return " ".join(words) if all(words) else time[0]


def _date(date: re.Match[str], months: Sequence[str], code: str) -> str:
    day, year = _said(int(date[1]), code, ordinal=True), _said(int(date[3]), code)
    return f"{day} {months[int(date[2]) - 1]} {year}" if day and year else date[0]


def _said(number: float, code: str, *, ordinal: bool = False) -> str:
    """A number in words, by num2words; empty where it has none."""
    return in_words(number, code, "ordinal" if ordinal else "cardinal")


@lru_cache(maxsize=4096)
def _speakable(character: str) -> bool:
    if character.isascii() or character in _SIGNS:
        return True
    return unicodedata.category(character)[0] in "LN" or is_pause(character)
