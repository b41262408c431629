"""What of a text an engine cannot say, found before it speaks: letters of another script, signs, marks such as
`<break>`. Never lost, and never read aloud, in silence. Imports nothing heavy: the daemon asks too.

Each engine has a light `engines/<name>/text.py` with `unspeakable(text, language)`, which says by `find` what it cannot
take.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from engines.errors import BadInput

#: A mark as SSML and HTML have them; "a < b and c > d" has none.
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
#: Marks that Unicode has among punctuation, and people have words for.
_READ_ALOUD = "§‰‱"
#: How many stretches a sentence names.
_NAMED = 5


class Why(Enum):
    """Why a stretch cannot be said."""

    LETTERS = "letters"  #: of a script, or digits, that the engine has no sound for: speech would be missing
    SIGNS = "signs"  #: emoji, symbols
    MARKUP = "markup"


@dataclass(frozen=True)
class Stretch:
    """A part of a text that cannot be said: `text[start:end]`."""

    start: int
    end: int
    text: str
    why: Why


def find(text: str, speakable: Callable[[str], bool]) -> tuple[Stretch, ...]:
    """Stretches of a text, in order, that are markup, or made of characters for which `speakable` is False.

    Spaces and control characters are never asked about; marks that belong to the character before them (accents,
    joiners) go with it.
    """
    spans: list[tuple[int, int, Why]] = []
    tags = {match.start(): match.end() for match in _TAG.finditer(text)}
    at = 0
    while at < len(text):
        end = tags.get(at, at + 1)
        why = Why.MARKUP if at in tags else _why(text[at], speakable)
        start, until, before = spans[-1] if spans else (0, -1, Why.MARKUP)
        goes_on = until == at and before is not Why.MARKUP
        if goes_on and at not in tags and _belongs(text[at]):
            why = before
        if goes_on and why is before:
            spans[-1] = (start, end, why)
        elif why is not None:
            spans.append((at, end, why))
        at = end
    return tuple(Stretch(start, end, text[start:end], why) for start, end, why in spans)


def without(text: str, stretches: Sequence[Stretch]) -> str:
    """The text with each stretch (in order, as `find` gives them) a space."""
    kept, at = [], 0
    for stretch in stretches:
        kept.append(text[at : stretch.start])
        at = stretch.end
    return " ".join([*kept, text[at:]])


def speakable(engine: str, text: str, stretches: Sequence[Stretch]) -> str:
    """What is left to be said. Raises BadInput, naming the stretches, if they were all there was."""
    rest = without(text, stretches) if stretches else text
    if stretches and not re.search(r"\w", rest):
        raise BadInput(
            f"The engine {engine} cannot say {names(stretches)}, and nothing else is in this text.",
            "Write it in words.",
        )
    return rest


def check_learnable(engine: str, text: str, stretches: Sequence[Stretch]) -> None:
    """Raises BadInput if an engine cannot learn from speech with this text: what it has no sound for is heard in the
    speech, though a sign makes none, or there is no word in it."""
    if lost := [stretch for stretch in stretches if stretch.why is not Why.SIGNS]:
        raise BadInput(f"The engine {engine} cannot learn {names(lost)}.", "Write what is heard in words.")
    if not re.search(r"[^\W_]", speakable(engine, text, stretches)):
        raise BadInput(
            "There is no word in this text.", "Write what is heard in words; if nothing is said, drop the clip."
        )


def names(stretches: Sequence[Stretch]) -> str:
    """The stretches for people, each once: “日本” and “<break>”."""
    different = [f"“{text}”" for text in dict.fromkeys(stretch.text for stretch in stretches)]
    if len(different) > _NAMED:
        different = [*different[:_NAMED], f"{len(different) - _NAMED} more"]
    return " and ".join(filter(None, (", ".join(different[:-1]), different[-1])))


def is_pause(character: str) -> bool:
    """Whether it is a mark of punctuation that nobody reads aloud."""
    return unicodedata.category(character)[0] == "P" and character not in _READ_ALOUD


def _why(character: str, speakable: Callable[[str], bool]) -> Why | None:
    category = unicodedata.category(character)
    if category[0] in "ZM" or category in ("Cc", "Cf") or speakable(character):
        return None
    return Why.LETTERS if category[0] in "LN" else Why.SIGNS


def _belongs(character: str) -> bool:
    """Whether it is nothing without the character before it."""
    category = unicodedata.category(character)
    return category[0] == "M" or category in ("Cf", "Sk")
