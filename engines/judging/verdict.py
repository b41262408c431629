"""Keep a clip or drop it, from what is known of it alone. What rests on others: `engines.judging.voice`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.reasons import Reason

Trust = Literal["high", "low"]
#: Letters a second of speech that people can say, by kind of script: slow reading of long vowels … the fastest
#: speakers.
_PACE, _PACE_SYLLABIC = (2.0, 35.0), (0.7, 14.0)
_SYLLABIC = ("zh", "ja", "ko")
#: Of a recogniser that is trusted little, a word is only taken where it is sure of what it heard: its confidence was
#: from 0.48 on voices it knows, up to 0.49 on most of one it hardly understands.
_SURE = {"high": 0.0, "low": 0.5}
_STRENGTHS = ("high", "low")  #: order of a setting's two numbers


@dataclass(frozen=True)
class Heard:
    """What a recogniser heard in a clip."""

    text: str
    trust: Trust
    confidence: float  #: 0…1
    language: str = ""  #: the likeliest one; empty: it was not told
    least_sure: str = ""  #: the word that it is least sure of; empty: it told none


@dataclass(frozen=True)
class Facts:
    """All that a verdict rests on."""

    seconds: float  #: length of the clip
    speech: float  #: seconds of speech in it
    too_long: bool  #: longer than the engine takes, and without a pause
    text: str
    text_given: bool  #: by a person; else by a recogniser
    text_shared: bool  #: it is a share of a longer given text
    heard: Heard | None
    cer: float | None  #: given text against what was heard, share of letters
    quality: Quality
    silent: bool

    @property
    def weak_cer(self) -> float | None:
        """How far a whole given text differs from what a weak recogniser heard, 0 where it fits so well that nobody
        listened; None: not so compared."""
        if not self.text_given or self.text_shared:
            return None
        if self.heard is None:
            return 0.0 if self.quality.text_fit is not None else None
        return self.cer if self.heard.trust == "low" else None


@dataclass(frozen=True)
class Verdict:
    """Kept, or dropped for a reason. Its sentence: `engines.judging.sentences.say`."""

    reason: Reason | None = None  #: None: kept
    measured: float | None = None  #: the number that decided; None where none did
    limit: float | None = None  #: the one it was held against

    @property
    def kept(self) -> bool:
        return self.reason is None


KEPT = Verdict()


def judge(facts: Facts, clip_seconds: tuple[float, float], language: str, limits: Limits) -> Verdict:
    """The first thing wrong with a clip, gravest first; kept if there is none. `clip_seconds`: (shortest, longest) the
    engine takes."""
    return next(broken(facts, clip_seconds, language, limits), KEPT)


def broken(facts: Facts, clip_seconds: tuple[float, float], language: str, limits: Limits) -> Iterator[Verdict]:
    """All that is wrong with a clip, gravest first."""
    if facts.silent:
        yield Verdict(Reason.SILENT)
    elif facts.speech <= 0:
        yield Verdict(Reason.NO_SPEECH)
    else:
        yield from _length(facts, clip_seconds, limits)
        yield from _sound(facts.quality, limits)
        yield from _text(facts, language, limits)


def allowed_disagreement(trust: Trust, limits: Limits, *, shared: bool) -> float:
    """Share of letters by which a given text, or a share of one, may differ from what was heard."""
    return (limits.disagree_shared if shared else limits.disagree)[_STRENGTHS.index(trust)]


def least_confidence(trust: Trust, limits: Limits) -> float:
    """How sure a recogniser of that trust must be of a text that it wrote, 0…1."""
    return limits.not_understood[_STRENGTHS.index(trust)]


def _length(facts: Facts, clip_seconds: tuple[float, float], limits: Limits) -> Iterator[Verdict]:
    shortest = max(clip_seconds[0], limits.too_short)
    longest = min(clip_seconds[1], limits.too_long or clip_seconds[1])
    if facts.seconds < shortest - 1e-6:
        yield Verdict(Reason.TOO_SHORT, facts.seconds, shortest)
    if facts.too_long or facts.seconds > longest + 1e-6:
        yield Verdict(Reason.TOO_LONG, facts.seconds, longest)


def _sound(quality: Quality, limits: Limits) -> Iterator[Verdict]:
    if quality.clipped_share > limits.clipped:
        yield Verdict(Reason.CLIPPED, quality.clipped_share, limits.clipped)
    if quality.snr_db < limits.noisy:
        yield Verdict(Reason.NOISY, quality.snr_db, limits.noisy)
    if quality.tonal_db is not None and quality.tonal_db > limits.music:
        yield Verdict(Reason.MUSIC, quality.tonal_db, limits.music)
    if limits.reverberant and quality.rt60 is not None and quality.rt60 > limits.reverberant:
        yield Verdict(Reason.REVERBERANT, quality.rt60, limits.reverberant)
    if quality.bandwidth_hz is not None and quality.bandwidth_hz < limits.narrow_band:
        yield Verdict(Reason.NARROW_BAND, quality.bandwidth_hz, limits.narrow_band)
    if quality.edge_db is not None and quality.edge_db > limits.cut_off:
        yield Verdict(Reason.CUT_OFF, quality.edge_db, limits.cut_off)


def _text(facts: Facts, language: str, limits: Limits) -> Iterator[Verdict]:
    heard, cer, spoken = facts.heard, facts.cer, facts.quality.language_probability
    if spoken is not None and spoken < limits.wrong_language:
        yield Verdict(Reason.WRONG_LANGUAGE, spoken, limits.wrong_language)
    if not any(c.isalnum() for c in facts.text):
        if heard is None:
            yield Verdict(Reason.NO_TEXT)
        else:  # with a comparison: the given text was shared out, and none of it fell here
            yield Verdict(Reason.DISAGREE if cer is not None else Reason.NOT_UNDERSTOOD)
        return
    slow, fast = _PACE_SYLLABIC if language in _SYLLABIC else _PACE
    pace = facts.quality.chars_per_second
    if not slow <= pace <= fast:
        yield Verdict(Reason.DISAGREE, pace, slow if pace < slow else fast)
    elif facts.text_given and heard is not None and cer is not None:
        allowed = allowed_disagreement(heard.trust, limits, shared=facts.text_shared)
        if cer > allowed and (facts.text_shared or heard.confidence >= _SURE[heard.trust]):
            yield Verdict(Reason.DISAGREE, cer, allowed)
    if not facts.text_given and heard is not None:
        least = least_confidence(heard.trust, limits)
        if heard.confidence < least:
            yield Verdict(Reason.NOT_UNDERSTOOD, heard.confidence, least)
        second = facts.quality.second_wer
        if second is not None and second > limits.recognisers_disagree:
            yield Verdict(Reason.RECOGNISERS_DISAGREE, second, limits.recognisers_disagree)
