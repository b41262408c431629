"""What of a text XTTS cannot say, as far as that can be told without its vocabulary. Imports nothing heavy: the daemon
asks."""

from __future__ import annotations

import unicodedata
from collections.abc import Set
from functools import lru_cache

from engines.text.unspeakable import Stretch, find, is_pause

#: Scripts that the vocabulary spells in every language, by the first word of their characters' names.
_EVERYWHERE = frozenset(
    {"LATIN", "CYRILLIC", "ARABIC", "ARABIC-INDIC", "EXTENDED", "DEVANAGARI", "DIGIT", "FEMININE", "MASCULINE"}
)
#: Scripts that the cleaners spell out in letters of the vocabulary, in their own languages only.
_SPELT_OUT = {
    "zh": frozenset({"CJK", "IDEOGRAPHIC", "FULLWIDTH", "BOPOMOFO"}),
    "ja": frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "FULLWIDTH", "HALFWIDTH"}),
    "ko": frozenset({"HANGUL", "CJK"}),
}
#: Signs beyond ASCII that the cleaners have words for, or that are read with a number.
_SIGNS = frozenset("£€°¥")


def unspeakable(text: str, language: str, unspelt: Set[str] = frozenset()) -> tuple[Stretch, ...]:
    """Stretches that XTTS cannot say in a language ("pt", "zh-cn"): other scripts, signs, markup, and the characters
    `unspelt`, which who has the vocabulary knows of."""
    scripts = _EVERYWHERE | _SPELT_OUT.get(language.replace("_", "-").split("-")[0].lower(), frozenset())
    return find(text, lambda character: character not in unspelt and _speakable(character, scripts))


@lru_cache(maxsize=4096)
def _speakable(character: str, scripts: frozenset[str]) -> bool:
    if character.isascii() or character in _SIGNS:
        return True
    if unicodedata.category(character)[0] not in "LN":
        return is_pause(character)
    return unicodedata.name(character, "?").split()[0] in scripts
