"""How doubtful it is that a clip is rightly kept, or rightly dropped, so that a person can review the worst first:
plain numbers in, reasons with weights out, all from what is stored. Nothing is heard again."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.speakers import FEWEST_SPOKEN
from engines.judging.verdict import Facts, Trust, Verdict, allowed_disagreement, least_confidence
from engines.judging.voice import FEWEST_HEARD, likenesses, pace_limits, usual_overlap
from engines.judging.voice_clip import Vector, VoiceClip

#: Doubt from which a clip is worth a person's time, and from which a sign against a kept one is.
DOUBTFUL, _WORTH_TELLING = 0.25, 0.1
#: A text's log likelihood a frame (`engines.transcription.alignment`): right ones lie above the first; above the
#: second nobody listens, unless a word of it or a silence is bad; at the third and below, it is surely another text.
_RIGHT_FIT, _FITS, _WRONG_FIT = -1.33, -2.0, -2.8
#: Share of letters by which what a strong recogniser hears differs from right texts; and of what a weak one hears, of a
#: voice of which it heard too few clips to know.
_HEARD_WELL, _HEARD_WEAKLY = 0.05, 0.4
#: Confidence above the least that is asked for, from which a recogniser's text is not doubted: a weak one is sure of
#: wrong words, too.
_SURE: dict[Trust, float] = {"high": 0.25, "low": 0.5}
#: Confidence of Whisper in one word below which it is doubted, and at which it wholly is. Not measured: real weights
#: were not at hand. Names and first words of right texts are known to lie about the first.
_UNSURE_WORD, _GUESSED_WORD = 0.3, 0.05
#: Share of the words a strong recogniser wrote that a second one does not hear (`Alignment.word_errors`): of right
#: texts by four flite voices at most 0.09, in the median 0.18 with one word replaced and 1 with another text.
_HEARD_TWICE, _HEARD_ONCE = 0.09, 0.35
#: Probability of the voice's language below which a clip is doubted; wholly at the limit. Whisper is unsure of short
#: clips.
_OTHER_TONGUE = 0.5
#: Interquartile ranges below the lower quartile at which a likeness begins to be an outlier, and at which it surely is;
#: and the narrowest range: a voice may be more even than that.
_OUTLIER, _FAR, _EVENEST = 1.5, 3.0, 0.02
#: Share of a clip in which two seem to speak at once, above what is usual of the voice, from which it is doubted, and
#: from which it wholly is.
OVERLAPPED = (0.1, 0.3)
#: Part of the range allowed for the pace from which a pace is doubted.
_PACE_FROM = 2 / 3


class Doubt(StrEnum):
    """Why a clip is doubted, as the wire has it. What a limit is about is called as the reason to drop for it."""

    POOR_FIT = "poor-fit"  #: the text lies badly under the sound
    WORD_FIT = "word-fit"  #: the text lies well, but for a word of it
    NO_FIT = "no-fit"  #: the text could not be laid under the sound at all
    DISAGREE = "disagree"
    NOT_UNDERSTOOD = "not-understood"
    UNSURE_WORD = "unsure-word"  #: the recogniser that wrote the text guessed a word of it
    RECOGNISERS_DISAGREE = "recognisers-disagree"
    WRONG_LANGUAGE = "wrong-language"
    OTHER_SPEAKER = "other-speaker"
    ODD_PACE = "odd-pace"
    CLIPPED = "clipped"
    NOISY = "noisy"
    MUSIC = "music"
    OVERLAP = "overlap"
    REVERBERANT = "reverberant"
    NARROW_BAND = "narrow-band"
    CUT_OFF = "cut-off"


#: What the whole of a doubt counts: a wrong text harms a training more than some noise.
WEIGHTS = {
    Doubt.POOR_FIT: 1.0,
    Doubt.WORD_FIT: 0.5,
    Doubt.NO_FIT: 0.7,
    Doubt.DISAGREE: 0.9,
    Doubt.NOT_UNDERSTOOD: 0.8,
    Doubt.UNSURE_WORD: 0.5,
    Doubt.RECOGNISERS_DISAGREE: 0.9,
    Doubt.WRONG_LANGUAGE: 0.8,
    Doubt.OTHER_SPEAKER: 0.8,
    Doubt.ODD_PACE: 0.6,
    Doubt.CLIPPED: 0.4,
    Doubt.NOISY: 0.4,
    Doubt.MUSIC: 0.4,
    Doubt.OVERLAP: 0.6,
    Doubt.REVERBERANT: 0.4,
    Doubt.NARROW_BAND: 0.4,
    Doubt.CUT_OFF: 0.5,
}
#: What a clip that was dropped as narrowly as can be counts.
_DROPPED = 0.6
#: How near to its limit a measure must be to be doubted, in its unit; or as a part of the limit. Where a limit is not
#: here (silence, length, the same sound twice), what it drops is beyond doubt.
_NEAR = {
    Reason.NOISY: 3.0,
    Reason.MUSIC: 3.0,
    Reason.OVERLAP: 0.06,
    Reason.REVERBERANT: 0.06,
    Reason.NARROW_BAND: 750.0,
    Reason.CUT_OFF: 4.0,
    Reason.DISAGREE: 0.15,
    Reason.NOT_UNDERSTOOD: 0.15,
    Reason.RECOGNISERS_DISAGREE: 0.15,
    Reason.WRONG_LANGUAGE: 0.1,
    Reason.OTHER_SPEAKER: 0.05,
}
_NEAR_PART = {Reason.CLIPPED: 0.5, Reason.ODD_PACE: 0.15}


@dataclass(frozen=True)
class Sign:
    """One thing that speaks against a clip's being kept, or against its having been dropped."""

    doubt: Doubt
    weight: float  #: 0…1
    measured: float | None = None  #: the number that it rests on; None: there is none
    limit: float | None = None  #: the one that it comes near to, or is beyond
    word: str = ""  #: the word that it is about; empty: the clip as a whole


