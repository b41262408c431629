"""Emotion and tone marks that the model's authors document, "(excited)" before what is said so. Imports nothing heavy.

The model reads them as text. One it does not know is read aloud, or swallowed with the words after it: so those are
found before, and left out.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from itertools import islice

EMOTIONS = (
    "angry", "sad", "excited", "surprised", "satisfied", "delighted", "scared", "worried", "upset", "nervous",
    "frustrated", "depressed", "empathetic", "embarrassed", "disgusted", "moved", "proud", "relaxed", "grateful",
    "confident", "interested", "curious", "confused", "joyful", "disdainful", "unhappy", "anxious", "hysterical",
    "indifferent", "impatient", "guilty", "scornful", "panicked", "furious", "reluctant", "keen", "disapproving",
    "negative", "denying", "astonished", "serious", "sarcastic", "conciliative", "comforting", "sincere", "sneering",
    "hesitating", "yielding", "painful", "awkward", "amused",
)  # fmt: skip
TONES = ("in a hurry tone", "shouting", "screaming", "whispering", "soft tone")
SOUNDS = (
    "laughing", "chuckling", "sobbing", "crying loudly", "sighing", "panting", "groaning", "crowd laughing",
    "background laughter", "audience laughing",
)  # fmt: skip
MARKS = frozenset((*EMOTIONS, *TONES, *SOUNDS))

#: Something that is meant as a mark: small letters in parentheses where a sentence begins, or after another mark.
_MEANT = re.compile(r"(?:(?<=^)|(?<=[.?!…。！？\n)])|(?<=[.?!…。！？\n)]\s))\(([a-z]+(?: [a-z]+){0,3})\)")
#: Marks of a text that are looked at.
_LOOKED_AT = 500
#: How near a word must come to a mark to be taken for one that was misspelt.
_NEAR = 0.75


def unknown(text: str) -> tuple[re.Match[str], ...]:
    """What is written as a mark, or nearly is one, and is none that the model knows."""
    meant = islice(_MEANT.finditer(text), _LOOKED_AT)
    return tuple(found for found in meant if found[1] not in MARKS and _is_near(found[1]))


def without(text: str) -> str:
    """The text as it is heard: known marks left out."""
    return re.sub(r"\s{2,}", " ", re.sub(r"\(([a-z ]+)\)", _known_away, text)).strip()


def suggestion(mark: str) -> str:
    """The mark that was likely meant; empty: none is near."""
    near = difflib.get_close_matches(mark, sorted(MARKS), n=1, cutoff=_NEAR)
    return near[0] if near else ""


@lru_cache(maxsize=1024)
def _is_near(mark: str) -> bool:
    """Words in parentheses are mostly just that: only what looks like a mark is taken for one."""
    words = mark.split()
    return (
        bool(suggestion(mark)) or words[-1] in ("tone", "voice") or (len(words) == 1 and mark.endswith(("ing", "ed")))
    )


def _known_away(found: re.Match[str]) -> str:
    return "" if found[1] in MARKS else found[0]
