"""Words as phonemes and phonemes as tokens, with gruut's American English lexicon and letter-to-sound model (no system
package).

Stress is part of the vowel ("ˈæ" is one token), because every token must last at least one frame of 16 ms. Secondary
stress is written as primary: the two are told apart by few speakers, and the rarer tokens would hardly train.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from engines.errors import BadInput

#: Stored with the base: a base trained with one phonemizer must be spoken with the same.
PHONEMIZER = "gruut-en-us-2"

_CONSONANTS = (
    "b",
    "d",
    "d͡ʒ",
    "f",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "s",
    "t",
    "t͡ʃ",
    "v",
    "w",
    "z",
    "ð",
    "ŋ",
    "ɡ",
    "ɹ",
    "ʃ",
    "ʒ",
    "θ",
)
_VOWELS = ("aɪ", "aʊ", "eɪ", "i", "oʊ", "u", "æ", "ɑ", "ɔ", "ɔɪ", "ə", "ɚ", "ɛ", "ɪ", "ʊ", "ʌ")
#: Spellings of our own, which no lexicon has: the letter a, not the article.
_OWN = {"eigh": ("ˈeɪ",)}
PAD, START, SPACE = "_", "^", " "
#: Token id = index.
SYMBOLS: tuple[str, ...] = (
    PAD,
    START,
    SPACE,
    ",",
    ".",
    "?",
    "!",
    *_CONSONANTS,
    *_VOWELS,
    *(f"ˈ{vowel}" for vowel in _VOWELS),
)
_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}
#: Consonants that have a voice wherever they stand; others may lose it.
_SONORANTS = ("j", "l", "m", "n", "w", "ŋ", "ɹ")
#: Ids of the sounds that always have a voice.
_VOICED = frozenset(_IDS[symbol] for symbol in SYMBOLS if symbol.removeprefix("ˈ") in (*_VOWELS, *_SONORANTS))


def phonemes(words: str) -> list[str]:
    """Symbols of one sentence as `engines.glow.text.normalise` returns it: START, phonemes, SPACE between words, marks.

    Raises BadInput if nothing in it can be spoken.
    """
    found: list[str] = [START]
    for part in re.findall(r"[a-z' ]+|[,.?!]", words):
        if part in ",.?!":
            if found[-1] not in (START, ",", ".", "?", "!"):
                found.append(part)
            continue
        for word in _pronounce(part.strip()):
            if found[-1] != START:
                found.append(SPACE)
            found.extend(word)
    if len(found) < 3:
        raise BadInput(f"There is nothing to speak in {words!r}.", "Give a text with at least one word.")
    return found


def tokens(symbols: Sequence[str]) -> list[int]:
    """Token ids, for the model's embedding."""
    return [_IDS[symbol] for symbol in symbols]


def voiced(ids: Sequence[int]) -> list[bool]:
    """Of token ids, which are sounds that always have a voice: vowels and sonorants."""
    return [one in _VOICED for one in ids]


@lru_cache(maxsize=4096)
def _pronounce(words: str) -> tuple[tuple[str, ...], ...]:
    """Phonemes of each word. Punctuation is cut off before, since gruut would drop or move some of it."""
    if not words:
        return ()
    own = next((word for word in words.split() if word in _OWN), None)
    if own is not None:
        before, _, after = f" {words} ".partition(f" {own} ")
        return (*_pronounce(before.strip()), _OWN[own], *_pronounce(after.strip()))
    found: list[tuple[str, ...]] = []
    for sentence in _gruut()(words, lang="en-us", espeak=False, major_breaks=False, minor_breaks=False):
        for word in sentence:
            symbols = tuple(_symbol(phoneme) for phoneme in word.phonemes or ())
            spoken = tuple(symbol for symbol in symbols if symbol in _IDS)
            if spoken:
                found.append(spoken)
    return tuple(found)


def _symbol(phoneme: str) -> str:
    return phoneme.replace("ˌ", "ˈ")


@lru_cache(maxsize=1)
def _gruut() -> Any:
    import gruut  # half a second and a POS model: only when a text is first spoken

    return gruut.sentences