@dataclass(frozen=True)
class Usual:
    """What a voice's clips are like: outliers are told by it. None: there are too few to tell."""

    likeness: dict[int, float]  #: to the voice, by the clip's id
    likeness_from: float | None  #: the lowest likeness that is no outlier, …
    likeness_range: float  #: … and how far below it one is beyond doubt
    pace: tuple[float, float] | None  #: (fastest, slowest) seconds a letter that are not doubted, and …
    pace_limits: tuple[float, float] | None  #: … that are not dropped
    overlap: float  #: share of a clip that the detector of overlapping speech takes for two where nobody else speaks
    weak_cer: float  #: median share of letters by which a weak recogniser is wrong
    aligned: bool  #: given texts were laid under the sound


def usual(
    kept: Sequence[VoiceClip], every: Sequence[VoiceClip], limits: Limits, own: Vector | None, *, aligned: bool
) -> Usual:
    """What is usual of the kept clips of a voice; likenesses are of every one to its own speaker (None: not known)."""
    errors = [clip.cer for clip in kept if clip.cer is not None]
    found = likenesses(every, own)
    lowest, room = None, _EVENEST
    if len(alike := [found[clip.id] for clip in kept if clip.id in found]) >= FEWEST_SPOKEN:
        low, _, high = statistics.quantiles(alike, n=4, method="inclusive")
        width = max(high - low, _EVENEST)
        lowest, room = low - _OUTLIER * width, (_FAR - _OUTLIER) * width
    ranges = limits.odd_pace or Limits().odd_pace
    return Usual(
        likeness=found,
        likeness_from=lowest,
        likeness_range=room,
        pace=pace_limits(kept, _PACE_FROM * ranges),
        pace_limits=pace_limits(kept, ranges),
        overlap=usual_overlap(kept),
        weak_cer=statistics.median(errors) if len(errors) >= FEWEST_HEARD else _HEARD_WEAKLY,
        aligned=aligned,
    )


def of_kept(clip: VoiceClip, facts: Facts, voice: Usual, limits: Limits) -> list[Sign]:
    """What speaks against a kept clip, the gravest first."""
    found = [*_text(facts, voice, limits), *_beside(clip, voice), *_sound(facts, limits)]
    return sorted((sign for sign in found if sign.weight >= _WORTH_TELLING), key=lambda sign: -sign.weight)


def of_dropped(verdicts: Sequence[Verdict]) -> list[Sign]:
    """What speaks against a clip's having been dropped: all that is wrong with it is wrong narrowly. Else nothing."""
    near = [(verdict, nearness(verdict)) for verdict in verdicts]
    if not near or any(part <= 0 for _, part in near):
        return []
    rightly = min(part for _, part in near)
    return [
        Sign(Doubt(verdict.reason.value), _DROPPED * rightly, verdict.measured, verdict.limit)
        for verdict, _ in near
        if verdict.reason is not None
    ]


def total(signs: Sequence[Sign]) -> float:
    """How doubtful a clip is, 0…1, as though each sign were a chance of its own."""
    return 1 - math.prod(1 - sign.weight for sign in signs)


def nearness(verdict: Verdict) -> float:
    """How near a measure is to the limit, on either side of it: 1 at the limit, 0 where there is no doubt."""
    reason, measured, limit = verdict.reason, verdict.measured, verdict.limit
    if reason is None or measured is None or limit is None:
        return 0.0
    near = _NEAR[reason] if reason in _NEAR else _NEAR_PART.get(reason, 0.0) * abs(limit)
    if reason is Reason.DISAGREE and limit > 1:  # letters a second, not a share of letters
        near = _NEAR_PART[Reason.ODD_PACE] * limit
    return max(0.0, 1 - abs(measured - limit) / near) if near > 0 else 0.0


