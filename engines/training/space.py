"""What an experiment tries of a training setting: values, or a range. Read from what people write
("8,16,32", "1e-5..1e-4") and kept as JSON.

Imports nothing heavy: the daemon checks a space before an experiment begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from engines.errors import BadInput
from engines.setting import Setting, shown, unknown
from engines.training.settings import OPTIONS

Value = int | float | str | bool

#: Settings of one experiment at most: few trials tell nothing of more.
MOST_SETTINGS = 6
#: What is between the ends of a range.
TO = ".."
#: A range that reaches from something to so many times that is searched by its logarithm.
DECADE = 10
#: Digits that count of a number from a range: people are to read and copy it.
DIGITS = 3


@dataclass(frozen=True)
class Choices:
    """These values."""

    values: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values between which all others lie; of texts and truths, all."""
        if any(isinstance(value, str | bool) for value in self.values):
            return self.values
        numbers = [value for value in self.values if not isinstance(value, str)]
        return tuple(dict.fromkeys((min(numbers), max(numbers))))

    @property
    def count(self) -> float:
        """How many values there are."""
        return len(self.values)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.values)

    def __str__(self) -> str:
        return ",".join(map(written, self.values))


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included."""

    low: float
    high: float
    whole: bool
    log: bool  #: searched by the logarithm

    @property
    def ends(self) -> tuple[Value, ...]:
        return self.low, self.high

    @property
    def count(self) -> float:
        return self.high - self.low + 1 if self.whole else math.inf

    def __iter__(self) -> Iterator[Value]:
        """All of a range of whole numbers."""
        return iter(range(int(self.low), int(self.high) + 1))

    def __str__(self) -> str:
        return f"{written(self.low)}{TO}{written(self.high)}"

    def rounded(self, value: float) -> float:
        """A number of the range as people can read it."""
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


#: What is tried of each setting, by name, in the order in which it was asked for.
Space = Mapping[str, Choices | Range]


def read(given: Mapping[str, str]) -> Space:
    """The space that people write. Raises BadInput for what is no setting, cannot be searched, or is no value of it."""
    if len(given) > MOST_SETTINGS:
        raise BadInput(
            f"{len(given)} settings are too many for one experiment.",
            f"Search at most {MOST_SETTINGS} at once: a dozen trials tell nothing of more.",
        )
    found = {name: _read(name, text) for name, text in given.items()}
    if combinations(found) < 2:
        raise BadInput(
            "An experiment needs something to choose between.",
            "Give a setting several values, as lora_rank=8,16,32, or a range, as learning_rate=1e-5..1e-4.",
        )
    return found


def combinations(space: Space) -> float:
    """How many different trials there can be; infinite, if a range has no whole numbers."""
    return math.prod(one.count for one in space.values())


def corners(space: Space) -> Iterator[dict[str, Value]]:
    """Settings at the ends of the space: what is allowed there is allowed between them."""
    for values in product(*(one.ends for one in space.values())):
        yield dict(zip(space, values, strict=True))


def to_json(space: Space) -> dict[str, Any]:
    """Plain values for json.dumps."""
    return {name: asdict(one) for name, one in space.items()}


def from_json(values: Mapping[str, Any]) -> Space:
    """The inverse of `to_json`."""
    return {name: Choices(tuple(one["values"])) if "values" in one else Range(**one) for name, one in values.items()}


def written(value: Value) -> str:
    """A value as TOML and the command line write it, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(name: str, text: str) -> Choices | Range:
    if name not in OPTIONS:
        raise unknown(name, OPTIONS, "training")
    setting = OPTIONS[name]
    if name == "seed":
        raise BadInput("The seed is nothing to search: a lucky one is no better.", "Leave it out.")
    if setting.count != 1:
        raise BadInput(f"{name} is a list, and an experiment tries single values.", "Set it in the voice's voice.toml.")
    low, to, high = text.partition(TO)
    if to:
        return _range(name, setting, low.strip(), high.strip())
    values = tuple(setting.read(name, part.strip()) for part in text.split(","))
    if len(set(values)) < len(values):
        raise BadInput(f"{name} has a value twice in {shown(text)}.", "Name each once.")
    return Choices(values)


def _range(name: str, setting: Setting, low: str, high: str) -> Range:
    if setting.kind not in (int, float):
        raise BadInput(f"{name} has no range: it must be {setting.says}.", f"Name its values, as {name}=A,B.")
    bottom, top = setting.read(name, low), setting.read(name, high)
    if bottom >= top:
        raise BadInput(
            f"The range of {name} ends where it begins or before: {shown(f'{low}{TO}{high}')} was given.",
            f"Write its lower end first, as {name}={written(min(bottom, top))}{TO}{written(max(bottom, top))}.",
        )
    return Range(bottom, top, setting.kind is int, log=bottom > 0 and top >= DECADE * bottom)
