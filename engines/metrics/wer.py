"""Word and character error rates, over normalised text. Levenshtein distances by jiwer (rapidfuzz)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engines.metrics.normalise import normalise


@dataclass(frozen=True)
class Errors:
    """Errors of one heard line."""

    word_errors: int  #: substituted + missing + added words
    words: int  #: words in the true text
    char_errors: int
    chars: int  #: characters in the true text, spaces included

    @property
    def wer(self) -> float:
        """Word error rate: 0 is perfect, above 1 when more was added than there was. With no words: 0 if none were
        heard, else 1."""
        return self.word_errors / self.words if self.words else float(self.word_errors > 0)

    @property
    def cer(self) -> float:
        """Character error rate."""
        return self.char_errors / self.chars if self.chars else float(self.char_errors > 0)


def errors(text: str, heard: str, language: str = "en") -> Errors:
    """Compare what should have been said with what was heard. Of text that is written without spaces, each character is
    a word."""
    truth, guess = _parted(normalise(text, language)), _parted(normalise(heard, language))
    if not truth or not guess:  # jiwer refuses an empty truth
        words, chars = len(truth.split()), len(truth)
        return Errors(words or len(guess.split()), words, chars or len(guess), chars)
    import jiwer

    by_word, by_char = jiwer.process_words(truth, guess), jiwer.process_characters(truth, guess)
    return Errors(
        by_word.substitutions + by_word.deletions + by_word.insertions,
        len(truth.split()),
        by_char.substitutions + by_char.deletions + by_char.insertions,
        len(truth),
    )


def _parted(text: str) -> str:
    """Chinese, Japanese and Thai characters apart from each other."""
    return " ".join(re.sub(r"([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])", r" \1 ", text).split())


def wer(text: str, heard: str, language: str = "en") -> float:
    """Word error rate of one line."""
    return errors(text, heard, language).wer


def cer(text: str, heard: str, language: str = "en") -> float:
    """Character error rate of one line."""
    return errors(text, heard, language).cer
