"""English text as it is spoken: long text becomes sentences, and everything that is not a word becomes one.

Everything after this module sees only words, apostrophes and the marks `, . ? !`; training and speaking use the same
functions, so a number is the same sound in both.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from engines.glow import numbers
from engines.text.sentences import split
from engines.text.unspeakable import Stretch, find, is_pause

#: Characters above which a sentence is cut at a comma or, failing that, at a space: nobody speaks longer in one breath.
LONG_SENTENCE = 220

#: Before a name.
_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "gen": "general",
    "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "rev": "reverend", "hon": "honorable",
    "gov": "governor", "sen": "senator", "pres": "president", "mt": "mount", "st": "saint", "vs": "versus",
    "approx": "approximately", "dept": "department",
}  # fmt: skip
#: Abbreviations only where a number follows: "no. 5" is a number, "no." an answer.
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "fig": "figure", "vol": "volume", "ch": "chapter", "pp": "pages", "p": "page",
    "sec": "section", "mar": "march", "jun": "june", "dec": "december",
}  # fmt: skip
_OTHERS = {
    "etc": "et cetera", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "jr": "junior", "sr": "senior",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "jan": "january", "feb": "february", "apr": "april",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october", "nov": "november",
}  # fmt: skip
#: "eigh" is how the letter a is written for the phonemizer, which would read "a" as the article.
_DOTTED = {
    "e.g.": "for example", "i.e.": "that is", "a.m.": "eigh m", "p.m.": "p m", "u.s.a.": "u s eigh", "u.s.": "u s",
    "u.k.": "u k", "ph.d.": "p h d",
}  # fmt: skip
_SYMBOLS = {
    "&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ", "×": " times ",
    "÷": " divided by ",
}  # fmt: skip
#: Signs beyond ASCII that are read with the number beside them.
_SIGNS = frozenset("£€¥°−")


def sentences(text: str) -> list[str]:
    """Split text into sentences with a word in them. "Dr. Smith paid 3.50 at 5 p.m." is one. One longer than
    LONG_SENTENCE is cut."""
    return split(_plain(text), "en", LONG_SENTENCE)


def unspeakable(text: str, language: str = "en") -> tuple[Stretch, ...]:
    """Stretches that are no word and no pause to this engine: other scripts, signs it has no word for, markup."""
    return find(text, _speakable)


def normalise(text: str) -> str:
    """One sentence in words: lower case, only letters, apostrophes, spaces and `, . ? !`. Ends with one of `. ? !`, or
    is empty."""
    text = _abbreviations(_plain(text)).lower()
    text = re.sub(r"(?<=\d)\s*([ap])\.?m\b\.?", lambda match: " eigh m" if match[1] == "a" else " p m", text)
    text = numbers.spoken(text)
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    text = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    text = re.sub(r"\.{2,}(?=\s*\S)|[;:()\[\]{}—–]|\s-+\s|…", ", ", text)
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ", text)  # quotation marks; an apostrophe has letters on both sides
    text = re.sub(r"(?<![a-z])([a-z])\.", r"\1 ", text)  # initials: "j. k. smith", "n.a.s.a."
    text = re.sub(r"\s+", " ", re.sub(r"[^a-z',.?! ]", " ", text))
    text = re.sub(r"[ ,.?!]*([.?!])[ ,.?!]*", r"\1 ", re.sub(r"\s*(?:,\s*)+", ", ", text)).strip(" ,")
    text = text.lstrip(".?! ")
    return text if not text or text[-1] in ".?!" else text + "."


def _plain(text: str) -> str:
    """Typographic quotes, dashes and spaces as ASCII; double quotes gone."""
    table = {
        0x2018: "'",
        0x2019: "'",
        0x201C: '"',
        0x201D: '"',
        0xA0: " ",
        0x202F: " ",
        0x2212: "-",
        0xFEFF: None,
        0xAD: None,
    }
    return unicodedata.normalize("NFC", text).translate(table)


def _abbreviations(text: str) -> str:
    """Abbreviations as words. Their stop goes, unless it is the last mark of the text."""
    for dotted, word in _DOTTED.items():
        text = re.sub(rf"(?<![\w.]){re.escape(dotted)}", f" {word} ", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(St)\.(?!\s*[A-Z])", "street", text)

    def say(match: re.Match[str]) -> str:
        word, rest = match[1].lower(), text[match.end() :].lstrip()
        if word in _BEFORE_NUMBER and rest[:1].isdigit():
            return _BEFORE_NUMBER[word]
        full = _TITLES.get(word) or _OTHERS.get(word)
        return match[0] if full is None else full if rest else full + "."

    return re.sub(r"\b([A-Za-z]+)\.", say, text)


@lru_cache(maxsize=4096)
def _speakable(character: str) -> bool:
    """Whether a character becomes words or letters, or needs none: marks of punctuation are pauses."""
    if character.isascii() or is_pause(character) or character in _SIGNS:
        return True
    if character.isdecimal() or character in _SYMBOLS:
        return True
    return re.search("[a-z]", unicodedata.normalize("NFKD", character.lower())) is not None
