"""Errors an engine or the audio code raises. Each says in one sentence what is wrong and, in `hint`, what a person can
do about it."""

from __future__ import annotations


class EngineError(Exception):
    """Something a person can act on. `str(error)` is one plain sentence; `hint` is what to do, or empty.

    `kind` is one of the error kinds of the wire: "bad-input", "out-of-memory", "disk-full", "engine", "cancelled".
    """

    kind = "engine"

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class BadInput(EngineError):
    """The recording, text or setting given cannot be used."""

    kind = "bad-input"


class WeightsMissing(EngineError):
    """An engine's weights are not on this machine, or are not the right ones."""

    kind = "engine"


class Unreachable(EngineError):
    """The engine cannot speak now, whatever the text: the next one would fare no better."""


class Cancelled(EngineError):
    """A person (or a shutdown) asked for the work to stop; what was done so far is saved."""

    kind = "cancelled"


class OutOfMemory(EngineError):
    """Memory ran out and could not be won back by smaller batches."""

    kind = "out-of-memory"


class DiskFull(EngineError):
    """There is no room to write, or the disk is read-only; what was written before is intact, and nothing half-written
    is used."""

    kind = "disk-full"
