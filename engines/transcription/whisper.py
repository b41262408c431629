"""Whisper by CTranslate2 (faster-whisper), from a folder of weights that a person put there. Never downloads anything.

Clips are cut before they come here (see engines.cutting) and go through the model as a batch of independent windows:
the batched pipeline of faster-whisper itself merges and drops segments (its issues 1179, 1396, 1427).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engines.apart import in_a_thread
from engines.errors import BadInput, WeightsMissing
from engines.recognisers import NEEDED, is_model
from engines.transcription.base import SAMPLE_RATE, Transcript, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Longest stretch the model hears at once, seconds.
WINDOW = 30.0
_BATCH, _BEAMS = 8, 5
#: A text that compresses this well repeats itself: the model was caught in a loop (threshold of the Whisper paper,
#: arXiv 2212.04356).
_LOOP_RATIO = 2.4


def whisper_device() -> str:
    """ "cuda" where CTranslate2 sees a GPU, else "cpu"."""
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


class WhisperTranscriber:
    """Fulfils Transcriber."""

    name: str = "whisper"
    trust: Literal["high"] = "high"

    def __init__(self, folder: Path, language: str, device: str = "cpu", threads: int = 0) -> None:
        """Load from `folder`. Raises WeightsMissing if it is no model, BadInput if the model does not know the
        language."""
        if not is_model(folder):
            raise WeightsMissing(
                f"{folder} holds no Whisper model.",
                f"It needs {', '.join(NEEDED)} (CTranslate2 format); see `myna engines`.",
            )
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        precision = "int8" if device == "cpu" else "float16"
        try:
            self._model: Any = WhisperModel(
                str(folder),
                device=device,
                compute_type=precision,
                cpu_threads=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsMissing(
                f"The Whisper model in {folder} cannot be loaded: {error}.",
                "Fetch it again, or remove the folder to go without it.",
            ) from None
        if language not in self._model.supported_languages:
            raise BadInput(
                f"The Whisper model in {folder} does not know the language {language!r}.",
                "Give the texts with the recordings.",
            )
        self.language = language
        self.settings = (
            f"{_weights(folder)}, {language}, {precision}, {_BEAMS} beams, CTranslate2 {version('ctranslate2')}"
        )
        self._tokenizer: Any = Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """See Transcriber; longer than 30 s is heard in windows, and its language told by the first. Gives the words'
        times."""
        import numpy as np

        if len(samples) < SAMPLE_RATE // 20 or not np.any(samples):
            return self._nothing()
        segments, _ = self._model.transcribe(
            samples,
            language=self.language,
            beam_size=_BEAMS,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        heard = list(segments)
        words = tuple(
            Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
            for segment in heard
            for word in segment.words or ()
        )
        weight = sum(max(len(segment.tokens), 1) for segment in heard)
        mean_log = (
            sum(segment.avg_logprob * max(len(segment.tokens), 1) for segment in heard) / weight
            if weight
            else -math.inf
        )
        text = " ".join(s.text.strip() for s in heard).strip()
        return Transcript(text, words, self.name, self.trust, math.exp(min(mean_log, 0.0)), *self._language(samples))

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        """See Transcriber. Short clips are heard in batches, without word times; a looping one is heard again on its
        own."""
        return self._many(clips) if alive is None else in_a_thread(lambda: self._many(clips), alive)

    def _many(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        results: list[Transcript | None] = [None] * len(clips)
        short = [
            i for i, clip in enumerate(clips) if SAMPLE_RATE // 20 <= len(clip) <= WINDOW * SAMPLE_RATE and clip.any()
        ]
        for start in range(0, len(short), _BATCH):
            batch = short[start : start + _BATCH]
            for i, transcript in zip(batch, self._batch([clips[i] for i in batch]), strict=True):
                results[i] = transcript
        return [
            self.transcribe(clip) if result is None else result for clip, result in zip(clips, results, strict=True)
        ]

    def _batch(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript | None]:
        """One result a clip; None where the model ran into a loop."""
        import numpy as np
        from faster_whisper.audio import pad_or_trim

        features = np.stack([pad_or_trim(self._model.feature_extractor(clip)) for clip in clips])
        prompt = self._model.get_prompt(self._tokenizer, [], without_timestamps=True)
        encoded = self._model.encode(features)
        languages = self._languages(encoded, len(clips))
        outputs = self._model.model.generate(
            encoded,
            [prompt] * len(clips),
            beam_size=_BEAMS,
            return_scores=True,
            max_length=self._model.max_length,
        )
        transcripts: list[Transcript | None] = []
        for output, language in zip(outputs, languages, strict=True):
            tokens = output.sequences_ids[0]
            text = self._tokenizer.decode([token for token in tokens if token < self._tokenizer.eot]).strip()
            raw = text.encode()
            looping = len(raw) > 40 and len(raw) / len(zlib.compress(raw)) > _LOOP_RATIO
            confidence = math.exp(min(output.scores[0], 0.0))  # the score is the mean log probability of a token
            heard = Transcript(text, (), self.name, self.trust, confidence, *language)
            transcripts.append(None if looping else heard)
        return transcripts

    def languages(self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None]) -> list[dict[str, float]]:
        """See `engines.transcription.language.Ear`."""
        return in_a_thread(lambda: self._probable(clips), alive) if clips and self._model.model.is_multilingual else []

    def _probable(self, clips: Sequence[NDArray[np.float32]]) -> list[dict[str, float]]:
        import numpy as np
        from faster_whisper.audio import pad_or_trim

        found: list[dict[str, float]] = []
        for start in range(0, len(clips), _BATCH):
            features = [pad_or_trim(self._model.feature_extractor(clip)) for clip in clips[start : start + _BATCH]]
            told = self._model.model.detect_language(self._model.encode(np.stack(features)))
            found += [{token[2:-2]: float(probability) for token, probability in one} for one in told]
        return found

    def _language(self, samples: NDArray[np.float32]) -> tuple[str, float | None]:
        from faster_whisper.audio import pad_or_trim

        if not self._model.model.is_multilingual:
            return "", None
        features = pad_or_trim(self._model.feature_extractor(samples[: round(WINDOW * SAMPLE_RATE)]))
        return self._languages(self._model.encode(features), 1)[0]

    def _languages(self, encoded: Any, count: int) -> list[tuple[str, float | None]]:
        """Of each of so many clips the likeliest language, and the probability of the voice's: a step of the decoder
        beside what the encoder took. A model of English alone tells none."""
        if not self._model.model.is_multilingual:
            return [("", None)] * count
        found = [
            [(token[2:-2], probability) for token, probability in one]
            for one in self._model.model.detect_language(encoded)
        ]
        return [(one[0][0], float(dict(one).get(self.language, 0.0))) for one in found]

    def _nothing(self) -> Transcript:
        return Transcript("", (), self.name, self.trust, 0.0)


def _weights(folder: Path) -> str:
    """Which weights these are, told without reading gigabytes."""
    facts = (folder / NEEDED[0]).stat()
    return f"{folder.resolve()}, {facts.st_size} bytes of {facts.st_mtime_ns}"
