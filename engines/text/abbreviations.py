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
        "eaa.": "ennen ajanlaskun alkua", "jaa.": "jälkeen ajanlaskun alun", "ml.": "mukaan lukien",
        "tms.": "tai muuta sellaista", "ao.": "asianomainen", "o.s.": "omaa sukua", "vas.": "vasemmalla",
    },
    "sv": {
        "t.ex.": "till exempel", "bl.a.": "bland annat", "osv.": "och så vidare", "kl.": "klockan", "ca": "cirka",
        "dvs.": "det vill säga", "m.m.": "med mera", "s.k.": "så kallad", "jfr": "jämför", "ung.": "ungefär",
    },
    "da": {"f.eks.": "for eksempel", "bl.a.": "blandt andet", "osv.": "og så videre", "kl.": "klokken", "ca.": "cirka"},
    "no": {"f.eks.": "for eksempel", "bl.a.": "blant annet", "osv.": "og så videre", "kl.": "klokken", "ca.": "cirka"},
    "et": {"nt": "näiteks", "jne": "ja nii edasi", "vt": "vaata", "kl": "kell", "u.": "umbes"},
}  # fmt: skip
#: The same, which are such before a number only: "n." is a letter elsewhere, "s." the end of "10:s.".
_BEFORE_NUMBER = {
    "fi": {
        "n.": "noin", "s.": "sivu", "v.": "vuonna", "nro": "numero", "nro.": "numero", "kpl": "kappale",
        "vs.": "vuosina",
    },
    "sv": {"nr": "nummer", "s.": "sidan"},
}  # fmt: skip
#: Units after a number: of one, and of more.
_UNITS = {
    "fi": {
        "km/h": ("kilometri tunnissa", "kilometriä tunnissa"), "km": ("kilometri", "kilometriä"),
        "m": ("metri", "metriä"), "cm": ("senttimetri", "senttimetriä"), "mm": ("millimetri", "millimetriä"),
        "kg": ("kilogramma", "kilogrammaa"), "g": ("gramma", "grammaa"), "l": ("litra", "litraa"),
        "dl": ("desilitra", "desilitraa"), "t": ("tonni", "tonnia"), "h": ("tunti", "tuntia"),
        "min": ("minuutti", "minuuttia"), "s": ("sekunti", "sekuntia"), "kpl": ("kappale", "kappaletta"),
        "milj.": ("miljoona", "miljoonaa"), "mrd.": ("miljardi", "miljardia"), "°C": ("celsiusaste", "celsiusastetta"),
        "€": ("euro", "euroa"), "%": ("prosentti", "prosenttia"),
    },
    "sv": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("procent",) * 2},
    "da": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("procent",) * 2},
    "no": {"km": ("kilometer",) * 2, "kg": ("kilo",) * 2, "€": ("euro",) * 2, "%": ("prosent",) * 2},
}  # fmt: skip


def read(text: str, language: str) -> str:
    """A text with its abbreviations in full; as it is in a language that has no table. A stop that ends the text, too,
    stays."""
    for pattern, full in _patterns(language):
        text = pattern.sub(partial(_in_full, full), text)
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
    return tuple(
        (re.compile(rf"(?<![\w.:]){re.escape(written)}{after}", re.IGNORECASE), full) for written, full, after in found
    )


def _in_full(full: str, found: re.Match[str]) -> str:
    begun = full[0].upper() + full[1:] if found[0][0].isupper() else full
    return f"{begun}." if found[0].endswith(".") and found.end() == len(found.string) else begun
