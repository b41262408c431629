"""A recording in place of an engine that speaks: its sound, block by block, decoded as any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from daemon.worker.job import Channel
from engines.audio.decode import probe_and_decode, shown
from engines.audio.mono import Mono
from engines.base import AudioChunk
from engines.errors import BadInput

#: Seconds that count as a sentence: where somebody's minutes are used up, it ends after one.
STRETCH = 10.0


class Recorded:
    """One recording, decoded whole once before any of it goes on: what is wrong at its end is told at the beginning."""

    def __init__(self, path: Path, sample_rate: int, channel: Channel) -> None:
        """At `sample_rate` Hz. Raises BadInput for what is no sound, damaged, silent or too long."""
        self._rate = sample_rate
        self._mono = Mono(path, sample_rate, alive=channel.check)
        channel.progress(0, 0, "", "decodes the recording")
        try:
            facts = probe_and_decode(path, channel.check)
        except BadInput as error:  # its name is none that a person gave it
            raise BadInput(str(error).replace(shown(path), "The file"), error.hint) from None
        if facts.silent:
            raise BadInput("There is nothing to hear in the file.", "Send another recording.")
        for note in facts.notes:
            channel.log("info", note)
        self.seconds = facts.seconds  #: how long it is
        self._gain = np.float32(1.0 / max(facts.peak, 1.0))
        if facts.channels > 1:
            for _ in self._mono.passed():
                pass
            self._mono.mended()

    def chunks(self) -> Iterator[AudioChunk]:
        """Its sound, mono."""
        size, done = round(STRETCH * self._rate), 0
        for samples, _ in self._mono.passed():
            rest = samples * self._gain
            while len(rest):
                room = size - done % size
                piece, rest = rest[:room], rest[room:]
                yield AudioChunk(piece, self._rate, done // size, "")
                done += len(piece)
