"""Abbreviations of languages for which an engine brings no reader of its own, as they are read. Imports nothing
heavy."""

from __future__ import annotations

import re
from functools import lru_cache, partial

#: By language, ISO 639-1: as they are written, in small letters, with their stops.
_READ = {
    "fi": {
        "esim.": "esimerkiksi", "mm.": "muun muassa", "ym.": "ynnä muuta", "yms.": "ynnä muuta sellaista",
        "jne.": "ja niin edelleen", "ns.": "niin sanottu", "ks.": "katso", "klo": "kello", "huom.": "huomaa",
        "vrt.": "vertaa", "ts.": "toisin sanoen", "toim.": "toimittanut", "em.": "edellä mainittu",
        "ko.": "kyseessä oleva", "nk.": "niin kutsuttu", "nyk.": "nykyinen", "puh.": "puhelin", "tri": "tohtori",
        "eaa.": "ennen ajanlaskun alkua", "ml.": "mukaan lukien",
        "tms.": "tai muuta sellaista", "ao.": "asianomainen", "o.s.": "omaa sukua", "vas.": "vasemmalla",
    },
    "sv": {
        "t.ex.": "till exempel", "bl.a.": "bland annat", "osv.": "och så vidare", "kl.": "klockan", "ca": "cirka",
        "dvs.": "det vill säga", "m.m.": "med mera", "s.k.": "så kallad", "jfr": "jämför",
    },
    "da": {"f.eks.": "for eksempel", "bl.a.": "blandt andet", "osv.": "og så videre", "kl.": "klokken", "ca.": "cirka"},
    "no": {"f.eks.": "for eksempel", "bl.a.": "blant annet", "osv.": "og så videre", "kl.": "klokken", "ca.": "cirka"},
    "et": {"nt": "näiteks", "jne": "ja nii edasi", "vt": "vaata", "kl": "kell"},
}  # fmt: skip
#: The same, which are such before a number only: "n." is a letter elsewhere, "s." the end of "10:s.", "ung." a word.
_BEFORE_NUMBER = {
    "fi": {
        "n.": "noin", "s.": "sivu", "v.": "vuonna", "nro": "numero", "nro.": "numero", "kpl": "kappale",
        "vs.": "vuosina",
    },
    "sv": {"nr": "nummer", "s.": "sidan", "ung.": "ungefär"},
    "et": {"u.": "umbes"},
}  # fmt: skip
#: And after one only: "jaa." is a word elsewhere.
_AFTER_NUMBER = {"fi": {"jaa.": "jälkeen ajanlaskun alun"}}
#: Units after a number: of one, and of more.
_UNITS = {
    "fi": {
        "km/h": ("kilometri tunnissa", "kilometriä tunnissa"), "km": ("kilometri", "kilometriä"),
        "m": ("metri", "metriä"), "cm": ("senttimetri", "senttimetriä"), "mm": ("millimetri", "millimetriä"),
        "kg": ("kilogramma", "kilogrammaa"), "g": ("gramma", "grammaa"), "l": ("litra", "litraa"),
        "dl": ("desilitra", "desilitraa"), "ml": ("millilitra", "millilitraa"), "t": ("tonni", "tonnia"),
        "h": ("tunti", "tuntia"),
        "min": ("minuutti", "minuuttia"), "s": ("sekunti", "sekuntia"), "kpl": ("kappale", "kappaletta"),
        "milj.": ("miljoona", "miljoonaa"), "mrd.": ("miljardi", "miljardia"), "°C": ("celsiusaste", "celsiusastetta"),
        "€": ("euro", "euroa"), "%": ("prosentti", "prosenttia"),
    },
    "sv": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("procent",) * 2},
    "da": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("procent",) * 2},
    "no": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("prosent",) * 2},
}  # fmt: skip

_NUMBER_BEFORE, _YEAR = re.compile(r"(?<![\d.,:])([\d.,]*\d)\s?$"), re.compile(r"1\d{3}|20\d\d")


def read(text: str, language: str) -> str:
    """A text with its abbreviations in full; as it is in a language that has no table. A stop that ends the text, too,
    stays."""
    shouted = text.isupper()
    for pattern, full in _patterns(language):
        text = pattern.sub(partial(_in_full, full, language, shouted), text)
    return text


def unit(written: str, language: str, *, one: bool) -> str:
    """A unit after a number, of `one` or of more, as it is read; as it is where the language has no table."""
    single, several = _UNITS.get(language, {}).get(written, (written, written))
    return single if one else several


@lru_cache
def units(language: str) -> str:
    """A pattern of the units that are known, the longest first; one that never matches where there are none."""
    known = sorted(_UNITS.get(language, {}), key=len, reverse=True)
    return "|".join(re.escape(each) for each in known) or "(?!)"


@lru_cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    everywhere = ((written, full, r"(?!\w)") for written, full in _READ.get(language, {}).items())
    numbers = ((written, full, r"(?=\s*\d)") for written, full in _BEFORE_NUMBER.get(language, {}).items())
    found = sorted([*everywhere, *numbers], key=lambda one: -len(one[0]))
    afterwards = tuple(
        (re.compile(rf"(?:(?<=\d )|(?<=luvulla )){re.escape(written)}(?!\w)"), full)
        for written, full in _AFTER_NUMBER.get(language, {}).items()
    )
    return afterwards + tuple(
        (re.compile(rf"(?<![\w.:]){re.escape(written)}{after}", re.IGNORECASE), full) for written, full, after in found
    )


def _is_other(found: re.Match[str], language: str, shouted: bool) -> bool:
    """Whether it only looks like the abbreviation: a unit after a number that is no year ("5 mm.", "5 kpl 10 euron"),
    or a name in capitals ("CA") in a text that is not all capitals."""
    written = found[0]
    if written.isupper() and sum(map(str.isalpha, written)) > 1 and not shouted:
        return True
    before = _NUMBER_BEFORE.search(found.string, 0, found.start())
    if before is None or written.lower() not in {
        one for unit in _UNITS.get(language, {}) for one in (unit, f"{unit}.")
    }:
        return False
    ends = found.end() == len(found.string)
    return ends or not _YEAR.fullmatch(before[1])


def _in_full(full: str, language: str, shouted: bool, found: re.Match[str]) -> str:
    if _is_other(found, language, shouted):
        return found[0]
    begun = full[0].upper() + full[1:] if found[0][0].isupper() else full
    return f"{begun}." if found[0].endswith(".") and found.end() == len(found.string) else begun
