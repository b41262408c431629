"""How it is found what is said in a piece of a recording: a given text is aligned with it; what does not fit well, or
has no text, is listened to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.audio.decode import Alive
from engines.cutting.kept import HeardPiece, Kept
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
    second: Aligner | None = None  #: lays what the transcriber wrote under the sound, and tells what it does not hear
    kept: Kept | None = None  #: where what was heard is kept until the recording's clips are

    def hear(
        self,
        first: int,
        pieces: Sequence[NDArray[np.float32]],
        alive: Alive,
        with_music: Sequence[NDArray[np.float32]] = (),
    ) -> list[HeardPiece]:
        """What is said in each, from the `first`-th on: a given text that fits well need not be heard. `with_music`:
        what they were made of where music was taken out, which may not give the same samples twice; else none."""
        transcriber = self.transcriber
        if transcriber is None:
            return [HeardPiece()] * len(pieces)
        if self.kept is None:
            return self._heard(transcriber, first, pieces, alive)
        texts = self.given[first : first + len(pieces)] if self.given is not None else None
        asked = f"{self.aligner is not None}, {self.second is not None}" + (", separated" if with_music else "")
        listeners = [f"{one}, {asked}" for one in (transcriber.settings, *transcriber.earlier_settings)]
        sounds = with_music or pieces
        return self.kept.heard(sounds, texts, listeners, lambda: self._heard(transcriber, first, pieces, alive))

    @property
    def writes(self) -> bool:
        """Whether what it hears can be taken for what is said."""
        return self.transcriber is not None and self.transcriber.trust == "high"

    def written(self, stretches: Sequence[NDArray[np.float32]], alive: Alive) -> list[str]:
        """What the transcriber writes of stretches that are no pieces."""
        transcriber = self.transcriber
        if transcriber is None:
            return [""] * len(stretches)

        def heard() -> list[HeardPiece]:
            return [HeardPiece(one) for one in transcriber.transcribe_many(stretches, alive)]

        listeners = [f"{one}, alone" for one in (transcriber.settings, *transcriber.earlier_settings)]
        found = self.kept.heard(stretches, None, listeners, heard) if self.kept else heard()
        return [one.transcript.text if one.transcript else "" for one in found]

    def _heard(
        self, transcriber: Transcriber, first: int, pieces: Sequence[NDArray[np.float32]], alive: Alive
    ) -> list[HeardPiece]:
        found = [self._alignment(first + number, samples, alive) for number, samples in enumerate(pieces)]
        doubtful = [number for number, one in enumerate(found) if one is None or not one.fits]
        heard = transcriber.transcribe_many([pieces[number] for number in doubtful], alive) if doubtful else []
        transcripts = dict(zip(doubtful, heard, strict=True))
        return [
            self._told(samples, one, transcripts.get(number), alive)
            for number, (samples, one) in enumerate(zip(pieces, found, strict=True))
        ]

    def _told(
        self, samples: NDArray[np.float32], laid: Alignment | None, heard: Transcript | None, alive: Alive
    ) -> HeardPiece:
        words = laid.words if laid is not None and laid.fits else heard.words if heard is not None else ()
        return HeardPiece(heard, laid.fit if laid else None, self._errors(samples, heard, alive), words)

    def _errors(self, samples: NDArray[np.float32], heard: Transcript | None, alive: Alive) -> float | None:
        """Share of the words that the transcriber wrote which the second ear does not hear."""
        if self.second is None or heard is None or not any(map(str.isalnum, heard.text)):
            return None
        alive()
        laid = self.second.align(samples, heard.text)
        return laid.word_errors if laid is not None else 1.0

    def _alignment(self, number: int, samples: NDArray[np.float32], alive: Alive) -> Alignment | None:
        if self.given is None or self.aligner is None:
            return None
        alive()
        return self.aligner.align(samples, self.given[number])
