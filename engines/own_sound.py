"""What turns into sound what a model says, where a voice has that of its own.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from engines.base import Clip, TrainableModel


@dataclass(frozen=True)
class OwnSound:
    """What a version has of its own, and not from its base."""

    vocoder: bool  #: it has learned the voice
    bands: bool  #: what is spoken is scaled to the spectrum of the recordings

    def to_json(self) -> dict[str, bool]:
        """For its record."""
        return asdict(self)


@runtime_checkable
class LearnsSound(Protocol):
    """A learning engine with a part that makes sound of what the rest says, and learns a voice from recordings alone.
    It has done so before the rest is trained, and is the same for all checkpoints."""

    def sound_like(self, model: TrainableModel, version: Path) -> None:
        """Give the model that part of a version, in place, to learn on from it; where the version has none of its own
        the model keeps what it has. Raises EngineError for a version that cannot be read."""
        ...

    def own_sound(self, version: Path) -> OwnSound:
        """What a version, or what would be one, has of its own."""
        ...

    def learn_sound(
        self, model: TrainableModel, clips: Sequence[Clip], kept: Path, seed: int, on_step: Callable[[int, int], None]
    ) -> None:
        """Have the model learn how the clips sound, in place, and write that to the file `kept`; or take it from there,
        where an attempt before this one has written it; what was written and cannot be read is learned again. `save`
        writes it with the rest. `on_step(done, total)` is called before each step, and every second or so before the
        first, and may raise. Takes tens of seconds."""
        ...
