"""From one recording to its clips: what the dataset job calls.

A recording of engine length with text is one clip. A longer one, or one without text, is cut at pauses and heard; given text is shared
out among the pieces. Every stretch of speech becomes a clip, kept or dropped, always with the reason.

Levels: each recording is scaled as a whole so that its speech lies at −23 dB RMS (peaks below −1 dB); nothing is compressed, filtered or
de-noised. The quiet before and after the speech is trimmed to about 120 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engines.audio.decode import load_with_clipping
from engines.audio.flac import save_clip
from engines.cutting.align import disagreement, share_out
from engines.cutting.pauses import MARGIN, Piece, choose_pieces
from engines.cutting.quality import Quality, decibels, gain_for, snr_db
from engines.cutting.vad import SAMPLE_RATE, WINDOW, Span, speech_probability, speech_spans
from engines.cutting.verdict import Facts, Verdict, judge
from engines.transcription.base import Transcriber, Transcript

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.base import EngineInfo

#: Called now and then with (seconds done, seconds in all); may raise engines.errors.Cancelled.
Progress = Callable[[float, float], None]
_FADE = 0.005


@dataclass(frozen=True)
class CutClip:
    """One clip of a recording, kept or dropped."""

    start: float  #: seconds in the recording
    end: float
    text: str  #: empty if there is none
    kept: bool
    reason: str  #: a word of verdict.REASONS; "" for a kept clip
    sentence: str  #: the reason for people; "" for a kept clip
    text_source: Literal["given", "whisper", "pocketsphinx", ""]
    trust: Literal["given", "high", "low", ""]  #: of the text
    path: Path | None  #: the FLAC file (mono, 16 bits, engine's rate); None where there is nothing to hear
    sha256: str  #: of that file, hex; "" without one
    quality: Quality
    cer: float | None  #: share of letters by which the given text and what was heard differ; None if not compared
    heard: str  #: what the recogniser heard; "" if it was not asked

    @property
    def seconds(self) -> float:
        """Its length in the recording."""
        return self.end - self.start


def cut_recording(
    path: Path,
    text: str | None,
    language: str,
    engine_info: EngineInfo,
    transcriber: Transcriber | None,
    out_dir: Path,
    progress: Progress | None = None,
) -> list[CutClip]:
    """Cut a recording into clips for an engine and write them to `out_dir/ab/<sha256>.flac`.

    `text`: all that is said in it, or None. `transcriber`: of this language, or None if there is none. Returns the clips in order of
    time, at least one (a recording with nothing usable gives one dropped clip that says why). The same input gives the same clips.
    Raises BadInput if the file cannot be decoded, OSError if a clip cannot be written.
    """
    text = " ".join(text.split()) if text and text.strip() else None
    rate = engine_info.sample_rate
    samples, clipped_at = load_with_clipping(path, rate)
    hearing = samples if rate == SAMPLE_RATE else _resampled(samples, rate)
    seconds = len(hearing) / SAMPLE_RATE
    probability = speech_probability(hearing)
    speech = speech_spans(probability)
    recording = _Recording(samples, hearing, rate, clipped_at, _gain(hearing, samples, probability), language, engine_info)
    if not speech:
        return [recording.clip(Piece(0.0, seconds, 0.0), text or "", "given" if text else "", False, None, None, out_dir)]

    shortest, longest = engine_info.clip_seconds
    whole = Piece(max(0.0, speech[0].start - MARGIN), min(seconds, speech[-1].end + MARGIN), sum(span.seconds for span in speech))
    one_clip = text is not None and whole.end - whole.start <= longest
    pieces = [whole] if one_clip else choose_pieces(speech, hearing, shortest, longest)
    heard = _hear(pieces, hearing, transcriber, progress)
    shared = text is not None and len(pieces) > 1
    if text is None or len(pieces) == 1:
        texts = [text or (one.text if one else "") for one in heard]
        differ = [disagreement(text, one.text, language) if text and one else None for one in heard]
    elif transcriber is None:
        texts, differ = [""] * len(pieces), [None] * len(pieces)
    else:
        shares = share_out(text, [one.text if one else "" for one in heard], language)
        texts, differ = [share.text for share in shares], [share.cer for share in shares]
    source: Literal["given", "whisper", "pocketsphinx", ""] = "given" if text else _source(transcriber)
    return [
        recording.clip(piece, words, source if words else "", shared, one, cer, out_dir)
        for piece, words, one, cer in zip(pieces, texts, heard, differ, strict=True)
    ]


@dataclass(frozen=True)
class _Recording:
    """What all clips of one recording share."""

    samples: NDArray[np.float32]  #: at the engine's rate
    hearing: NDArray[np.float32]  #: at 16 kHz, for VAD and recogniser
    rate: int
    clipped_at: NDArray[np.float64]  #: times of clipped samples, seconds, one entry a sample of the file
    gain: float
    language: str
    engine: EngineInfo

    def clip(
        self,
        piece: Piece,
        text: str,
        source: Literal["given", "whisper", "pocketsphinx", ""],
        shared: bool,
        heard: Transcript | None,
        cer: float | None,
        out_dir: Path,
    ) -> CutClip:
        """Write the clip's file and judge it."""
        import numpy as np

        sound = self.samples[round(piece.start * self.rate) : round(piece.end * self.rate)] * np.float32(self.gain)
        quality = self._quality(sound, piece, text)
        verdict: Verdict = judge(
            Facts(
                seconds=len(sound) / self.rate,
                speech=piece.speech,
                too_long=piece.too_long,
                text=text,
                text_given=source == "given",
                text_shared=shared,
                heard=heard,
                cer=cer,
                quality=quality,
                silent=decibels(_power(sound) / max(self.gain, 1e-9) ** 2) < -66.0,
            ),
            self.engine.clip_seconds,
            self.language,
        )
        sha256, path = ("", None) if not np.any(sound) else save_clip(out_dir, _faded(sound, self.rate), self.rate)
        trust: Literal["given", "high", "low", ""] = "given" if source == "given" else heard.trust if heard and source else ""
        return CutClip(
            start=piece.start,
            end=piece.end,
            text=text,
            kept=verdict.kept,
            reason=verdict.reason,
            sentence=verdict.sentence,
            text_source=source,
            trust=trust,
            path=path,
            sha256=sha256,
            quality=quality,
            cer=cer,
            heard=heard.text if heard else "",
        )

    def _quality(self, sound: NDArray[np.float32], piece: Piece, text: str) -> Quality:
        import numpy as np

        inside = int(((self.clipped_at >= piece.start) & (self.clipped_at < piece.end)).sum())
        letters = sum(c.isalnum() for c in text)
        return Quality(
            rms_db=decibels(_power(sound)),
            peak=float(np.abs(sound).max(initial=0.0)),
            snr_db=snr_db(sound, self.rate),
            clipped_share=min(1.0, inside / max(len(sound), 1)),
            chars_per_second=letters / piece.speech if piece.speech > 0 else 0.0,
        )


