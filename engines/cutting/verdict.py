"""Keep a clip or drop it, and say why."""

from __future__ import annotations

from dataclasses import dataclass

from engines.cutting.quality import Quality
from engines.transcription.base import Transcript

#: Every reason a clip can be dropped for, and what it means, for lists and counts.
REASONS: dict[str, str] = {
    "silent": "nothing to hear",
    "no-speech": "sound, but no speech",
    "too-short": "too short for the engine",
    "too-long": "too long, and no pause to cut at",
    "clipped": "the recording is clipped there",
    "noisy": "the noise is almost as loud as the speech",
    "no-text": "no text, and no recogniser that could write it",
    "not-understood": "the recogniser heard no words it is sure of",
    "not-followed": "the recogniser does not follow this speaker: most of the recording, or of "
    "the voice, was not understood",
    "disagree": "text and speech disagree",
}
#: Share of samples at full scale from which distortion is plain to hear.
_CLIPPED = 0.003
#: Speech less than this far above the noise, dB as quality.snr_db estimates it (some 3 dB more than mixed).
_NOISY = 10.0
#: Letters a second of speech that people can say, by kind of script: slow reading of long vowels … the fastest
#: speakers.
_PACE, _PACE_SYLLABIC = (2.0, 35.0), (0.7, 14.0)
_SYLLABIC = ("zh", "ja", "ko")
#: Share of differing letters from which given text and speech disagree, by the recogniser's trust. Measured with
#: PocketSphinx on two voices it knows well: right texts up to 0.21, wrong ones from 0.72. On a voice it hardly
#: understands right texts reach 0.75, so there …
_DISAGREE = {"high": 0.25, "low": 0.68}
#: … its word is only taken where it is sure of what it heard (its confidence was from 0.48 on the first, up to 0.49 on
#: most of the last).
_SURE = {"high": 0.0, "low": 0.5}
#: A share of a longer text rests on what was heard, so it is dropped sooner.
_DISAGREE_SHARED = {"high": 0.25, "low": 0.62}
#: A text written by a recogniser that was less sure than this is not kept, by trust.
_UNSURE = {"high": 0.35, "low": 0.40}


@dataclass(frozen=True)
class Facts:
    """All that a verdict rests on."""

    seconds: float  #: length of the clip
    speech: float  #: seconds of speech in it
    too_long: bool  #: longer than the engine takes, and without a pause
    text: str
    text_given: bool  #: by a person; else by a recogniser
    text_shared: bool  #: it is a share of a longer given text
    heard: Transcript | None
    cer: float | None  #: given text against what was heard, share of letters
    quality: Quality
    silent: bool


@dataclass(frozen=True)
class Verdict:
    """Kept, or dropped with a reason (key of REASONS) and a sentence for people."""

    kept: bool
    reason: str = ""
    sentence: str = ""


def judge(facts: Facts, clip_seconds: tuple[float, float], language: str) -> Verdict:
    """The first thing wrong with a clip, gravest first; kept if there is none. `clip_seconds`: (shortest, longest) the
    engine takes."""
    shortest, longest = clip_seconds
    if facts.silent:
        return _dropped("silent", "It is silent.")
    if facts.speech <= 0:
        return _dropped("no-speech", "There is sound in it, but no speech.")
    if facts.seconds < shortest - 1e-6:
        return _dropped("too-short", f"It is {facts.seconds:.1f} s long; this engine needs at least {shortest:g} s.")
    if facts.too_long or facts.seconds > longest + 1e-6:
        return _dropped(
            "too-long",
            f"It is {facts.seconds:.1f} s long without a pause to cut at; this engine takes at most {longest:g} s.",
        )
    if facts.quality.clipped_share > _CLIPPED:
        return _dropped("clipped", f"It is clipped: {facts.quality.clipped_share:.1%} of it is cut off at full scale.")
    if facts.quality.snr_db < _NOISY:
        return _dropped("noisy", f"The speech is only {facts.quality.snr_db:.0f} dB louder than the noise.")
    return _judge_text(facts, language)


def _judge_text(facts: Facts, language: str) -> Verdict:
    if not any(c.isalnum() for c in facts.text):
        if facts.heard is None and facts.text_shared:
            how = (
                "no recogniser here knows its language, so it cannot be told which words of the long "
                "recording's text are said in it"
            )
            return _dropped("no-text", f"Cut the recording and its text into shorter ones: {how}.")
        if facts.heard is None:
            return _dropped("no-text", "It has no text, and no recogniser here knows its language.")
        if facts.cer is not None:  # the given text was shared out, and none of it fell here
            return _dropped("disagree", f"The given text has no words for it; “{_short(facts.heard.text)}” was heard.")
        return _dropped("not-understood", "No words were understood in it.")
    slow, fast = _PACE_SYLLABIC if language in _SYLLABIC else _PACE
    if not slow <= facts.quality.chars_per_second <= fast:
        how = "short" if facts.quality.chars_per_second < slow else "long"
        return _dropped(
            "disagree",
            f"Its text is too {how} for {facts.speech:.1f} s of speech "
            f"({facts.quality.chars_per_second:.1f} letters a second).",
        )
    if (
        facts.text_given
        and facts.heard is not None
        and facts.cer is not None
        and _disagrees(facts, facts.heard, facts.cer)
    ):
        return _dropped(
            "disagree",
            f"Text and speech differ in {facts.cer:.0%} of the letters; “{_short(facts.heard.text)}” was heard.",
        )
    if not facts.text_given and facts.heard is not None and facts.heard.confidence < _UNSURE[facts.heard.trust]:
        return _dropped(
            "not-understood",
            f"The recogniser is not sure enough of “{_short(facts.text)}” ({facts.heard.confidence:.0%}).",
        )
    return Verdict(kept=True)


def _disagrees(facts: Facts, heard: Transcript, cer: float) -> bool:
    if facts.text_shared:
        return cer > _DISAGREE_SHARED[heard.trust]
    return cer > _DISAGREE[heard.trust] and heard.confidence >= _SURE[heard.trust]


def _dropped(reason: str, sentence: str) -> Verdict:
    return Verdict(kept=False, reason=reason, sentence=sentence)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57].rstrip() + "…"
