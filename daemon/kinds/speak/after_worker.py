"""Passes over speech in its worker: each chunk goes through them in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from engines.audio.passing import Enhancing, passed
from engines.base import AudioChunk, Converts, Model, Passing
from proto import worker_pb2 as wire

#: Begins a pass over sound of a rate, Hz.
Begin = Callable[[int], Passing]
#: Loads who converts, and the voice that it is to sound like.
Load = Callable[[wire.Conversion], tuple[Converts, Model]]


def ready(plans: Sequence[wire.PassPlan], load: Load, seed: int | None) -> list[Begin]:
    """The passes, with what they need loaded: what cannot be is told before there is sound. Raises EngineError."""
    return [_ready(plan, load, seed) for plan in plans]


def through(chunks: Iterator[AudioChunk], passes: Sequence[Begin]) -> Iterator[AudioChunk]:
    """The same speech, after all of them: as long, and each word where it was."""
    for begin in passes:
        chunks = passed(chunks, begin)
    return chunks


def _ready(plan: wire.PassPlan, load: Load, seed: int | None) -> Begin:
    if plan.HasField("enhance"):
        Enhancing(48_000)  # whether its library is here
        return Enhancing
    engine, model = load(plan.convert)
    return partial(engine.converting, model, seed=seed)
