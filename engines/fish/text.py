"""What of a text fish cannot say, as far as that can be told without its vocabulary, and how texts are spelt for it.
Imports nothing heavy: the daemon asks.

Its tokenizer spells every script byte by byte; what nobody can say are signs, markup, and marks of emotion or tone that
the model does not know.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from engines.fish import marks
from engines.fish.languages import TAUGHT, short
from engines.text.unspeakable import Stretch, Why, find, is_pause

#: Signs that the model has heard read aloud.
_SIGNS = frozenset("£€¥°−×÷")
#: How characters are written in what the model learned from.
_WRITTEN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " "})
#: Abbreviations of taught languages, with their stops, as they are read.
_ABBREVIATIONS = {
    "fi": {
        "esim.": "esimerkiksi", "mm.": "muun muassa", "ym.": "ynnä muuta", "yms.": "ynnä muuta sellaista",
        "jne.": "ja niin edelleen", "ns.": "niin sanottu", "ks.": "katso", "klo": "kello", "n.": "noin",
        "eli.": "eli", "huom.": "huomaa", "vrt.": "vertaa", "ts.": "toisin sanoen", "toim.": "toimittanut",
    },
    "sv": {"t.ex.": "till exempel", "bl.a.": "bland annat", "osv.": "och så vidare", "kl.": "klockan", "ca": "cirka"},
}  # fmt: skip
#: A number as it is written where the comma is decimal and a space parts thousands; no part of a time or a date.
_NUMBER = re.compile(r"(?<![\w.,:])((?>\d{1,3}(?:[ .]\d{3}(?!\d))+|\d+))(?:,(\d+))?(?!\w|[.,:]\d)(\s?%)?")
_PERCENT = {"fi": "prosenttia", "sv": "procent", "da": "procent", "no": "prosent"}


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
    for written, read in _ABBREVIATIONS.get(code, {}).items():
        text = re.sub(rf"(?<![\w.]){re.escape(written)}(?!\w)", read, text)
    return _NUMBER.sub(lambda number: _in_words(number, code), text)


def _in_words(number: re.Match[str], code: str) -> str:
    """By num2words; as it stands in a language that it does not know."""
    from num2words import CONVERTER_CLASSES, num2words

    if code not in CONVERTER_CLASSES:
        return number[0]
    whole, part = re.sub(r"\D", "", number[1]), number[2]
    try:
        words = str(num2words(float(f"{whole}.{part}") if part else int(whole), lang=code))
    except (NotImplementedError, ValueError, OverflowError, KeyError, IndexError):
        return number[0]
    return f"{words} {_PERCENT.get(code, '%')}" if number[3] else words


@lru_cache(maxsize=4096)
def _speakable(character: str) -> bool:
    if character.isascii() or character in _SIGNS:
        return True
    return unicodedata.category(character)[0] in "LN" or is_pause(character)
