"""A verdict in a sentence, for people."""

from __future__ import annotations

from engines.judging.reasons import Reason
from engines.judging.verdict import Facts, Verdict


def say(verdict: Verdict, facts: Facts) -> str:
    """Why a clip is dropped, with what was measured and what is allowed; empty for a kept one."""
    if verdict.reason is None:
        return ""
    if verdict.reason in _FIXED:
        return _FIXED[verdict.reason]
    if verdict.reason is Reason.NO_TEXT:
        return _no_text(facts)
    if verdict.reason is Reason.DISAGREE:
        return _disagree(verdict, facts)
    if verdict.reason is Reason.WRONG_LANGUAGE:
        return _language(verdict, facts)
    if verdict.reason is Reason.NOT_UNDERSTOOD:
        if verdict.measured is None:
            return "No words were understood in it."
        return f"The recogniser is not sure enough of “{_short(facts.text)}” ({verdict.measured:.0%})."
    return _numbers(verdict.reason, verdict.measured or 0.0, verdict.limit or 0.0)


_FIXED = {
    Reason.SILENT: "It is silent.",
    Reason.NO_SPEECH: "There is sound in it, but no speech.",
    Reason.DUPLICATE: "Another clip of this voice is the same sound.",
}


def _numbers(reason: Reason, measured: float, limit: float) -> str:
    match reason:
        case Reason.TOO_SHORT:
            return f"It is {measured:.1f} s long; at least {limit:g} s are needed."
        case Reason.TOO_LONG:
            return f"It is {measured:.1f} s long without a pause to cut at; at most {limit:g} s are taken."
        case Reason.CLIPPED:
            return f"It is clipped: {measured:.1%} of it is cut off at full scale, where {limit:.1%} are allowed."
        case Reason.NOISY:
            return f"The speech is only {measured:.0f} dB louder than the noise; at least {limit:g} dB are wanted."
        case Reason.MUSIC:
            return (
                f"Music or another tone goes on in its pauses: {measured:+.0f} dB beside its speech, where {limit:+g} "
                "dB are allowed."
            )
        case Reason.OVERLAP:
            return f"Somebody else speaks at the same time in {measured:.0%} of it; up to {limit:.0%} is allowed."
        case Reason.REVERBERANT:
            return f"It reverberates for {measured:.2f} s; {limit:g} s are allowed. Move nearer to the microphone."
        case Reason.NARROW_BAND:
            return f"It has nothing above {measured:,.0f} Hz, as on a telephone; at least {limit:,.0f} Hz are wanted."
        case Reason.CUT_OFF:
            return (
                f"It begins or ends in the middle of a sound: {measured:+.0f} dB beside its speech, where {limit:+g} "
                "dB are allowed."
            )
        case Reason.RECOGNISERS_DISAGREE:
            return f"A second recogniser does not hear {measured:.0%} of its words; {limit:.0%} are allowed."
        case Reason.NEAR_DUPLICATE:
            return f"Another clip has the same text and nearly the same sound ({measured:.3f} alike, from {limit:g})."
        case Reason.OTHER_SPEAKER:
            return (
                f"Another speaker: it is only {measured:.2f} alike to the voice's own, and {limit:.2f} are wanted, or "
                "as much as to anybody else."
            )
        case _:
            how = "slowly" if measured > limit else "fast"
            return (
                f"It is spoken oddly {how} for its text: {measured:.3f} s a letter, where {limit:.3f} s is the limit."
            )


def _language(verdict: Verdict, facts: Facts) -> str:
    likeliest = f"; it is most likely “{facts.heard.language}”" if facts.heard and facts.heard.language else ""
    return (
        f"It is spoken in another language: that it is in the voice's has a probability of "
        f"{verdict.measured or 0.0:.0%}, where {verdict.limit or 0.0:.0%} are wanted{likeliest}."
    )


def _no_text(facts: Facts) -> str:
    if facts.text_shared:
        how = (
            "no recogniser here knows its language, so it cannot be told which words of the long "
            "recording's text are said in it"
        )
        return f"Cut the recording and its text into shorter ones: {how}."
    return "It waits for a text: it has none, and no recogniser here knows its language."


def _disagree(verdict: Verdict, facts: Facts) -> str:
    heard = _short(facts.heard.text) if facts.heard is not None else ""
    if verdict.measured is None:
        return f"The given text has no words for it; “{heard}” was heard."
    pace = facts.quality.chars_per_second
    if verdict.measured == pace:
        how = "short" if verdict.limit is not None and pace < verdict.limit else "long"
        return f"Its text is too {how} for {facts.speech:.1f} s of speech ({pace:.1f} letters a second)."
    return f"Text and speech differ in {verdict.measured:.0%} of the letters; “{heard}” was heard."


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57].rstrip() + "…"
