"""One pass over a recording that writes its pieces as they come by, measures them and has them heard. What becomes of
a piece then, clip or not, is `clips.py`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines.apart import in_a_thread
from engines.audio.decode import Alive
from engines.audio.flac import save_clip
from engines.audio.mono import Mono
from engines.cutting import measures, overlap
from engines.cutting.hearing import Hearing
from engines.cutting.kept import HeardPiece
from engines.cutting.measures import Bands, bandwidth, edge, loudness, rated, tonal, voiceprint
from engines.cutting.pauses import Piece
from engines.cutting.quality import decibels, mean_power, snr_db
from engines.cutting.sounds import Preparing, Sound, Sounds
from engines.cutting.stretch import Times, faded
from engines.cutting.survey import Survey, stream
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
        preparing: Preparing,
    ) -> None:
        """Of `limits`: whether speakers are compared, and DNSMOS is measured."""
        self._recording, self._found, self._hearing, self._out_dir = recording, found, hearing, out_dir
        self._on_progress, self._alive, self._preparing = on_progress, alive, preparing
        self._compare_speakers, self._rate = limits.compare_speakers, limits.measure_dnsmos
        self._written: list[Cut] = []  #: not heard yet
        self._to_hear: list[NDArray[np.float32]] = []
        self._with_music: list[NDArray[np.float32]] = []  #: the same before it is taken out; none where it stays
        self._done: list[Cut] = []

    def cut(self, pieces: Sequence[Piece]) -> list[Cut]:
        """`pieces`: in order of time, without overlaps."""
        speakers = self._compare_speakers and bool(self._found.speech)
        in_a_thread(partial(measures.load, speakers=speakers), self._alive)
        sounds, clipped = Sounds(self._recording.sample_rate, self._preparing, self._found.gain, self._alive), Times()
        waiting = iter(pieces)
        piece = next(waiting, None)

        for block in stream(self._recording):
            sounds.add(block)
            clipped.add(block.clipped)
            while piece is not None and sounds.reaches(piece.end):
                self._take(piece, sounds.taken(piece), clipped.taken(piece))
                piece = next(waiting, None)
            # what lies before the next piece is not needed
            begin = piece.start if piece is not None else self._found.seconds
            sounds.forget(begin)
            clipped.forget(begin)
        sounds.end()
        while piece is not None:  # the last ones may end a sample after the sound does
            self._take(piece, sounds.taken(piece), clipped.taken(piece))
            piece = next(waiting, None)
        self._hear()
        return self._done

    def _take(self, piece: Piece, sound: Sound, clipped: int) -> None:
        """Write a piece, without its music and noise if that was asked for, and measure it: its level as it is written,
        how it was recorded by how it was, and whether it holds music, and whose voice it is, by how it is heard."""
        import numpy as np

        rate, gain = self._recording.sample_rate, np.float32(self._found.gain)
        recorded, written, heard = sound.recorded * gain, sound.written * gain, sound.heard
        voice = recorded if sound.separated is None else sound.separated * gain
        recorded_snr, bands = snr_db(recorded, rate), Bands(heard)
        voice_snr = recorded_snr if sound.separated is None else snr_db(voice, rate)
        quality = Quality(
            rms_db=decibels(mean_power(written)),
            peak=float(np.abs(written).max(initial=0.0)),
            snr_db=recorded_snr,
            separated_db=voice_snr - recorded_snr if sound.separated is not None else None,
            denoised_db=snr_db(written, rate) - voice_snr if sound.denoised is not None else None,
            clipped_share=min(1.0, clipped / max(len(recorded), 1)),
            chars_per_second=0.0,
            lufs=loudness(written, rate),
            silence_share=max(0.0, 1 - piece.speech / max(piece.end - piece.start, 1e-9)),
            bandwidth_hz=bandwidth(recorded, rate),
            dc_offset=float(written.mean(dtype=np.float64)) if len(written) else None,
            rt60=bands.rt60(),
            edge_db=edge(recorded, rate),
            overlap_share=overlap.share(heard) if piece.speech > 0 else None,
            tonal_db=tonal(heard, piece.end - piece.start - piece.speech),
            dnsmos=in_a_thread(partial(rated, heard), self._alive) if self._rate and piece.speech > 0 else None,
            channels=self._recording.channels,
            channel=self._recording.channel,
        )
        sha256, path = ("", None) if not np.any(voice) else save_clip(self._out_dir, faded(written, rate), rate)
        silent = decibels(mean_power(voice) / max(self._found.gain, 1e-9) ** 2) < -66.0
        speaker = voiceprint(heard) if self._compare_speakers and piece.speech > 0 and not silent else b""
        seconds = len(written) / rate
        self._written.append(Cut(piece, seconds, path, sha256, quality, silent, None, (), speaker, bands.sketch()))
        self._to_hear.append(heard)
        if sound.separated is not None:
            self._with_music.append(recorded)
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
            heard = self._hearing.hear(len(self._done), self._to_hear, self._alive, self._with_music)
        for one, words in zip(self._written, heard, strict=True):
            quality = replace(one.quality, text_fit=words.fit, second_wer=words.second_wer)
            self._done.append(replace(one, heard=words.transcript, words=words.words, quality=quality))
        self._written, self._to_hear, self._with_music = [], [], []
        self._on_progress(done, total)
