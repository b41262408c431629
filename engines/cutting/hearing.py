"""How it is found what is said in a piece of a recording: a given text is aligned with it; what does not fit well, or
has no text, is listened to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.audio.decode import Alive
from engines.transcription.alignment import Aligner, Alignment
from engines.transcription.base import Transcriber, Transcript

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Hearing:
    """Of one recording."""

    transcriber: Transcriber | None
    aligner: Aligner | None
    given: Sequence[str] | None  #: the text of each piece, if it is known before it is heard

    def hear(
        self, first: int, pieces: Sequence[NDArray[np.float32]], alive: Alive
    ) -> list[tuple[Transcript | None, float | None]]:
        """(what was heard, how well the given text fits) of each, from the `first`-th on: a text that fits well need
        not be heard."""
        if self.transcriber is None:
            return [(None, None)] * len(pieces)
        found = [self._alignment(first + number, samples, alive) for number, samples in enumerate(pieces)]
        doubtful = [number for number, one in enumerate(found) if one is None or not one.fits]
        heard = self.transcriber.transcribe_many([pieces[number] for number in doubtful], alive) if doubtful else []
        transcripts = dict(zip(doubtful, heard, strict=True))
        return [(transcripts.get(number), one.fit if one else None) for number, one in enumerate(found)]

    def _alignment(self, number: int, samples: NDArray[np.float32], alive: Alive) -> Alignment | None:
        if self.given is None or self.aligner is None:
            return None
        alive()
        return self.aligner.align(samples, self.given[number])