def _hear(
    pieces: Sequence[Piece], hearing: NDArray[np.float32], transcriber: Transcriber | None, progress: Progress | None
) -> list[Transcript | None]:
    """What is said in each piece. Pieces go to the recogniser eight at a time, so that a batching one can batch them."""
    heard: list[Transcript | None] = []
    total = pieces[-1].end
    for start in range(0, len(pieces), 8):
        some = pieces[start : start + 8]
        if transcriber is None:
            heard += [None] * len(some)
        else:
            heard += transcriber.transcribe_many([hearing[round(p.start * SAMPLE_RATE) : round(p.end * SAMPLE_RATE)] for p in some])
        if progress is not None:
            progress(some[-1].end, total)
    return heard


def _gain(hearing: NDArray[np.float32], samples: NDArray[np.float32], probability: NDArray[np.float32]) -> float:
    """Of the whole recording, from the level of its speech."""
    import numpy as np

    power = np.mean(np.square(np.pad(hearing, (0, -len(hearing) % WINDOW)).reshape(-1, WINDOW), dtype=np.float64), axis=1)
    voiced = power[probability >= 0.5]
    return gain_for(float(voiced.mean()) if len(voiced) else 0.0, float(np.abs(samples).max(initial=0.0)))


def _power(sound: NDArray[np.float32]) -> float:
    import numpy as np

    return float(np.mean(np.square(sound, dtype=np.float64))) if len(sound) else 0.0


def _faded(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """The first and last 5 ms brought to zero, so that no clip begins with a click."""
    import numpy as np

    length = min(round(_FADE * rate), len(sound) // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    faded = sound.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def _resampled(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    import numpy as np
    import soxr

    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), dtype=np.float32)


def _source(transcriber: Transcriber | None) -> Literal["whisper", "pocketsphinx", ""]:
    if transcriber is None:
        return ""
    return "whisper" if transcriber.name == "whisper" else "pocketsphinx"


__all__ = ["CutClip", "Progress", "Span", "cut_recording"]
