"""Numbers as English words: cardinals, ordinals, years, money, times, dates, fractions and units. Works on lower-case
text.

The order of the rules matters: the most specific pattern is tried first, and what it spoke has no digits left for the
next.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from num2words import num2words

_UNITS = {
    "km/h": "kilometer per hour", "mph": "mile per hour", "kph": "kilometer per hour", "m/s": "meter per second",
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter", "mi": "mile", "ft": "foot", "in": "inch",
    "kg": "kilogram", "mg": "milligram", "g": "gram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter",
    "ml": "milliliter", "s": "second", "sec": "second", "ms": "millisecond", "min": "minute", "h": "hour",
    "hr": "hour", "hrs": "hour", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz",
    "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "w": "watt", "kw": "kilowatt", "v": "volt",
    "°c": "degree celsius", "°f": "degree fahrenheit", "°": "degree", "%": "percent",
}  # fmt: skip
_PLURALS = {"foot": "feet", "inch": "inches", "penny": "pence"}
_UNCOUNTED = {"percent", "hertz", "kilohertz", "megahertz", "gigahertz", "yen"}
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "")}
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
#: Longest first, so that "mm" is not read as "m" with something after it.
_UNIT_NAMES = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
#: A number of four digits after one of these is a year even where it could be an amount.
_YEAR_BEFORE = (
    r"\b(?:in|since|by|from|until|till|of|to|year|around|before|after|during|late|early|"
    r"summer|winter|spring|autumn|fall)\s+"
)


def spoken(text: str) -> str:
    """Lower-case text with every digit spoken; the rest, but for signs that belong to a number, as it was."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


def cardinal(number: str) -> str:
    """Words of a number as written, "1,204" or "3.50". Numbers with a leading zero or over 15 digits are read digit by
    digit."""
    number = number.replace(",", "")
    if "." in number:
        whole, _, decimals = number.partition(".")
        return f"{cardinal(whole)} point {_digits(decimals)}"
    if len(number) > 15 or (len(number) > 1 and number[0] == "0"):
        return _digits(number)
    return _words(int(number))


def ordinal(number: str) -> str:
    """ "21" → "twenty first"."""
    return str(num2words(int(number.replace(",", "")), to="ordinal")).replace("-", " ").replace(",", "")


def year(number: str) -> str:
    """ "1984" → "nineteen eighty four", "2007" → "two thousand seven", "1900" → "nineteen hundred"."""
    value = int(number)
    if value < 1000 or value % 1000 == 0:
        return _words(value)
    if 2000 < value < 2010:
        return f"two thousand {_words(value - 2000)}"
    high, low = divmod(value, 100)
    rest = "hundred" if low == 0 else f"oh {_words(low)}" if low < 10 else _words(low)
    return f"{_words(high)} {rest}"


def _words(value: int) -> str:
    return str(num2words(value)).replace("-", " ").replace(",", "")


def _digits(text: str) -> str:
    return " ".join(_words(int(digit)) for digit in text if digit.isdigit())


def _counted(unit: str, number: str) -> str:
    """The unit as it follows the number: "1" kilogram, "5" kilograms, "3" degrees celsius."""
    noun, space, rest = unit.partition(" ")
    if number == "1" or noun in _UNCOUNTED:
        return unit
    return _PLURALS.get(noun, noun + "s") + space + rest


def _money(match: re.Match[str]) -> str:
    unit, cent = _MONEY[match["sign"]]
    number = match["number"].replace(",", "")
    if scale := (match["scale"] or "").strip():
        return f" {cardinal(number)} {_SCALES.get(scale, scale)} {_counted(unit, number)} "
    whole, _, part = number.partition(".")
    cents = int(part.ljust(2, "0")[:2]) if part and cent else 0
    spoken_cents = f"{_words(cents)} {_counted(cent, str(cents))}" if cents else ""
    if not int(whole) and cents:
        return f" {spoken_cents} "
    return f" {cardinal(whole)} {_counted(unit, whole)} {'and ' + spoken_cents if cents else ''} "


