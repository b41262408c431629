"""Bring two texts to a common spelling before their words are compared: case, punctuation, numbers, abbreviations.

For English, numbers, ordinals, money, times, years and common abbreviations become words, and British spellings
American ones, which is what recognisers write. Other languages get case, punctuation and, where num2words knows them,
numbers.
"""

from __future__ import annotations

import re
import unicodedata

from engines.text.numbers import in_words

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "vs": "versus", "etc": "et cetera",
    "jr": "junior", "sr": "senior", "prof": "professor", "capt": "captain", "gen": "general", "sgt": "sergeant",
    "col": "colonel", "lt": "lieutenant", "no": "number", "fig": "figure", "approx": "approximately",
    "dept": "department", "mt": "mount", "rev": "reverend", "hon": "honourable", "co": "company", "ltd": "limited",
    "jan": "january", "feb": "february", "aug": "august", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
}  # fmt: skip
#: These are words of their own without the full stop.
_NEED_STOP = {"no", "co", "gen", "fig", "col", "hon", "rev", "dec", "mt", "st", "ms", "sr"}
_CURRENCIES = {"$": ("dollar", "dollars", "cents"), "£": ("pound", "pounds", "pence"), "€": ("euro", "euros", "cents")}
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "°": "degrees", "@": "at"}
#: British endings and words, whole words only: a pattern and what becomes of it.
_SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"\b(arb|arm|behavi|cand|col|endeav|fav|flav|harb|hon|hum|lab|neighb|od|parl|rum|sav|splend|vap|vig)our", r"\1or"),
    (r"\b(cent|met|kilomet|centimet|millimet|lit|theat|fib|somb|calib)re(s?)\b", r"\1er\2"),
    (
        r"\b(real|organ|recogn|apolog|civil|critic|final|memor|modern|special|summar|util|visual)is(e[ds]?|ing|ation)\b",
        r"\1iz\2",
    ),
    (r"\banalys(e[ds]?|ing)\b", r"analyz\1"),
    (r"\b(travel|cancel|label|level|model|signal|quarrel|marvel|jewel|fuel)l(ed|ing|er|ers)\b", r"\1\2"),
    (r"\bgrey(s|er|est|ish)?\b", r"gray\1"),
    (r"\bprogramme(s?)\b", r"program\1"),
    (r"\b(defen|offen|licen|preten)ce(s?)\b", r"\1se\2"),
    (r"\bcheque(s?)\b", r"check\1"),
    (r"\bplough", "plow"),
    (r"\bpyjamas\b", "pajamas"),
    (r"\bjewellery\b", "jewelry"),
    (r"\bstorey(s?)\b", r"story\1"),
    (r"\btyre(s?)\b", r"tire\1"),
    (r"\bkerb(s?)\b", r"curb\1"),
    (r"\baluminium\b", "aluminum"),
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


def normalise(text: str, language: str = "en") -> str:
    """Lower-case words, single spaces, no punctuation; numbers as words. An empty string if nothing is left.

    "Dr. Smith paid $3.50 on May 2nd, 1984." → "doctor smith paid three dollars and fifty cents on may second nineteen
    eighty four"
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").lower()
    text = _english(text) if language == "en" else re.sub(_NUMBER, lambda m: f" {_spoken(m.group(), language)} ", text)
    text = re.sub(r"[-\u2010-\u2015/]", " ", text)  # hyphens join words that recognisers part
    kept = (c if unicodedata.category(c)[0] in "LMN" or c == "'" else " " for c in text)
    words = (word.strip("'") for word in "".join(kept).split())
    return " ".join(word for word in words if word)


def letters(text: str, language: str = "en") -> int:
    """How many letters of a text are said: "April 4, 1981" has those of "april four nineteen eighty one"."""
    return sum(c.isalnum() for c in normalise(text, language))


def _english(text: str) -> str:
    text = re.sub(r"\b([a-z]+)\.", _abbreviation, text)
    text = re.sub(
        r"\b(" + "|".join(sorted(set(_ABBREVIATIONS) - _NEED_STOP)) + r")\b(?!')",
        lambda m: _ABBREVIATIONS[m.group(1)],
        text,
    )
    text = re.sub(rf"([$£€])\s?({_NUMBER})(?:\s+(million|billion|thousand))?", _money, text)
    text = re.sub(r"\b(\d{1,2}):(\d{2})\b", _clock, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: _spoken(m.group(1), "en", "ordinal"), text)
    text = re.sub(r"\b(1[1-9][2-9]0|20[2-9]0)s\b", lambda m: _spoken(m.group(1), "en", "year")[:-1] + "ies", text)
    text = re.sub(r"\b(1[1-9]\d\d|20[1-9]\d)\b(?!,\d)", lambda m: _spoken(m.group(1), "en", "year"), text)
    text = re.sub(r"\b(\d+)(?=[a-z])", r"\1 ", text)
    text = re.sub(_NUMBER, lambda m: f" {_spoken(m.group(), 'en')} ", text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, f" {word} ")
    for british, american in _SPELLINGS:
        text = re.sub(british, american, text)
    return text


def _abbreviation(match: re.Match[str]) -> str:
    word = match.group(1)
    return _ABBREVIATIONS[word] if word in _ABBREVIATIONS and not _ends_sentence(match) else match.group()


def _ends_sentence(match: re.Match[str]) -> bool:
    """ "Is that a no." is no number: a word that needs its stop to be an abbreviation is one only before more text of
    its kind."""
    if match.group(1) not in _NEED_STOP:
        return False
    rest = match.string[match.end() :].lstrip()
    return not rest or (match.group(1) in ("no", "fig") and not rest[0].isdigit())


def _money(match: re.Match[str]) -> str:
    one, many, small = _CURRENCIES[match.group(1)]
    amount, scale = match.group(2).replace(",", ""), match.group(3)
    whole, _, part = amount.partition(".")
    if scale:
        return f" {_spoken(amount, 'en')} {scale} {many} "
    words = f" {_spoken(whole, 'en')} {one if int(whole) == 1 else many} "
    if part and int(part):
        words += f"and {_spoken(str(int(part[:2].ljust(2, '0'))), 'en')} {small} "
    return words


def _clock(match: re.Match[str]) -> str:
    hour, minute = match.groups()
    if minute == "00":
        return f" {_spoken(hour, 'en')} o'clock "
    return f" {_spoken(hour, 'en')} {'oh ' if minute[0] == '0' else ''}{_spoken(str(int(minute)), 'en')} "


def _spoken(number: str, language: str, to: str = "cardinal") -> str:
    """A number as words; as it stands where num2words does not know the language."""
    plain = number.replace(",", "") if language == "en" else number
    if len(plain) > 15:  # a serial number, read digit by digit
        return " ".join(_spoken(digit, language) for digit in plain if digit.isdigit())
    try:
        words = in_words(float(plain) if "." in plain else int(plain), language, to)
    except ValueError:  # it parts thousands as no language here does
        words = ""
    if not words:
        return number
    return re.sub(r"\band\b", " ", words) if language == "en" else words
