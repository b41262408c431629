"""From one recording to its clips: what the dataset job calls.

A recording of engine length with text is one clip. A longer one, or one without text, is cut at pauses and heard; given
text is shared out among the pieces. Every stretch of speech becomes a clip, kept or dropped, always with the reason.

A recording is gone through three times, as a stream, so that memory hardly grows with its length: twice to survey it,
once to cut it. A short one is decoded once, and kept.

Levels: each recording is scaled as a whole so that its speech lies at −23 dB RMS (peaks below −1 dB); nothing is
compressed or filtered, and noise is only taken out where that was asked for: of what is written, not of what is cut,
heard and judged. The quiet before and after the speech is trimmed to about 120 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engines.apart import in_a_copy, in_a_thread
from engines.audio.cleaning import Cleaner, cleaner
from engines.audio.decode import Alive
from engines.audio.flac import save_clip
from engines.audio.mono import Mono
from engines.cutting import measures, overlap
from engines.cutting.align import disagreement, share_out
from engines.cutting.cued import Cue, cued_pieces
from engines.cutting.hearing import Hearing
from engines.cutting.kept import HeardPiece, Kept
from engines.cutting.measures import Bands, bandwidth, edge, loudness, tonal, voiceprint
from engines.cutting.pauses import MARGIN, Piece, choose_pieces, parted, sounding
from engines.cutting.quality import decibels, mean_power, snr_db
from engines.cutting.stretch import CleanedStretch, Stretch, Times, faded
from engines.cutting.survey import Survey, stream, survey
from engines.cutting.vad import SAMPLE_RATE, Span
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.sentences import say
from engines.judging.verdict import Facts, Heard, Verdict, judge
from engines.metrics.normalise import letters
from engines.transcription.alignment import Aligner
from engines.transcription.base import Transcriber, Transcript

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engines.base import EngineInfo

#: Called many times a second with (seconds done, seconds in all, 0 while unknown); may raise engines.errors.Cancelled.
Progress = Callable[[float, float], None]
#: Longest piece, seconds, unless the engine takes longer ones: a stretch without a pause, or without speech, becomes
#: several.
LONGEST_HELD = 60.0
#: Pieces that a recogniser gets at a time.
BATCH = 8
#: Share of the work, about, that is done when pieces are chosen.
_SURVEYED = 0.3


@dataclass(frozen=True)
class CutClip:
    """One clip of a recording, kept or dropped."""

    start: float  #: seconds in the recording
    end: float
    text: str  #: empty if there is none
    verdict: Verdict  #: of the clip by itself
    text_source: Literal["given", "whisper", "pocketsphinx", ""]
    trust: Literal["given", "high", "low", ""]  #: of the text
    path: Path | None  #: the FLAC file (mono, 16 bits, engine's rate); None where there is nothing to hear
    sha256: str  #: of that file, hex; "" without one
    quality: Quality
    cer: float | None  #: share of letters by which the given text and what was heard differ; None if not compared
    heard: str  #: what the recogniser heard; "" if it was not asked
    facts: Facts  #: all that the verdict rests on
    voiceprint: bytes  #: its speaker, as `engines.judging.voice.packed` has it; empty: not measured
    sketch: bytes  #: its sound, as `engines.cutting.measures.Bands.sketch` draws it

    @property
    def kept(self) -> bool:
        """Whether it is good by itself."""
        return self.verdict.kept

    @property
    def reason(self) -> str:
        """A word of `engines.judging.reasons`; empty for a kept clip."""
        return self.verdict.reason or ""

    @property
    def sentence(self) -> str:
        """The reason for people; empty for a kept clip."""
        return say(self.verdict, self.facts)

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
    *,
    aligner: Aligner | None = None,
    limits: Limits | None = None,
    cues: Sequence[Cue] = (),
    second: Aligner | None = None,
    kept: Kept | None = None,
) -> list[CutClip]:
    """Cut a recording into clips for an engine and write them to `out_dir/ab/<sha256>.flac`.

    `text`: all that is said in it, or None; `cues`: the same with its times, where they are known. `transcriber`: of
    this language, or None if there is none. `aligner`: of this language, too; a text that it finds to fit its clip is
    not listened to by the transcriber. `second`: of this language; where there is no text, it says how much it does not
    hear of what the transcriber wrote. `limits`: what is dropped, whether speakers are compared and noise is taken out
    (None: neither, and the rest is as usual). `kept`: where what was heard is kept for the next call, should this one
    not come to its end. Returns the clips in order of time, at least one (a recording with nothing usable gives one
    dropped clip that says why). The same input gives the same clips. Raises BadInput if the file cannot be decoded,
    OSError if a clip cannot be written.
    """
    text = " ".join(text.split()) if text and text.strip() else None
    report_progress = progress or (lambda done, total: None)
    limits = limits or Limits(compare_speakers=False)
    where = [0.0, 0.0]  # what progress was told last

    def on_progress(done: float, total: float) -> None:
        where[:] = done, total
        report_progress(done, total)

    def alive() -> None:
        report_progress(*where)

    recording = Mono(path, engine_info.sample_rate, alive=alive)
    found = survey(recording, lambda seconds, total: on_progress(_SURVEYED * seconds, total))
    pieces, said = _pieces(found, text, engine_info, cues)
    given = said if said is not None else [text] if text is not None and len(pieces) == 1 and found.speech else None
    hearing = Hearing(transcriber, aligner, given, second if text is None else None, kept)
    clean = cleaner(limits.denoise, engine_info.sample_rate)
    cut = _Cutter(recording, found, hearing, out_dir, on_progress, alive, limits.compare_speakers, clean).cut(pieces)
    heard = [one.heard for one in cut]
    if said is not None:
        texts, differ = (
            said,
            [disagreement(one, of.text, language) if of else None for one, of in zip(said, heard, strict=True)],
        )
    else:
        texts, differ = _texts(text, heard, bool(found.speech), transcriber, language, alive)
    source: Literal["given", "whisper", "pocketsphinx", ""] = "given" if text else _source(transcriber)
    shared = text is not None and len(pieces) > 1
    return [
        _judged(one, words, source if words else "", shared, cer, language, engine_info, limits)
        for one, words, cer in zip(cut, texts, differ, strict=True)
    ]


def _pieces(
    found: Survey, text: str | None, engine: EngineInfo, cues: Sequence[Cue]
) -> tuple[list[Piece], list[str] | None]:
    """What a recording falls into, and the text of each piece where times tell it. Without speech it is a piece all the
    same, or several: none is longer than can be held."""
    shortest, longest = engine.clip_seconds
    speech = found.speech
    if not speech:
        pieces = [Piece(0.0, found.seconds, 0.0)]
    else:
        whole = sounding(Span(speech[0].start, speech[-1].end), found.power, 0.0, found.seconds)
        begin, end = max(0.0, whole.start - MARGIN), min(found.seconds, whole.end + MARGIN)
        if text is not None and end - begin <= longest:
            pieces = [Piece(begin, end, sum(span.seconds for span in speech))]
        elif text is not None and cues:
            told = cued_pieces(cues, speech, found.power, shortest, longest)
            parts = [(part, words) for piece, words in told for part in parted(piece, max(LONGEST_HELD, longest))]
            return [part for part, _ in parts], [words for _, words in parts]
        else:
            pieces = choose_pieces(speech, found.power, shortest, longest)
    return [part for piece in pieces for part in parted(piece, max(LONGEST_HELD, longest))], None


def _texts(
    text: str | None,
    heard: Sequence[Transcript | None],
    speech: bool,
    transcriber: Transcriber | None,
    language: str,
    alive: Alive,
) -> tuple[list[str], list[float | None]]:
    """The text of each piece, and how far it differs from what was heard there (None: not compared)."""
    if not speech:
        return [text or "" if len(heard) == 1 else ""] * len(heard), [None] * len(heard)
    if text is None or len(heard) == 1:
        texts = [text or (one.text if one else "") for one in heard]
        return texts, [disagreement(text, one.text, language) if text and one else None for one in heard]
    if transcriber is None:
        return [""] * len(heard), [None] * len(heard)
    words = [one.text if one else "" for one in heard]
    shares = in_a_copy(lambda: share_out(text, words, language), alive)  # half a minute for twelve hours
    return [share.text for share in shares], [share.cer for share in shares]


@dataclass(frozen=True)
class _Cut:
    """A piece that was written and heard; its text is not known yet."""

    piece: Piece
    seconds: float  #: length of its sound
    path: Path | None
    sha256: str
    quality: Quality  #: without its pace
    silent: bool
    heard: Transcript | None
    voiceprint: bytes
    sketch: bytes


class _Cutter:
    """One pass over a recording that writes its pieces as they come by, and has them heard."""

    def __init__(
        self,
        recording: Mono,
        found: Survey,
        hearing: Hearing,
        out_dir: Path,
        on_progress: Progress,
        alive: Alive,
        compare_speakers: bool,
        clean: Cleaner | None,
    ) -> None:
        self._recording, self._found, self._hearing, self._out_dir = recording, found, hearing, out_dir
        self._on_progress, self._alive, self._compare_speakers = on_progress, alive, compare_speakers
        self._clean = clean
        self._written: list[_Cut] = []  #: not heard yet
        self._to_hear: list[NDArray[np.float32]] = []
        self._done: list[_Cut] = []

    def cut(self, pieces: Sequence[Piece]) -> list[_Cut]:
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
            channels=self._recording.channels,
            channel=self._recording.channel,
        )
        sha256, path = ("", None) if not np.any(sound) else save_clip(self._out_dir, faded(written, rate), rate)
        silent = decibels(power / max(gain, 1e-9) ** 2) < -66.0
        speaker = voiceprint(hearing) if self._compare_speakers and piece.speech > 0 and not silent else b""
        seconds = len(written) / rate
        self._written.append(_Cut(piece, seconds, path, sha256, quality, silent, None, speaker, bands.sketch()))
        self._to_hear.append(hearing)
        if len(self._written) == BATCH:
            self._hear()

    def _hear(self) -> None:
        """What is said in each of the last pieces: several go to the recogniser at a time, so that a batching one can
        batch them."""
        if not self._written:
            return
        total, end = self._found.seconds, self._written[-1].piece.end
        done = _SURVEYED * total + (1 - _SURVEYED) * end
        heard = [HeardPiece()] * len(self._written)
        if self._found.speech:
            heard = self._hearing.hear(len(self._done), self._to_hear, self._alive)
        for one, words in zip(self._written, heard, strict=True):
            quality = replace(one.quality, text_fit=words.fit, second_wer=words.second_wer)
            self._done.append(replace(one, heard=words.transcript, quality=quality))
        self._written, self._to_hear = [], []
        self._on_progress(done, total)


def _judged(
    cut: _Cut,
    text: str,
    source: Literal["given", "whisper", "pocketsphinx", ""],
    shared: bool,
    cer: float | None,
    language: str,
    engine: EngineInfo,
    limits: Limits,
) -> CutClip:
    """The clip, kept or dropped."""
    piece, heard = cut.piece, cut.heard
    quality = replace(
        cut.quality,
        chars_per_second=letters(text, language) / piece.speech if piece.speech > 0 else 0.0,
        cer=cer,
        confidence=heard.confidence if heard else None,
    )
    facts = Facts(
        seconds=cut.seconds,
        speech=piece.speech,
        too_long=piece.too_long,
        text=text,
        text_given=source == "given",
        text_shared=shared,
        heard=Heard(heard.text, heard.trust, heard.confidence) if heard else None,
        cer=cer,
        quality=quality,
        silent=cut.silent,
    )
    return CutClip(
        start=piece.start,
        end=piece.end,
        text=text,
        verdict=judge(facts, engine.clip_seconds, language, limits),
        text_source=source,
        trust="given" if source == "given" else heard.trust if heard and source else "",
        path=cut.path,
        sha256=cut.sha256,
        quality=quality,
        cer=cer,
        heard=heard.text if heard else "",
        facts=facts,
        voiceprint=cut.voiceprint,
        sketch=cut.sketch,
    )


def _source(transcriber: Transcriber | None) -> Literal["whisper", "pocketsphinx", ""]:
    if transcriber is None:
        return ""
    return "whisper" if transcriber.name == "whisper" else "pocketsphinx"


__all__ = ["CutClip", "Progress", "Span", "cut_recording"]
