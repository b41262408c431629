"""Made-up people: speaker embeddings that lie about as real ones do."""

from __future__ import annotations

import random

from engines.judging.voice_clip import Vector, VoiceClip, packed, unit

#: Numbers of an embedding, and how far clips of one lie around them: 0.84 alike in the mean, as measured.
_WIDE, _AROUND = 64, 0.054


class Person:
    """Somebody; who has the same number has the same voice."""

    def __init__(self, number: int, like: Person | None = None, alike: float = 0.55) -> None:
        """`like`: somebody to whom the voice has that cosine; else there is none."""
        self._draw = random.Random(number)
        own = unit([self._draw.gauss(0, 1) for _ in range(_WIDE)])
        if like is None:
            self.voice: Vector = own
        else:
            along = sum(a * b for a, b in zip(own, like.voice, strict=True))
            apart = unit([a - along * b for a, b in zip(own, like.voice, strict=True)])
            beside = (1 - alike**2) ** 0.5
            self.voice = unit([alike * a + beside * b for a, b in zip(like.voice, apart, strict=True)])

    def says(self, first: int, count: int, recording: int, seconds: float = 4.0) -> list[VoiceClip]:
        """So many clips, with ids from `first` on."""
        return [
            VoiceClip(id, f"{id:064x}", f"text {id}", seconds, 0.06, self._print(), b"", recording=recording)
            for id in range(first, first + count)
        ]

    def _print(self) -> bytes:
        return packed(unit([value + self._draw.gauss(0, _AROUND) for value in self.voice]))