def _time(match: re.Match[str]) -> str:
    hour, minute, half = cardinal(str(int(match["hour"]))), int(match["minute"]), match["half"] or ""
    if minute == 0:
        return f" {hour} {half or 'o clock'} "
    return f" {hour} {'oh ' if minute < 10 else ''}{_words(minute)} {half} "


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return match[0]
    return f" {_MONTHS[month - 1]} {ordinal(str(day))}, {year(match['year'])} "


def _date(match: re.Match[str]) -> str:
    return f" {match['month']} {ordinal(match['day'])}{', ' + year(match['year']) if match['year'] else ''} "


def _unit(match: re.Match[str]) -> str:
    return f" {cardinal(match['number'])} {_counted(_UNITS[match['unit']], match['number'])}{match['end'] or ' '}"


def _decade(match: re.Match[str]) -> str:
    words = year(match["number"] + "0")
    return f" {words[:-1]}ies " if words.endswith("y") else f" {words}s "


def _years(match: re.Match[str]) -> str:
    return f" {year(match['first'])} to {year(match['last'])} "


def _year_after(match: re.Match[str]) -> str:
    return f"{match['before']}{year(match['number'])} "


def _fraction(match: re.Match[str]) -> str:
    above, below = match["above"], int(match["below"])
    one = above == "1"
    if below == 2:
        return f" {cardinal(above)} {'half' if one else 'halves'} "
    if below == 4:
        return f" {cardinal(above)} {'quarter' if one else 'quarters'} "
    if not 2 < below <= 100:
        return f" {cardinal(above)} over {_words(below)} "
    return f" {cardinal(above)} {ordinal(match['below'])}{'' if one else 's'} "


def _rule(pattern: str, say: Callable[[re.Match[str]], str]) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]]:
    return re.compile(pattern), say


_SCALE_NAMES = "thousand|million|billion|trillion|bn|mn|k|m|b"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_RULES = (
    _rule(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b", _iso_date),
    _rule(rf"(?P<sign>[$£€¥])\s?(?P<number>{_NUMBER})(?P<scale>\s?(?:{_SCALE_NAMES})\b)?", _money),
    _rule(r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?:\s*(?P<half>eigh m|p m)\b)?", _time),
    _rule(rf"\b(?P<month>{'|'.join(_MONTHS)})\s+{_DAY}(?!,\d)(?:,?\s+(?P<year>[12]\d{{3}})\b)?", _date),
    _rule(r"\b(?P<number>\d[\d,]*)(?:st|nd|rd|th)\b", lambda match: f" {ordinal(match['number'])} "),
    _rule(r"\b(?P<number>[12]\d\d)0s\b", _decade),
    _rule(rf"(?<![\w.])-(?={_NUMBER})", lambda match: " minus "),
    _rule(rf"(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT_NAMES})(?![a-z'/])(?P<end>\s*[.?!,]?\s*$)?", _unit),
    _rule(r"\b(?P<first>1[1-9]\d\d|20\d\d)\s*[-–]\s*(?P<last>1[1-9]\d\d|20\d\d)\b", _years),
    _rule(
        r"\b(?P<first>\d+)\s*[-–]\s*(?P<last>\d+)\b",
        lambda match: f" {cardinal(match['first'])} to {cardinal(match['last'])} ",
    ),
    _rule(r"\b(?P<above>\d+)/(?P<below>\d+)\b", _fraction),
    _rule(rf"(?P<before>{_YEAR_BEFORE})(?P<number>1[1-9]\d\d|20\d\d)\b(?![,.]\d)", _year_after),
    _rule(r"(?<![\d,.])(?P<number>1[5-9]\d\d)\b(?![,.]\d)", lambda match: f" {year(match['number'])} "),
    _rule(rf"(?P<number>{_NUMBER})", lambda match: f" {cardinal(match['number'])} "),
)
