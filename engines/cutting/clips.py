"""From one recording to its clips: what the dataset job calls.

A recording of engine length with text is one clip. A longer one, or one without text, is cut at pauses and heard; given
text is laid under all of it before it is cut, or shared out among the pieces by what is heard in them. Every stretch of
speech becomes a clip, kept or dropped, always with the reason.

A recording is gone through three times, as a stream, so that memory hardly grows with its length: twice to survey it,
once to cut it; a fourth time where words are looked for before. A short one is decoded once, and kept.

Levels: each recording is scaled as a whole so that its speech lies at −23 dB RMS (peaks below −1 dB); nothing is
compressed or filtered, and noise is only taken out where that was asked for: of what is written, not of what is cut,
heard and judged. Music likewise, but what is heard is without it, too. The quiet before and after the speech is trimmed
to about 120 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engines.apart import in_a_copy
from engines.audio.cleaning import cleaner
from engines.audio.decode import Alive
from engines.audio.mono import Mono
from engines.audio.separation import Separate
from engines.cutting.align import disagreement, share_out
from engines.cutting.cued import Cue, cued_pieces
from engines.cutting.cutter import SURVEYED, Cut, Cutter, Progress
from engines.cutting.edges import checked
from engines.cutting.hearing import Hearing
from engines.cutting.kept import Kept
from engines.cutting.pauses import MARGIN, Piece, choose_pieces, parted, sounding
from engines.cutting.sounds import Preparing
from engines.cutting.survey import Survey, all_of, survey
from engines.cutting.vad import Span
from engines.cutting.worded import LONGEST_LAID, worded_pieces
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.sentences import say
from engines.judging.verdict import Facts, Heard, Verdict, judge
from engines.metrics.normalise import letters
from engines.transcription.alignment import Aligner
from engines.transcription.base import Transcriber, Transcript, Word

if TYPE_CHECKING:
    from engines.base import EngineInfo

#: Longest piece, seconds, unless the engine takes longer ones: a stretch without a pause, or without speech, becomes
#: several.
LONGEST_HELD = 60.0


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
    words: tuple[Word, ...]  #: of a given text that fits, else of what was heard, seconds of the clip; empty: untold
    facts: Facts  #: all that the verdict rests on
    voiceprint: bytes  #: its speaker, as `engines.judging.voice_clip.packed` has it; empty: not measured
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
    separate: Separate | None = None,
) -> list[CutClip]:
    """Cut a recording into clips for an engine and write them to `out_dir/ab/<sha256>.flac`.

    `text`: all that is said in it, or None; `cues`: the same with its times, where they are known. `transcriber`: of
    this language, or None if there is none. `aligner`: of this language, too; a text that it finds to fit its clip is
    not listened to by the transcriber. `second`: of this language; where there is no text, it says how much it does not
    hear of what the transcriber wrote. `limits`: what is dropped, whether speakers are compared and noise is taken out
    (None: neither, and the rest is as usual). `kept`: where what was heard is kept for the next call, should this one
    not come to its end. `separate`: makes what takes music out; None: it stays.

    Returns the clips in order of time, at least one (a recording with nothing usable gives one dropped clip that says
    why). The same input gives the same clips. Raises BadInput if the file cannot be decoded, OSError if a clip cannot
    be written.
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
    found = survey(recording, lambda seconds, total: on_progress(SURVEYED * seconds, total))
    layer = aligner or second
    pieces, said = _pieces(recording, found, text, engine_info, cues, language, layer, alive)
    given = said if said is not None else [text] if text is not None and len(pieces) == 1 and found.speech else None
    hearing = Hearing(transcriber, aligner, given, second if text is None else None, kept)
    pieces = checked(pieces, said, recording, found, hearing, layer, engine_info.clip_seconds, alive)
    clean = cleaner(limits.denoise, engine_info.sample_rate)
    preparing = Preparing(separate() if separate is not None else None, clean)
    cut = Cutter(recording, found, hearing, out_dir, on_progress, alive, limits, preparing).cut(pieces)
    heard = [one.heard for one in cut]
    texts, differ = _texts(text, said, heard, bool(found.speech), transcriber, language, alive)
    source: Literal["given", "whisper", "pocketsphinx", ""] = "given" if text else _source(transcriber)
    shared = text is not None and len(pieces) > 1
    return [
        _judged(one, words, source if words else "", shared, cer, language, engine_info, limits)
        for one, words, cer in zip(cut, texts, differ, strict=True)
    ]


