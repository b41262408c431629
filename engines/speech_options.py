"""An engine's own settings of speech: names, ranges, and the check that the daemon makes when it is asked and the engine when it speaks.

Imports nothing heavy: the daemon asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.errors import BadInput


@dataclass(frozen=True)
class SpeechOption:
    """One setting of `SpeechRequest.options`."""

    usual: float
    least: float
    most: float
    what: str  #: for people, in a line
    whole: bool = False  #: takes whole numbers only

    @property
    def range(self) -> str:
        """As people read it."""
        return f"{self.least:g} to {self.most:g}"


def checked(engine: str, options: Mapping[str, SpeechOption], given: Mapping[str, float]) -> dict[str, float]:
    """Every option with its value. Raises BadInput for one that the engine does not have, or a value out of range."""
    for name in sorted(set(given) - set(options)):
        raise BadInput(f"The engine {engine} has no setting {name!r}.", f"It has {', '.join(options) or 'none: leave it out'}.")
    values = {name: given.get(name, option.usual) for name, option in options.items()}
    for name, option in options.items():
        within(name, values[name], option.least, option.most)
        if option.whole and values[name] != int(values[name]):
            raise BadInput(f"The setting {name} is a whole number, not {values[name]:g}.", f"Use one from {option.range}.")
    return values


def within(name: str, value: float, least: float, most: float) -> None:
    """Raises BadInput for a value out of range."""
    if not least <= value <= most:  # also what is no number
        raise BadInput(f"The {name} {value:g} is out of range.", f"Use one from {least:g} to {most:g}.")
