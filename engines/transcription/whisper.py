"""Whisper by CTranslate2 (faster-whisper), from a folder of weights that a person put there. Never downloads anything.

Clips are cut before they come here (see engines.cutting) and go through the model as a batch of independent windows:
the batched pipeline of faster-whisper itself merges and drops segments (its issues 1179, 1396, 1427).
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engines.apart import in_a_thread
from engines.errors import BadInput, OutOfMemory, WeightsMissing
from engines.recognisers import NEEDED, is_model
from engines.transcription import room
from engines.transcription.base import SAMPLE_RATE, Transcript, Word
from engines.transcription.room import Precision, Size, Way

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

#: Longest stretch the model hears at once, seconds.
WINDOW = 30.0
_BEAMS = 5
#: A text that compresses this well repeats itself: the model was caught in a loop (threshold of the Whisper paper,
#: arXiv 2212.04356).
_LOOP_RATIO = 2.4
#: Frames of features a second.
FRAMES_PER_SECOND = 100
#: Punctuation that belongs to the word after it, and to the one before it.
_BEFORE_WORDS, _AFTER_WORDS = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


def whisper_device() -> str:
    """ "cuda" where CTranslate2 sees a GPU, else "cpu"."""
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


class WhisperTranscriber:
    """Fulfils Transcriber."""

    name: str = "whisper"
    trust: Literal["high"] = "high"

    def __init__(
        self,
        folder: Path,
        language: str,
        device: str = "cpu",
        threads: int = 0,
        way: Way | None = None,
        on_smaller: Callable[[Way, Way], None] = lambda before, after: None,
        earlier: Sequence[Precision] = (),
    ) -> None:
        """Load from `folder`. `way`: how it computes, if not as is usual on the `device`; where memory runs out it goes
        on in the next smaller way, and `on_smaller` is told of both. `earlier`: in which it computed before, in the
        same job. Raises WeightsMissing if it is no model, BadInput if the model does not know the language, OutOfMemory
        if there is no smaller way."""
        if not is_model(folder):
            raise WeightsMissing(
                f"{folder} holds no Whisper model.",
                f"It needs {', '.join(NEEDED)} (CTranslate2 format); see `myna engines`.",
            )
        from faster_whisper.tokenizer import Tokenizer

        self._folder, self._on_smaller, self._earlier = folder, on_smaller, tuple(earlier)
        usual = Precision.INT8 if device == "cpu" else Precision.FLOAT16
        self.way = way or Way(device, usual, threads=threads)  #: how it computes now
        self._model: Any = None
        model: Any = self._with_room(lambda: self._model)
        if language not in model.supported_languages:
            raise BadInput(
                f"The Whisper model in {folder} does not know the language {language!r}.",
                "Move it away and put one for many languages there (`myna engines fetch whisper-large-v3` brings one); "
                "without any, give the texts with the recordings.",
            )
        self.language = language
        self._tokenizer: Any = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )

    @property
    def settings(self) -> str:
        """See Transcriber. How many clips are heard at a time is not among them: their words are the same."""
        return self._settings(self.way.precision)

    @property
    def earlier_settings(self) -> Sequence[str]:
        """See Transcriber."""
        return [self._settings(one) for one in self._earlier if one != self.way.precision]

    def _settings(self, precision: Precision) -> str:
        return (
            f"{_weights(self._folder)}, {self.language}, {precision}, {_BEAMS} beams, "
            f"CTranslate2 {version('ctranslate2')}"
        )

    def _load(self) -> None:
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(
                str(self._folder),
                device=self.way.device,
                compute_type=self.way.precision,
                cpu_threads=self.way.threads,
                num_workers=self.way.workers,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            if ran_out(error):
                raise
            raise WeightsMissing(
                f"The Whisper model in {self._folder} cannot be loaded: {error}.",
                "Fetch it again, or remove the folder to go without it.",
            ) from None

    def _with_room(self, work: Callable[[], T]) -> T:
        """What `work` returns, in a smaller way than now where memory does not do for this one."""
        while True:
            before = self.way
            try:
                if self._model is None:
                    self._load()
                return work()
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                after = self._smaller()
                if after is None:
                    raise OutOfMemory(
                        f"Whisper ran out of the memory of the {'CPU' if before.device == 'cpu' else 'GPU'}, hearing "
                        "one clip at a time.",
                        "End other programs there, or use a smaller model.",
                    ) from error
            self.way = after
            if (after.precision, after.workers) != (before.precision, before.workers):
                self._model = None  # it goes first, then is loaded anew
            self._earlier = (before.precision, *self._earlier)
            self._on_smaller(before, after)

    def _smaller(self) -> Way | None:
        way = self.way
        threads = way.threads * way.workers or len(os.sched_getaffinity(0))
        return room.smaller(way, Size.of(self._folder), supported(way.device), threads)

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        """See Transcriber; longer than 30 s is heard in windows, and its language told by the first. Gives the words'
        times."""
        return self._with_room(lambda: self._alone(samples))

    def _alone(self, samples: NDArray[np.float32]) -> Transcript:
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
        """See Transcriber. Short clips are heard in batches; a looping one is heard again on its own."""
        return self._many(clips) if alive is None else in_a_thread(lambda: self._many(clips), alive)

    def _many(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        results: list[Transcript | None] = [None] * len(clips)
        short = [
            i for i, clip in enumerate(clips) if SAMPLE_RATE // 20 <= len(clip) <= WINDOW * SAMPLE_RATE and clip.any()
        ]
        for start in range(0, len(short), room.MOST):
            batch = short[start : start + room.MOST]
            heard = self._with_room(partial(self._at_once, [clips[i] for i in batch]))
            for i, transcript in zip(batch, heard, strict=True):
                results[i] = transcript
        return [
            self.transcribe(clip) if result is None else result for clip, result in zip(clips, results, strict=True)
        ]

    def _at_once(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript | None]:
        """One result a clip, as many at a time as its way has it."""
        size = self.way.at_once
        batches = [clips[start : start + size] for start in range(0, len(clips), size)]
        if self.way.workers == 1:
            return [one for batch in batches for one in self._batch(batch)]
        with ThreadPoolExecutor(self.way.workers) as workers:
            return [one for found in workers.map(self._batch, batches) for one in found]

    def _batch(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript | None]:
        """One result a clip; None where the model ran into a loop."""
        import numpy as np
        from faster_whisper.audio import pad_or_trim

        mels = [self._model.feature_extractor(clip) for clip in clips]
        features = np.stack([pad_or_trim(one) for one in mels])
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
        written = [[token for token in out.sequences_ids[0] if token < self._tokenizer.eot] for out in outputs]
        texts = [self._tokenizer.decode(tokens).strip() for tokens in written]
        said = [[] if _loops(text) else tokens for text, tokens in zip(texts, written, strict=True)]
        frames = [min(one.shape[-1], features.shape[-1]) for one in mels]
        transcripts: list[Transcript | None] = []
        for text, output, language, words in zip(
            texts, outputs, languages, self._words(encoded, said, frames), strict=True
        ):
            confidence = math.exp(min(output.scores[0], 0.0))  # the score is the mean log probability of a token
            heard = Transcript(text, words, self.name, self.trust, confidence, *language)
            transcripts.append(None if _loops(text) else heard)
        return transcripts

    def _words(self, encoded: Any, written: Sequence[Sequence[int]], frames: Sequence[int]) -> list[tuple[Word, ...]]:
        """When each word of each clip is said, and how sure it is: where the decoder attends to while it is shown the
        tokens that it wrote, as faster-whisper aligns one clip. `frames`: of each clip's sound, 10 ms each."""
        from faster_whisper.transcribe import merge_punctuations

        if not any(written):
            return [()] * len(written)
        aligned = self._model.model.align(
            encoded, self._tokenizer.sot_sequence, [list(tokens) for tokens in written], list(frames)
        )
        found: list[tuple[Word, ...]] = []
        for one, tokens, count in zip(aligned, written, frames, strict=True):
            words = self._timed(one, tokens) if tokens else []
            merge_punctuations(words, _BEFORE_WORDS, _AFTER_WORDS)
            end = count / FRAMES_PER_SECOND
            found.append(
                tuple(
                    Word(text, min(word["start"], end), min(word["end"], end), min(word["probability"], 1.0))
                    for word in words
                    if (text := word["word"].strip())
                )
            )
        return found

    def _timed(self, aligned: Any, tokens: Sequence[int]) -> list[dict[str, Any]]:
        """The words of one clip, as `merge_punctuations` takes them."""
        words, parts = self._tokenizer.split_to_word_tokens([*tokens, self._tokenizer.eot])
        begins: dict[int, float] = {}
        for token, frame in aligned.alignments:  # in order: the first frame of each token
            begins.setdefault(token, frame / self._model.tokens_per_second)
        found, first = [], 0
        for word, part in zip(words[:-1], parts[:-1], strict=True):  # the last one is the end of the text
            last = first + len(part)
            sure = aligned.text_token_probs[first:last]
            found.append(
                {
                    "word": word,
                    "tokens": part,
                    "start": begins[first],
                    "end": begins[last],
                    "probability": sum(sure) / len(sure),
                }
            )
            first = last
        return found

    def languages(self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None]) -> list[dict[str, float]]:
        """See `engines.transcription.language.Ear`."""
        return in_a_thread(lambda: self._with_room(lambda: self._probable(clips)), alive) if clips else []

    def _probable(self, clips: Sequence[NDArray[np.float32]]) -> list[dict[str, float]]:
        import numpy as np
        from faster_whisper.audio import pad_or_trim

        if not self._model.model.is_multilingual:
            return []
        found: list[dict[str, float]] = []
        size = self.way.at_once
        for start in range(0, len(clips), size):
            features = [pad_or_trim(self._model.feature_extractor(clip)) for clip in clips[start : start + size]]
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


def supported(device: str) -> frozenset[str]:
    """The compute types that a device knows, as CTranslate2 calls them."""
    import ctranslate2

    return frozenset(ctranslate2.get_supported_compute_types(device))


def ran_out(error: BaseException) -> bool:
    """Whether an exception of CTranslate2 means that memory ran out, of a GPU or of the machine."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "bad_alloc" in text or "cannot allocate" in text


def _loops(text: str) -> bool:
    raw = text.encode()
    return len(raw) > 40 and len(raw) / len(zlib.compress(raw)) > _LOOP_RATIO


def _weights(folder: Path) -> str:
    """Which weights these are, told without reading gigabytes."""
    facts = (folder / NEEDED[0]).stat()
    return f"{folder.resolve()}, {facts.st_size} bytes of {facts.st_mtime_ns}"