def _pieces(
    recording: Mono,
    found: Survey,
    text: str | None,
    engine: EngineInfo,
    cues: Sequence[Cue],
    language: str,
    layer: Aligner | None,
    alive: Alive,
) -> tuple[list[Piece], list[str] | None]:
    """What a recording falls into, and the text of each piece where it is known before anybody listens."""
    pieces, said = _by_pauses(found, text, engine, cues)
    if text is None or said is not None or len(pieces) < 2 or layer is None:
        return pieces, said
    return _laid(recording, found, text, engine, language, layer, alive) or (pieces, None)


def _laid(
    recording: Mono,
    found: Survey,
    text: str,
    engine: EngineInfo,
    language: str,
    layer: Aligner,
    alive: Alive,
) -> tuple[list[Piece], list[str]] | None:
    """Pieces with their texts, by where the words of a given text lie in all of the recording; None: it is too long for
    that, or the text does not lie well."""
    if not found.speech or found.seconds > LONGEST_LAID:
        return None
    samples = all_of(recording)
    laid = in_a_copy(lambda: layer.align(samples, text), alive)  # its calls keep the interpreter to themselves
    told = worded_pieces(text, laid, language, found.speech, found.power, engine.clip_seconds) if laid else None
    return _held(told, engine.clip_seconds[1]) if told is not None else None


def _held(told: Sequence[tuple[Piece, str]], longest: float) -> tuple[list[Piece], list[str]]:
    """Pieces with their texts, none longer than can be held: of one that is, nobody knows which part has which
    words."""
    pieces, texts = list[Piece](), list[str]()
    for piece, words in told:
        parts = parted(piece, max(LONGEST_HELD, longest))
        pieces += parts
        texts += [words] if len(parts) == 1 else [""] * len(parts)
    return pieces, texts


def _by_pauses(
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
            return _held(cued_pieces(cues, speech, found.power, shortest, longest), longest)
        else:
            pieces = choose_pieces(speech, found.power, shortest, longest)
    return [part for piece in pieces for part in parted(piece, max(LONGEST_HELD, longest))], None


def _texts(
    text: str | None,
    said: list[str] | None,
    heard: Sequence[Transcript | None],
    speech: bool,
    transcriber: Transcriber | None,
    language: str,
    alive: Alive,
) -> tuple[list[str], list[float | None]]:
    """The text of each piece, and how far it differs from what was heard there (None: not compared). `said`: the
    texts, where they were known before."""
    if said is not None:
        differ = [disagreement(one, of.text, language) if of else None for one, of in zip(said, heard, strict=True)]
        return said, differ
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


def _judged(
    cut: Cut,
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
    unsure = _least_sure(heard)
    quality = replace(
        cut.quality,
        chars_per_second=letters(text, language) / piece.speech if piece.speech > 0 else 0.0,
        cer=cer,
        confidence=heard.confidence if heard else None,
        word_confidence=unsure.confidence if unsure else None,
        language_probability=heard.language_probability if heard else None,
    )
    facts = Facts(
        seconds=cut.seconds,
        speech=piece.speech,
        too_long=piece.too_long,
        text=text,
        text_given=source == "given",
        text_shared=shared,
        heard=Heard(heard.text, heard.trust, heard.confidence, heard.language, unsure.text if unsure else "")
        if heard
        else None,
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
        words=cut.words,
        facts=facts,
        voiceprint=cut.voiceprint,
        sketch=cut.sketch,
    )


def _least_sure(heard: Transcript | None) -> Word | None:
    """The word that a strong recogniser is least sure of; a weak one is sure of wrong words, too."""
    if heard is None or heard.trust != "high":
        return None
    return min(
        (word for word in heard.words if any(map(str.isalnum, word.text))),
        key=lambda word: word.confidence,
        default=None,
    )


def _source(transcriber: Transcriber | None) -> Literal["whisper", "pocketsphinx", ""]:
    if transcriber is None:
        return ""
    return "whisper" if transcriber.name == "whisper" else "pocketsphinx"


__all__ = ["CutClip", "Progress", "Span", "cut_recording"]
