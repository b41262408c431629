"""Where the words of a known text lie in speech, and how well they lie there: forced alignment, English, by the
acoustic model in PocketSphinx's wheel.

Knowing the text makes it some twenty times as quick as hearing freely (`benchmarks/datasets_texts.py`), and surer: a
text that is not what was said does not fit at all, or badly. So a given text is aligned first, and only one that does
not fit well is left to a recogniser.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engines.metrics.normalise import normalise
from engines.transcription.base import SAMPLE_RATE, Word
from engines.transcription.sphinx import FRAMES_PER_SECOND, PADDING, as_pcm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A text fits if a frame of speech is, in the mean, at least so likely (`Alignment.fit`), and a frame of its worst word
#: (`Alignment.worst`). Measured on 12 sentences by each of four flite voices: right texts −1.33 … −0.81, their worst
#: words −5.1 … −1.2; with one word replaced −2.8 … −1.1, worst −12 … −3.6; other texts −5.7 … −4.2, or none at all.
FITS, WORST_FITS = -2.0, -3.5
#: Seconds before, after or between words from which they are no quiet beside speech. Of 36 right texts they were at
#: most 0.29; of texts without three of their words three in four had more, and most of the others a bad "silence".
_UNEXPLAINED = 0.45
#: Likelihood of a frame below which a word does not sound like itself. Of the same right texts, 44 of 48 had no such
#: word, and the others one of eleven or more; with one word replaced all had one, of which a neighbour was often part.
UNLIKE = -3.0
#: Frames from which a word, and what is taken for silence, must sound like itself: the shortest words are slurred.
_LONG_WORD, _LONG_SILENCE = 8, 20
#: Letters a second that nobody says (the fastest people 35): a text of so many would be laid for minutes, in
#: gigabytes, to no end.
_MOST_LETTERS = 100.0
#: IPA as gruut writes it, as the model's dictionary has it.
_ARPABET = {
    "ɑ": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɔ": "AO", "aʊ": "AW", "aɪ": "AY", "b": "B", "t͡ʃ": "CH", "d": "D",
    "ð": "DH", "ɛ": "EH", "ɚ": "ER", "ɝ": "ER", "eɪ": "EY", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "ɪ": "IH",
    "i": "IY", "d͡ʒ": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "oʊ": "OW", "ɔɪ": "OY", "p": "P",
    "ɹ": "R", "s": "S", "ʃ": "SH", "t": "T", "θ": "TH", "ʊ": "UH", "u": "UW", "v": "V", "w": "W", "j": "Y", "z": "Z",
    "ʒ": "ZH",
}  # fmt: skip


@dataclass(frozen=True)
class Alignment:
    """A text in its place. Likelihoods are natural logarithms, a frame of 10 ms, beside that of the model's likeliest
    sound there: 0 is the best there can be."""

    words: tuple[Word, ...]  #: in order; confidence is the likelihood of a frame of the word, 0…1
    fit: float  #: of all words
    worst: float  #: of the worst word or silence, but for the shortest
    unexplained: float  #: longest stretch before, after or between words, seconds

    @property
    def fits(self) -> bool:
        """Whether the text is what is said, beyond doubt."""
        return self.fit >= FITS and self.worst >= WORST_FITS and self.unexplained <= _UNEXPLAINED

    @property
    def word_errors(self) -> float:
        """Share of words on which sound and text differ, as a word error rate has it, at most 1: words that do not
        sound like themselves, and as many as there is room for where there is sound without a word."""
        lengths = [word.end - word.start for word in self.words]
        unlike = sum(
            length >= _LONG_WORD / FRAMES_PER_SECOND and word.confidence < math.exp(UNLIKE)
            for word, length in zip(self.words, lengths, strict=True)
        )
        usual = max(sum(lengths) / len(lengths), _LONG_WORD / FRAMES_PER_SECOND)
        missing = self.unexplained / usual if self.unexplained > _UNEXPLAINED else 0.0
        return min(1.0, (unlike + missing) / len(lengths))


class Aligner:
    """A model, loaded when it is first used. Not thread-safe; one a worker."""

    language = "en"  #: ISO 639-1: the only one it knows

    @cached_property
    def _decoder(self) -> Any:
        from pocketsphinx import Config, Decoder

        return Decoder(Config(samprate=float(SAMPLE_RATE), lm=None, cmn="batch", loglevel="FATAL"))

    def align(self, samples: NDArray[np.float32], text: str) -> Alignment | None:
        """Find the words of `text` in mono samples of shape (n,) at SAMPLE_RATE that begin and end with little quiet.
        None if they cannot be there, are far more than anybody says in that time, or if a word's sounds are not
        known."""
        import numpy as np

        words = normalise(text, self.language).split()
        if not words or len(samples) < SAMPLE_RATE // 20 or not np.any(samples):
            return None
        if sum(map(len, words)) > _MOST_LETTERS * len(samples) / SAMPLE_RATE or not all(map(self._knows, words)):
            return None
        self._decoder.reinit_feat()  # else the first frames of it would hear the end of what was aligned before
        self._decoder.set_align_text(" ".join(words))
        self._decoder.start_utt()
        self._decoder.process_raw(as_pcm(samples), full_utt=True)
        self._decoder.end_utt()
        length = len(samples) / SAMPLE_RATE
        found, frames, likelihood, worst = [], 0, 0.0, 0.0
        for segment in self._decoder.seg() or ():
            many = segment.end_frame - segment.start_frame + 1
            log = math.log(max(segment.ascore, 1e-300))
            word = segment.word[0] not in "<["
            if many >= (_LONG_WORD if word else _LONG_SILENCE):
                worst = min(worst, log / many)
            if not word:
                continue
            frames, likelihood = frames + many, likelihood + log
            start, end = (
                min(max(frame / FRAMES_PER_SECOND - PADDING, 0.0), length)
                for frame in (segment.start_frame, segment.end_frame + 1)
            )
            found.append(Word(re.sub(r"\(\d+\)$", "", segment.word), start, end, math.exp(log / many)))
        if not found:
            return None
        edges = [0.0, *(edge for word in found for edge in (word.start, word.end)), length]
        unexplained = max(after - before for before, after in zip(edges[::2], edges[1::2], strict=True))
        return Alignment(tuple(found), likelihood / frames, worst, unexplained)

    def _knows(self, word: str) -> bool:
        """Whether a word's sounds are known; those of one that is in no dictionary are worked out from its letters."""
        if self._decoder.lookup_word(word) is not None:
            return True
        import gruut

        sounds: list[str] = []
        for sentence in gruut.sentences(word, lang="en-us"):
            for part in sentence:
                for phoneme in part.phonemes or ():
                    sound = _ARPABET.get(re.sub(r"[ˈˌː]", "", phoneme))
                    if sound is None:
                        return False
                    sounds.append(sound)
        if not sounds:
            return False
        self._decoder.add_word(word, " ".join(sounds), True)
        return True
