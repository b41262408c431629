"""Text into the stretches that XTTS speaks in one go: sentences, very short ones together with a neighbour, very long ones cut.

The model hears nothing of what came before its own stretch, so a stretch has to carry its own context: "No." alone is spoken badly, often
with babble after it. Text stays as written; Coqui's cleaners do the rest.
"""

from __future__ import annotations

import re

from engines import coqui
from engines.xtts.languages import Language

with coqui.imports():
    from TTS.tts.layers.xtts.tokenizer import _abbreviations

#: Languages that write "the 3rd" as "3.".
_ORDINAL_STOP = {"de", "cs", "hu", "pl", "tr"}
#: A sentence shorter than this share of the longest is spoken together with a neighbour.
_SHORT = 0.1
#: … as long as the two stay below this share.
_TOGETHER = 0.6
_CLOSING = r"[\"'”’»)\]」』】]*"
_END = re.compile(rf"[。！？｡]+{_CLOSING}|[.?!…؟۔।॥]+{_CLOSING}(?=\s|$)")
#: Where a long sentence may be cut, the better places first.
_CUTS = (r"[;:؛；：—–]\s*|[、，]", r"[,،]\s", r"\s", r".")


def split(text: str, language: Language) -> list[str]:
    """Stretches of text as written, each with a word in it and none longer than the language allows; none for a text without words."""
    sentences = [sentence for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*•])", text) for sentence in _sentences(paragraph, language)]
    spoken = [sentence for sentence in sentences if re.search(r"\w", sentence)]
    return [piece for sentence in _together(spoken, language) for piece in cut(sentence, language.longest)]


def cut(sentence: str, longest: int) -> list[str]:
    """A sentence in pieces of at most `longest` characters, cut near the middle."""
    if len(sentence) <= longest:
        return [sentence]
    first, second = halves(sentence)
    return [piece for half in (first, second) for piece in cut(half, longest) if re.search(r"\w", piece)]


def halves(sentence: str) -> tuple[str, str]:
    """Two parts of a sentence of two characters or more, at the best place in its middle half."""
    middle = len(sentence) / 2
    for pattern in _CUTS:
        places = [match.end() for match in re.finditer(pattern, sentence) if abs(match.end() - middle) <= max(1, middle / 2)]
        if places:
            break
    place = min(places, key=lambda at: abs(at - middle))
    return sentence[:place].strip(), sentence[place:].strip()


def _sentences(paragraph: str, language: Language) -> list[str]:
    paragraph = re.sub(r"\s+", " ", paragraph).strip().lstrip("-*• ")
    found, start = [], 0
    for mark in _END.finditer(paragraph):
        if _ends(paragraph, mark, language.code):
            found.append(paragraph[start : mark.end()].strip())
            start = mark.end()
    return [*found, paragraph[start:].strip()]


def _ends(paragraph: str, mark: re.Match[str], code: str) -> bool:
    """Whether a mark ends a sentence: a stop may also belong to "Dr.", "J.", "3." or stand before a small letter."""
    if mark[0][0] != ".":
        return True
    following = paragraph[mark.end() :].lstrip(" \"'“‘«([")
    if following[:1].islower():
        return False
    if mark[0].startswith(".."):
        return True
    before = paragraph[: mark.start() + 1]
    word = re.split(r"[\s\"'“‘«(\[]", before)[-1]
    if re.fullmatch(r"[^\W\d_](\.[^\W\d_])*\.", word) and word != "I.":
        return False
    if code in _ORDINAL_STOP and re.fullmatch(r"\d+\.", word):
        return not following
    return not following or not any(pattern.fullmatch(word) for pattern, _ in _abbreviations.get(code, ()))


def _together(sentences: list[str], language: Language) -> list[str]:
    """Very short sentences with the one before them or, the first, after it."""
    joined: list[str] = []
    for sentence in sentences:
        short = language.longest * _SHORT
        if joined and min(len(sentence), len(joined[-1])) < short and len(joined[-1]) + len(sentence) < language.longest * _TOGETHER:
            space = "" if language.code in ("zh", "ja") else " "
            joined[-1] += space + sentence
        else:
            joined.append(sentence)
    return joined
