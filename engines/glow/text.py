"""English text as it is spoken: numbers, dates, money, units and abbreviations become words, and long text becomes sentences.

Everything after this module sees only words, apostrophes and the marks `, . ? !`; training and speaking use the same functions, so a number
is the same sound in both. The order of the rules matters: the most specific pattern of a number is tried first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial

from num2words import num2words

#: Characters after which a very long sentence may be cut, and the length (characters of words) that starts it.
LONG_SENTENCE = 220

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint", "jr": "junior", "sr": "senior",
    "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "rev": "reverend", "hon": "honorable",
    "gov": "governor", "sen": "senator", "rep": "representative", "pres": "president", "mt": "mount", "ft": "fort", "ave": "avenue",
    "blvd": "boulevard", "rd": "road", "vs": "versus", "etc": "et cetera", "inc": "incorporated", "ltd": "limited", "co": "company",
    "corp": "corporation", "dept": "department", "est": "established", "approx": "approximately", "fig": "figure", "vol": "volume",
    "ch": "chapter", "pp": "pages", "no": "number", "nos": "numbers", "jan": "january", "feb": "february", "mar": "march",
    "apr": "april", "jun": "june", "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december", "mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday",
    "sat": "saturday", "sun": "sunday",
}  # fmt: skip
#: Spelled alike to a word that may end a sentence ("no.", "sun."): abbreviations only where what follows shows it.
_AMBIGUOUS = {"no", "nos", "mar", "sat", "sun", "mon", "wed", "fig", "est", "co", "st", "ft", "rep", "ch", "jun", "gen", "sen", "col", "dec"}
_LATIN = {"e.g.": "for example", "i.e.": "that is", "a.m.": "ay m", "p.m.": "p m", "u.s.": "u s", "u.k.": "u k", "ph.d.": "p h d"}
_UNITS = {
    "km/h": "kilometers per hour", "mph": "miles per hour", "kph": "kilometers per hour", "m/s": "meters per second", "km": "kilometer",
    "cm": "centimeter", "mm": "millimeter", "m": "meter", "mi": "mile", "ft": "foot", "in": "inch", "kg": "kilogram", "mg": "milligram",
    "g": "gram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter", "ml": "milliliter", "s": "second", "sec": "second",
    "ms": "millisecond", "min": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "w": "watt", "kw": "kilowatt", "v": "volt",
    "°c": "degree celsius", "°f": "degree fahrenheit", "°": "degree",
}  # fmt: skip
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "")}
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTH_NAMES = _MONTHS.split("|")
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "t": "trillion"}
_SYMBOLS = {"&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ", "×": " times ", "÷": " divided by "}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"


def sentences(text: str) -> list[str]:
    """Split text into sentences as written, none of them empty. "Dr. Smith paid 3.50 at 5 p.m." is one.

    A sentence longer than about LONG_SENTENCE characters is cut at a semicolon, comma or, failing those, a space.
    """
    text = re.sub(r"[ \t\r\f\v]+", " ", _plain(text))
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*•\d])", text):
        paragraph = re.sub(r"\s*\n\s*", " ", paragraph).strip(" -*•")
        start = 0
        for mark in re.finditer(r"[.?!…]+[\"')\]]*(?=\s)", paragraph):
            if _ends_sentence(paragraph, mark.start(), mark.end()):
                found.append(paragraph[start : mark.end()].strip())
                start = mark.end()
        found.append(paragraph[start:].strip())
    return [piece for sentence in found if re.search(r"\w", sentence) for piece in _pieces(sentence)]


def normalise(text: str) -> str:
    """One sentence in words: lower case, only letters, apostrophes, spaces and `, . ? !`; ends with one of `. ? !`."""
    text = " " + _plain(text).lower() + " "
    for latin, spoken in _LATIN.items():
        # A stop that also ends the sentence is put back at the end of this function.
        text = re.sub(rf"(?<![\w.]){re.escape(latin)}", f" {spoken} ", text)
    text = re.sub(r"(?<=\d)\s*([ap])\.?m\b\.?", lambda m: " ay m " if m[1] == "a" else " p m ", text)
    for pattern, spoken_as in _RULES:
        text = pattern.sub(spoken_as, text)
    text = re.sub(r"\b([a-z]+)\.", _abbreviation, text)
    for symbol, spoken in _SYMBOLS.items():
        text = text.replace(symbol, spoken)
    text = re.sub(r"[;:()\[\]{}—–]|\s-+\s|\.{2,}|…", ", ", text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ", text)
    text = re.sub(r"[^a-z',.?! ]", " ", text)
    text = re.sub(r"\s+([,.?!])", r"\1", re.sub(r"\s+", " ", text)).strip()
    text = re.sub(r"([,.?!])(?=[a-z])", r"\1 ", text)
    text = re.sub(r"[,.?!]*([.?!])[,.?!]*", r"\1", re.sub(r"(?:,\s*)+", ", ", text)).strip(" ,")
    return text if not text or text[-1] in ".?!" else text + "."


def _plain(text: str) -> str:
    """Typographic quotes, dashes and spaces as ASCII."""
    table = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " ", 0x202F: " ", 0x2212: "-"}
    return unicodedata.normalize("NFC", text).translate(table)


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """Whether the mark at text[start:end], which a space follows, ends its sentence."""
    if text[start] != "." or end - start > 1 and text[start + 1] != '"':
        return True
    word = re.search(r"(\S*)$", text[:start])
    before = word.group(1).lower().lstrip("\"'(") if word else ""
    following = text[end:].lstrip(" \"'(")
    if following[:1].islower():
        return False
    if before in _AMBIGUOUS:
        return not (following[:1].isdigit() or before in {"st", "gen", "sen", "col", "rep"} and following[:1].isupper())
    if before in _ABBREVIATIONS:
        return before in {"etc", "inc", "ltd", "corp", "jr", "sr", "ave", "blvd", "rd"}
    if f"{before}." in _LATIN:
        return f"{before}." in {"a.m.", "p.m.", "u.s.", "u.k.", "ph.d."} and not following[:1].isdigit()
    return not re.fullmatch(r"[a-z](\.[a-z])*", before) or before == "i"  # an initial: "J. Smith"


def _pieces(sentence: str) -> list[str]:
    """A sentence, cut where it is too long to be spoken in one breath."""
    if len(sentence) <= LONG_SENTENCE:
        return [sentence]
    middle = len(sentence) // 2
    for pattern in (r"[;:]\s", r",\s", r"\s"):
        cuts = [m.end() for m in re.finditer(pattern, sentence) if 20 < m.end() < len(sentence) - 20]
        if cuts:
            cut = min(cuts, key=lambda at: abs(at - middle))
            return [*_pieces(sentence[:cut].strip()), *_pieces(sentence[cut:].strip())]
    return [sentence[:LONG_SENTENCE], *_pieces(sentence[LONG_SENTENCE:])]


def _cardinal(text: str) -> str:
    """Words of a number as written: "1,204" or "3.50"."""
    text = text.replace(",", "")
    if "." in text:
        whole, _, decimals = text.partition(".")
        return f"{_cardinal(whole or '0')} point {_digits(decimals)}"
    if len(text) > 15 or (len(text) > 1 and text[0] == "0"):  # a serial number: digit by digit
        return _digits(text)
    return str(num2words(int(text))).replace("-", " ").replace(",", "")


def _digits(text: str) -> str:
    return " ".join(str(num2words(int(digit))) for digit in text if digit.isdigit())


def _ordinal(text: str) -> str:
    return str(num2words(int(text.replace(",", "")), to="ordinal")).replace("-", " ").replace(",", "")


def _year(text: str) -> str:
    """Words of a year: 1984, 2007 ("two thousand seven"), 1900 ("nineteen hundred")."""
    year = int(text)
    if year < 1000 or 2000 <= year < 2010 or year % 1000 == 0:
        return _cardinal(text)
    high, low = divmod(year, 100)
    rest = "hundred" if low == 0 else f"oh {_cardinal(str(low))}" if low < 10 else _cardinal(str(low))
    return f"{_cardinal(str(high))} {rest}"


def _plural(unit: str, number: str) -> str:
    if number in {"1", "1.0"} or unit in {"hertz", "yen"}:
        return unit
    first, space, rest = unit.partition(" ")
    irregular = {"foot": "feet", "inch": "inches", "penny": "pence", "kilohertz": "kilohertz", "megahertz": "megahertz", "gigahertz": "gigahertz"}
    return (first if first.endswith("s") else irregular.get(first, first + "s")) + space + rest


def _money(match: re.Match[str]) -> str:
    unit, cent = _MONEY[match["sign"]]
    number = match["number"].replace(",", "")
    if scale := match["scale"]:
        return f" {_cardinal(number)} {_SCALES.get(scale.strip(), scale.strip())} {_plural(unit, '2')} "
    whole, _, cents = number.partition(".")
    spoken = f" {_cardinal(whole)} {_plural(unit, whole)} "
    if cents and cent and int(cents.ljust(2, "0")[:2]):
        cents = str(int(cents.ljust(2, "0")[:2]))
        spoken = (spoken + "and " if int(whole) else " ") + f"{_cardinal(cents)} {_plural(cent, cents)} "
    return spoken


def _time(match: re.Match[str]) -> str:
    hour, minute = str(int(match["hour"])), int(match["minute"])
    after = match["half"] or ""
    if minute == 0:
        return f" {_cardinal(hour)} {after or 'o clock'} "
    return f" {_cardinal(hour)} {'oh ' if minute < 10 else ''}{_cardinal(str(minute))} {after} "


def _iso_date(match: re.Match[str]) -> str:
    month = int(match["month"])
    if not 1 <= month <= 12 or not 1 <= int(match["day"]) <= 31:
        return match[0]
    return f" {_MONTH_NAMES[month - 1]} {_ordinal(match['day'])}, {_year(match['year'])} "


def _unit(match: re.Match[str]) -> str:
    return f" {_cardinal(match['number'])} {_plural(_UNITS[match['unit']], match['number'])}{match['end'] or ' '}"


def _abbreviation(match: re.Match[str]) -> str:
    word = match[1]
    rest = match.string[match.end() :].lstrip()
    if word in _AMBIGUOUS and (not rest or word in {"sun", "sat", "mon", "wed", "mar", "no", "nos", "co", "fig"} and word != "no"):
        return match[0]
    if word == "no":  # "number" only before a number, which is words by now
        return "number" if re.match(r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty)\b", rest) else match[0]
    if word in _ABBREVIATIONS:
        return _ABBREVIATIONS[word] + ("" if rest else ".")
    return match[0]


def _spoken_group(match: re.Match[str], say: Callable[[str], str]) -> str:
    return f" {say(match['number'])} "


def _months_first(match: re.Match[str]) -> str:
    year = f", {_year(match['year'])}" if match["year"] else ""
    return f" {match['month']} {_ordinal(match['day'])}{year} "


#: Tried in this order on lower-case text.
_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b"), _iso_date),
    (re.compile(rf"(?P<sign>[$£€¥])\s?(?P<number>{_NUMBER})(?P<scale>\s?(?:thousand|million|billion|trillion|bn|mn|k|m|b)\b)?"), _money),
    (re.compile(r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?:\s*(?P<half>ay m|p m)\b)?"), _time),
    (re.compile(rf"\b(?P<month>{_MONTHS})\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>[12]\d{{3}})\b)?"), _months_first),
    (re.compile(r"\b(?P<number>\d[\d,]*)(?:st|nd|rd|th)\b"), partial(_spoken_group, say=_ordinal)),
    (re.compile(r"\b(?P<number>[12]\d\d)0s\b"), lambda m: f" {_decade(m['number'] + '0')} "),
    (re.compile(rf"(?<![\w.])-(?={_NUMBER})"), lambda m: " minus "),
    (
        re.compile(rf"(?P<number>{_NUMBER})\s?(?P<unit>km/h|m/s|°c|°f|°|{'|'.join(sorted((u for u in _UNITS if u.isalpha()), key=len, reverse=True))})"
                   r"(?![a-z'])(?P<end>\s*[.?!]?\s*$)?"),
        _unit,
    ),
    (re.compile(r"\b(?P<number>\d+)\s*-\s*(?P<to>\d+)\b"), lambda m: f" {_cardinal(m['number'])} to {_cardinal(m['to'])} "),
    (re.compile(r"\b(?P<number>\d+)/(?P<of>\d+)\b"), lambda m: f" {_fraction(int(m['number']), int(m['of']))} "),
    (re.compile(r"(?P<before>\b(?:in|since|by|from|until|of|to|year|around|before|after|during)\s+)(?P<number>1[1-9]\d\d|20\d\d)\b(?![,.]\d)"),
     lambda m: f"{m['before']}{_year(m['number'])} "),
    (re.compile(r"(?<![\d,.])(?P<number>1[5-9]\d\d)\b(?![,.]\d)"), partial(_spoken_group, say=_year)),
    (re.compile(rf"(?P<number>{_NUMBER})"), partial(_spoken_group, say=_cardinal)),
)  # fmt: skip


def _decade(year: str) -> str:
    words = _year(year)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _fraction(above: int, below: int) -> str:
    if below == 2:
        return "one half" if above == 1 else f"{_cardinal(str(above))} halves"
    if below == 4:
        return "one quarter" if above == 1 else f"{_cardinal(str(above))} quarters"
    if below == 0 or below > 100:
        return f"{_cardinal(str(above))} over {_cardinal(str(below))}"
    return f"{_cardinal(str(above))} {_ordinal(str(below))}{'' if above == 1 else 's'}"
