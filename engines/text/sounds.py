"""What a text sounds like, told without loading anything heavy (the daemon asks): phonemes from the pronouncing
dictionary of gruut where there is one for the language, letters elsewhere. For counting what a voice has said, not for
speaking."""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

#: Marks of stress and length, which no sound is rarer for.
_MARKS = re.compile(r"[ˈˌː|‖]")
#: SQLite takes so many values in one question, at least.
_ASKED = 500


class Unit(StrEnum):
    """What is counted."""

    PHONEME = "phoneme"
    LETTER = "letter"


@dataclass(frozen=True)
class Sounds:
    """Of one text."""

    units: tuple[tuple[str, ...], ...]  #: of each word that is known, in order
    unknown: tuple[str, ...]  #: words that the dictionary does not have


class Pronunciations:
    """Of one language. May be asked from any thread."""

    def __init__(self, language: str) -> None:
        """`language`: ISO 639-1."""
        self.language = language
        path = _dictionary(language)
        self.unit = Unit.LETTER if path is None else Unit.PHONEME
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, ...]] = {}
        self._database = (
            None if path is None else sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        )

    def of(self, texts: Iterable[str]) -> list[Sounds]:
        """The sounds of each text."""
        words = [_words(text) for text in texts]
        with self._lock:
            every = {word for some in words for word in some} - self._known.keys()
            owners = {word.removesuffix("'s") for word in every if word.endswith("'s")}  # few of them have an entry
            self._look_up(every | owners - self._known.keys())
            for owner in owners:
                if self._known[owner] and not self._known.get(f"{owner}'s", ("",)):
                    self._known[f"{owner}'s"] = (*self._known[owner], "z")
            return [
                Sounds(
                    tuple(self._known[word] for word in some if self._known[word]),
                    tuple(word for word in some if not self._known[word]),
                )
                for some in words
            ]

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _look_up(self, words: set[str]) -> None:
        if self._database is None:
            self._known.update((word, tuple(unicodedata.normalize("NFC", word).replace("'", ""))) for word in words)
            return
        wanted = sorted(words)
        for start in range(0, len(wanted), _ASKED):
            some = wanted[start : start + _ASKED]
            self._known.update((word, ()) for word in some)
            question = f"SELECT word, phonemes FROM word_phonemes WHERE word IN ({','.join('?' * len(some))})"
            for word, phonemes in self._database.execute(f"{question} ORDER BY pron_order DESC", some):
                self._known[word] = tuple(sound for part in phonemes.split() if (sound := _MARKS.sub("", part)))


def _words(text: str) -> list[str]:
    text = re.sub(r"[-\u2010-\u2015/]", " ", unicodedata.normalize("NFC", text).replace("\u2019", "'").lower())
    found = ("".join(c for c in word if c == "'" or unicodedata.category(c)[0] in "LM") for word in text.split())
    return [word.strip("'") for word in found if word.strip("'")]


def _dictionary(language: str) -> Path | None:
    """The file of gruut's package for a language, if it is installed."""
    package = find_spec(f"gruut_lang_{language}") if re.fullmatch(r"[a-z]{2,3}", language) else None
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "lexicon.db"
    return path if path.is_file() else None