def _text(facts: Facts, voice: Usual, limits: Limits) -> Iterator[Sign]:
    heard, cer, fit = facts.heard, facts.cer, facts.quality.text_fit
    if limits.wrong_language < _OTHER_TONGUE and (spoken := facts.quality.language_probability) is not None:
        part = _ramp(-spoken, -_OTHER_TONGUE, -limits.wrong_language)
        yield _sign(Doubt.WRONG_LANGUAGE, part, spoken, limits.wrong_language)
    if not facts.text_given:
        if heard is not None:
            least = least_confidence(heard.trust, limits)
            part = _ramp(heard.confidence, least + _SURE[heard.trust], least)
            yield _sign(Doubt.NOT_UNDERSTOOD, part, heard.confidence, least)
            if (sure := facts.quality.word_confidence) is not None:
                part = _ramp(-sure, -_UNSURE_WORD, -_GUESSED_WORD)
                yield replace(_sign(Doubt.UNSURE_WORD, part, sure, _UNSURE_WORD), word=heard.least_sure)
        if (second := facts.quality.second_wer) is not None:
            part = _ramp(second, _HEARD_TWICE, _HEARD_ONCE)
            yield _sign(Doubt.RECOGNISERS_DISAGREE, part, second, _HEARD_TWICE)
        return
    if heard is None or heard.trust == "low":  # what a strong recogniser heard tells more than how a text lies
        if fit is not None:
            yield _sign(Doubt.POOR_FIT, _ramp(fit, _RIGHT_FIT, _WRONG_FIT), fit, _RIGHT_FIT)
            if heard is not None and fit >= _FITS:  # somebody listened all the same
                yield _sign(Doubt.WORD_FIT, 1.0)
        elif heard is not None and voice.aligned and not facts.text_shared:
            yield _sign(Doubt.NO_FIT, 1.0)
    if heard is not None and cer is not None:
        right = _HEARD_WELL if heard.trust == "high" else voice.weak_cer
        allowed = allowed_disagreement(heard.trust, limits, shared=facts.text_shared)
        yield _sign(Doubt.DISAGREE, _ramp(cer, right, max(allowed, right + 0.1)), cer, allowed)


def _beside(clip: VoiceClip, voice: Usual) -> Iterator[Sign]:
    likeness = voice.likeness.get(clip.id)
    if likeness is not None and voice.likeness_from is not None:
        part = _ramp(likeness, voice.likeness_from, voice.likeness_from - voice.likeness_range)
        yield _sign(Doubt.OTHER_SPEAKER, part, likeness, voice.likeness_from)
    pace = clip.seconds_per_char
    if pace and voice.pace is not None and voice.pace_limits is not None:
        side = 0 if pace < voice.pace[0] else 1
        part = _ramp(math.log(pace), math.log(voice.pace[side]), math.log(voice.pace_limits[side]))
        yield _sign(Doubt.ODD_PACE, part, pace, voice.pace_limits[side])
    if (share := clip.overlap) is not None:  # doubted whether it is dropped for it or not
        none, whole = (voice.overlap + edge for edge in OVERLAPPED)
        yield _sign(Doubt.OVERLAP, _ramp(share, none, whole), share, none)


def _sound(facts: Facts, limits: Limits) -> Iterator[Sign]:
    quality = facts.quality
    near = (
        Verdict(Reason.CLIPPED, quality.clipped_share, limits.clipped),
        Verdict(Reason.NOISY, quality.snr_db, limits.noisy or None),
        Verdict(Reason.MUSIC, quality.tonal_db, limits.music if limits.music < 100 else None),
        Verdict(Reason.REVERBERANT, quality.rt60, limits.reverberant or None),
        Verdict(Reason.NARROW_BAND, quality.bandwidth_hz, limits.narrow_band or None),
        Verdict(Reason.CUT_OFF, quality.edge_db, limits.cut_off if limits.cut_off < 100 else None),
    )
    for verdict in near:
        if verdict.reason is not None:
            yield _sign(Doubt(verdict.reason.value), nearness(verdict), verdict.measured, verdict.limit)


def _sign(doubt: Doubt, part: float, measured: float | None = None, limit: float | None = None) -> Sign:
    return Sign(doubt, WEIGHTS[doubt] * part, measured, limit)


def _ramp(value: float, none: float, whole: float) -> float:
    """0 up to `none`, 1 from `whole` on, whichever of them is the greater."""
    return min(1.0, max(0.0, (value - none) / (whole - none)))
