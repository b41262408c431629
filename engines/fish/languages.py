"""Which languages the base speaks, and which it can be taught: its tokenizer spells every script. Imports nothing
heavy."""

from __future__ import annotations

#: What the authors trained the base on; ISO 639-1.
SPOKEN = ("en", "zh", "ja", "de", "fr", "es", "ko", "ar", "ru", "nl", "it", "pl", "pt")
#: Languages that a voice learns from its recordings; the base alone reads them as a foreigner does.
TAUGHT = ("fi", "sv", "da", "no", "is", "et", "lv", "lt", "cs", "sk", "sl", "hu", "ro", "tr", "uk", "el", "he", "hi")

#: Characters that are safe to speak in one go: well below the model's 8192 positions, and what a breath or two holds.
LONGEST = 200
#: The same where a character is a word or a syllable.
_DENSE = {"zh": 60, "ja": 80, "ko": 100}


def longest(code: str) -> int:
    """Characters of text in one stretch, of a language ("pt", "zh-CN")."""
    return _DENSE.get(short(code), LONGEST)


def short(code: str) -> str:
    """ "pt-BR" → "pt"."""
    return code.replace("_", "-").split("-")[0].lower()
