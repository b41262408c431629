"""One pass over a recording that writes its pieces as they come by, measures them and has them heard. What becomes of
a piece then, clip or not, is `clips.py`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines.apart import in_a_thread
from engines.audio.cleaning import Cleaner
from engines.audio.decode import Alive
from engines.audio.flac import save_clip
from engines.audio.mono import Mono
from engines.cutting import measures, overlap
from engines.cutting.hearing import Hearing
from engines.cutting.kept import HeardPiece
from engines.cutting.measures import Bands, bandwidth, edge, loudness, rated, tonal, voiceprint
from engines.cutting.pauses import Piece
from engines.cutting.quality import decibels, mean_power, snr_db
from engines.cutting.stretch import CleanedStretch, Stretch, Times, faded
from engines.cutting.survey import Survey, stream
from engines.cutting.vad import SAMPLE_RATE
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.transcription.base import Transcript, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Called many times a second with (seconds done, seconds in all, 0 while unknown); may raise engines.errors.Cancelled.
Progress = Callable[[float, float], None]
#: Pieces that a recogniser gets at a time.
BATCH = 8
#: Share of the work, about, that is done when pieces are chosen.
SURVEYED = 0.3


@dataclass(frozen=True)
class Cut:
    """A piece that was written and heard; its text is not known yet."""

    piece: Piece
    seconds: float  #: length of its sound
    path: Path | None
    sha256: str
    quality: Quality  #: without its pace
    silent: bool
    heard: Transcript | None
    words: tuple[Word, ...]  #: see `HeardPiece.words`
    voiceprint: bytes
    sketch: bytes


class Cutter:
    """One pass over a recording that writes its pieces as they come by, and has them heard."""

    def __init__(
        self,
        recording: Mono,
        found: Survey,
        hearing: Hearing,
        out_dir: Path,
        on_progress: Progress,
        alive: Alive,
        limits: Limits,
        clean: Cleaner | None,
    ) -> None:
        """Of `limits`: whether speakers are compared, and DNSMOS is measured."""
        self._recording, self._found, self._hearing, self._out_dir = recording, found, hearing, out_dir
        self._on_progress, self._alive, self._clean = on_progress, alive, clean
        self._compare_speakers, self._rate = limits.compare_speakers, limits.measure_dnsmos
        self._written: list[Cut] = []  #: not heard yet
        self._to_hear: list[NDArray[np.float32]] = []
        self._done: list[Cut] = []

    def cut(self, pieces: Sequence[Piece]) -> list[Cut]:
        """`pieces`: in order of time, without overlaps."""
        import numpy as np

        speakers = self._compare_speakers and bool(self._found.speech)
        in_a_thread(partial(measures.load, speakers=speakers), self._alive)
        rate = self._recording.sample_rate
        sound, hearing, clipped = Stretch(rate), Stretch(SAMPLE_RATE), Times()
        cleaned = CleanedStretch(rate, self._clean, self._found.gain) if self._clean is not None else None
        streams = [sound, hearing, *([cleaned] if cleaned is not None else [])]
        waiting = iter(pieces)
        piece = next(waiting, None)

        def take(piece: Piece) -> None:
            raw, heard = (one.taken(piece.start, piece.end) for one in (sound, hearing))
            clean = cleaned.taken(piece.start, piece.end) if cleaned is not None else None
            self._take(piece, raw, clean, heard, clipped.taken(piece))

        for block in stream(self._recording):
            sound.add(block.samples)
            hearing.add(block.hearing)
            clipped.add(block.clipped)
            if cleaned is not None:
                cleaned.add(block.samples)
            while piece is not None and all(one.reaches(piece.end) for one in streams):
                take(piece)
                piece = next(waiting, None)
            # what lies before the next piece is not needed
            begin = piece.start if piece is not None else self._found.seconds
            for one in streams:
                one.forget(begin)
            clipped.forget(begin)
        if cleaned is not None:
            cleaned.add(np.zeros(0, np.float32), last=True)
        while piece is not None:  # the last ones may end a sample after the sound does
            take(piece)
            piece = next(waiting, None)
        self._hear()
        return self._done

    def _take(
        self,
        piece: Piece,
        sound: NDArray[np.float32],
        clean: NDArray[np.float32] | None,
        hearing: NDArray[np.float32],
        clipped: int,
    ) -> None:
        """Write a piece, cleaned if that was asked for, and measure it: its level as it is written, how it was recorded
        by its `sound`."""
        import numpy as np

        rate, gain = self._recording.sample_rate, self._found.gain
        sound = sound * np.float32(gain)
        written = clean * np.float32(gain) if clean is not None else sound
        power, bands, recorded_snr = mean_power(sound), Bands(hearing), snr_db(sound, rate)
        quality = Quality(
            rms_db=decibels(mean_power(written)),
            peak=float(np.abs(written).max(initial=0.0)),
            snr_db=recorded_snr,
            denoised_db=snr_db(written, rate) - recorded_snr if clean is not None else None,
            clipped_share=min(1.0, clipped / max(len(sound), 1)),
            chars_per_second=0.0,
            lufs=loudness(written, rate),
            silence_share=max(0.0, 1 - piece.speech / max(piece.end - piece.start, 1e-9)),
            bandwidth_hz=bandwidth(sound, rate),
            dc_offset=float(written.mean(dtype=np.float64)) if len(written) else None,
            rt60=bands.rt60(),
            edge_db=edge(sound, rate),
            overlap_share=overlap.share(hearing) if piece.speech > 0 else None,
            tonal_db=tonal(hearing, piece.end - piece.start - piece.speech),
            dnsmos=in_a_thread(partial(rated, hearing), self._alive) if self._rate and piece.speech > 0 else None,
            channels=self._recording.channels,
            channel=self._recording.channel,
        )
        sha256, path = ("", None) if not np.any(sound) else save_clip(self._out_dir, faded(written, rate), rate)
        silent = decibels(power / max(gain, 1e-9) ** 2) < -66.0
        speaker = voiceprint(hearing) if self._compare_speakers and piece.speech > 0 and not silent else b""
        seconds = len(written) / rate
        self._written.append(Cut(piece, seconds, path, sha256, quality, silent, None, (), speaker, bands.sketch()))
        self._to_hear.append(hearing)
        if len(self._written) == BATCH:
            self._hear()

    def _hear(self) -> None:
        """What is said in each of the last pieces: several go to the recogniser at a time, so that a batching one can
        batch them."""
        if not self._written:
            return
        total, end = self._found.seconds, self._written[-1].piece.end
        done = SURVEYED * total + (1 - SURVEYED) * end
        heard = [HeardPiece()] * len(self._written)
        if self._found.speech:
            heard = self._hearing.hear(len(self._done), self._to_hear, self._alive)
        for one, words in zip(self._written, heard, strict=True):
            quality = replace(one.quality, text_fit=words.fit, second_wer=words.second_wer)
            self._done.append(replace(one, heard=words.transcript, words=words.words, quality=quality))
        self._written, self._to_hear = [], []
        self._on_progress(done, total)
