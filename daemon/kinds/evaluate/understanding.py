"""Whether the recogniser follows the person at all: asked for the verdict, and where checkpoints are chosen.

A few recordings that it happens not to get would say no for a person whom it follows: then it listens to further ones,
too. Plain values: the server counts recordings by them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: Recordings that are asked, the held-out ones among them.
ENOUGH = 12


@dataclass(frozen=True)
class Understanding:
    """Of the recordings, as the recogniser hears them."""

    heard: bool  #: words take part
    wer: float | None  #: of all that were asked, held out or not
    recordings: int  #: that were asked
    further: int  #: of these, not held out

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)
