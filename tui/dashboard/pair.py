"""Two versions of a voice that are listened to, which of them is heard as A and which as B, and what the person
thinks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import names

Letter = Literal["a", "b"]  #: as it is heard
Preferred = Literal["a", "b", "same", ""]
OTHER: dict[str, Letter] = {"a": "b", "b": "a"}


@dataclass(frozen=True)
class Pair:
    """Versions `one` and `two` of a voice; 0 is the base."""

    voice: str
    one: int
    two: int

    def name(self, number: int) -> str:
        """As people write it: anna@7, anna@base."""
        return f"{self.voice}@{number or 'base'}"


@dataclass(frozen=True)
class Line:
    """What both say: a line that scoring spoke (`clip` is its name: a held-out clip's SHA-256, or that of a further
    text or take) or a text that a person typed."""

    text: str
    clip: str = ""

    @property
    def key(self) -> str:
        return self.clip or f"text {hashlib.sha256(self.text.encode()).hexdigest()}"

    @property
    def title(self) -> str:
        """Which take it is, from the second on, and the text."""
        take = self.clip.partition(".")[2]
        return f"(take {int(take) + 1}) {self.text}" if take.isdecimal() else self.text


@dataclass(frozen=True)
class Vote:
    """What the person thinks of A and B as they were heard; scores 1 to 5, 0: none."""

    preferred: Preferred = ""
    score_a: int = 0
    score_b: int = 0

    def __bool__(self) -> bool:
        return bool(self.preferred or self.score_a or self.score_b)


@dataclass(frozen=True)
class Hearing:
    """One line of a pair, with who is heard as A. Blind, that is left to chance: a coin that falls the same way for the
    same seed. Who was `told` who is who in this line, by a vote or by having heard it with names, may recognise them:
    what that person votes then is not blind."""

    pair: Pair
    line: Line
    blind: bool
    seed: int
    told: bool = False

    @property
    def turned(self) -> bool:
        """A is the pair's second version."""
        return self.blind and hashlib.sha256(f"{self.seed} {self.line.key}".encode()).digest()[0] % 2 == 1

    def version(self, letter: Letter) -> int:
        """Who is heard so."""
        return self.pair.two if (letter == "b") != self.turned else self.pair.one

    def names(self, revealed: bool) -> dict[str, str]:
        """What the person reads for A and B."""
        letters: tuple[Letter, Letter] = ("a", "b")
        revealed_names = {
            letter: f" · {self.pair.name(self.version(letter))}" if revealed else "" for letter in letters
        }
        return {letter: f"{letter.upper()}{revealed_names[letter]}" for letter in letters}

    def rating(self, vote: Vote) -> pb.Rating:
        """The vote as the daemon keeps it: by version, not by letter."""
        score_one, score_two = (vote.score_b, vote.score_a) if self.turned else (vote.score_a, vote.score_b)
        preferred = OTHER.get(vote.preferred, vote.preferred) if self.turned else vote.preferred
        return pb.Rating(
            voice=self.pair.voice, a=self.pair.one, b=self.pair.two, clip=self.line.clip, text=self.line.text,
            preferred=preferred, score_a=score_one, score_b=score_two, blind=self.blind and not self.told,
        )  # fmt: skip


def parse(one: str, two: str, promoted: dict[str, int]) -> Pair:
    """A pair from what a person wrote: anna@6 and anna@7, or anna@6 and 7; a bare voice is the version that speaks now
    (`promoted`, 0: the base). Raises ClientError for what is no pair."""
    first = names.parse(one.strip())
    written = two.strip()
    second = names.parse(written if written.rstrip("0123456789") not in ("", "v") else f"{first.voice}@{written}")
    if first.voice != second.voice:
        raise ClientError(
            f"{first} and {second} are of different voices.", "Choose two versions of one voice.", "INVALID_ARGUMENT"
        )
    numbers = [promoted.get(named.voice, 0) if named.number == 0 else max(named.number, 0) for named in (first, second)]
    pair = Pair(first.voice, *numbers)
    if pair.one == pair.two:
        raise ClientError(f"Both are {pair.name(pair.one)}.", "Choose two different versions.", "INVALID_ARGUMENT")
    return pair
