"""How it is found what is said in a piece of a recording: a given text is aligned with it; what does not fit well, or
has no text, is listened to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.audio.decode import Alive
from engines.cutting.kept import Heard, Kept
from engines.transcription.alignment import Aligner, Alignment
from engines.transcription.base import Transcriber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Hearing:
    """Of one recording."""

    transcriber: Transcriber | None
    aligner: Aligner | None
    given: Sequence[str] | None  #: the text of each piece, if it is known before it is heard
    kept: Kept | None = None  #: where what was heard is kept until the recording's clips are

    def hear(self, first: int, pieces: Sequence[NDArray[np.float32]], alive: Alive) -> list[Heard]:
        """(what was heard, how well the given text fits) of each, from the `first`-th on: a text that fits well need
        not be heard."""
        transcriber = self.transcriber
        if transcriber is None:
            return [(None, None)] * len(pieces)
        if self.kept is None:
            return self._heard(transcriber, first, pieces, alive)
        texts = self.given[first : first + len(pieces)] if self.given is not None else None
        listener = f"{transcriber.settings}, {'aligned first' if self.aligner else 'not aligned'}"
        return self.kept.heard(pieces, texts, listener, lambda: self._heard(transcriber, first, pieces, alive))

    def _heard(
        self, transcriber: Transcriber, first: int, pieces: Sequence[NDArray[np.float32]], alive: Alive
    ) -> list[Heard]:
        found = [self._alignment(first + number, samples, alive) for number, samples in enumerate(pieces)]
        doubtful = [number for number, one in enumerate(found) if one is None or not one.fits]
        heard = transcriber.transcribe_many([pieces[number] for number in doubtful], alive) if doubtful else []
        transcripts = dict(zip(doubtful, heard, strict=True))
        return [(transcripts.get(number), one.fit if one else None) for number, one in enumerate(found)]

    def _alignment(self, number: int, samples: NDArray[np.float32], alive: Alive) -> Alignment | None:
        if self.given is None or self.aligner is None:
            return None
        alive()
        return self.aligner.align(samples, self.given[number])
