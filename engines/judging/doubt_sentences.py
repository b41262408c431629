"""Doubts in words, for people."""

from __future__ import annotations

from engines.judging.doubt import Doubt, Sign

#: Of a kept clip, for lists.
_TITLES = {
    Doubt.POOR_FIT: "text hardly fits",
    Doubt.WORD_FIT: "a word hardly fits",
    Doubt.NO_FIT: "text does not fit",
    Doubt.DISAGREE: "heard otherwise",
    Doubt.NOT_UNDERSTOOD: "hardly understood",
    Doubt.UNSURE_WORD: "a word is a guess",
    Doubt.RECOGNISERS_DISAGREE: "heard in two ways",
    Doubt.WRONG_LANGUAGE: "another language?",
    Doubt.OTHER_SPEAKER: "sounds like another",
    Doubt.ODD_PACE: "odd pace",
    Doubt.CLIPPED: "almost clipped",
    Doubt.NOISY: "almost too noisy",
    Doubt.MUSIC: "almost music",
    Doubt.OVERLAP: "two at once?",
    Doubt.REVERBERANT: "almost reverberant",
    Doubt.NARROW_BAND: "almost narrow-band",
    Doubt.CUT_OFF: "almost cut off",
}


def title(sign: Sign, *, kept: bool) -> str:
    """In a few words; what a clip was dropped for is told with it."""
    return _TITLES[sign.doubt] if kept else "dropped narrowly"


def say_doubt(sign: Sign, *, kept: bool) -> str:
    """In a sentence, with what was measured."""
    measured, limit = sign.measured or 0.0, sign.limit or 0.0
    if not kept:
        return f"It was dropped narrowly ({sign.doubt}): {_number(sign.doubt, measured)}, the limit is " + (
            f"{_number(sign.doubt, limit)}."
        )
    match sign.doubt:
        case Doubt.POOR_FIT:
            return f"Its text hardly fits the sound: {measured:.1f}, right texts are above {limit:.1f}."
        case Doubt.WORD_FIT:
            return "A word of its text hardly fits the sound, or there is sound without a word."
        case Doubt.NO_FIT:
            return "Its text does not fit the sound: words may be wrong, missing, or unknown."
        case Doubt.DISAGREE:
            return f"Text and what was heard differ in {measured:.0%} of the letters; up to {limit:.0%} is kept."
        case Doubt.NOT_UNDERSTOOD:
            return f"The recogniser was {measured:.0%} sure of its text; from {limit:.0%} on it is kept."
        case Doubt.UNSURE_WORD:
            which = f"“{sign.word}”" if sign.word else "one word"
            return f"The recogniser was only {measured:.0%} sure of {which}; below {limit:.0%} it may be a guess."
        case Doubt.RECOGNISERS_DISAGREE:
            return f"A second recogniser does not hear {measured:.0%} of its words; of right texts at most {limit:.0%}."
        case Doubt.WRONG_LANGUAGE:
            return (
                f"It is in the voice's language with a probability of {measured:.0%}; from {limit:.0%} on it is kept."
            )
        case Doubt.OTHER_SPEAKER:
            return f"It is {measured:.2f} alike to the voice; its other clips are above {limit:.2f}."
        case Doubt.OVERLAP:
            return f"Somebody else seems to speak at the same time, in {measured:.0%} of it."
        case Doubt.ODD_PACE:
            return f"It is oddly spoken for its text: {measured:.3f} s a letter, near the limit of {limit:.3f} s."
        case _:
            return f"It is near a limit ({sign.doubt}): {_number(sign.doubt, measured)}, the limit is " + (
                f"{_number(sign.doubt, limit)}."
            )


def _number(doubt: Doubt, value: float) -> str:
    match doubt:
        case Doubt.NOISY | Doubt.MUSIC | Doubt.CUT_OFF:
            return f"{value:.1f} dB"
        case Doubt.REVERBERANT:
            return f"{value:.2f} s"
        case Doubt.NARROW_BAND:
            return f"{value:,.0f} Hz"
        case Doubt.CLIPPED:
            return f"{value:.2%}"
        case Doubt.ODD_PACE:
            return f"{value:.3f} s a letter"
        case Doubt.DISAGREE if value > 1:
            return f"{value:.1f} letters a second"
        case Doubt.DISAGREE | Doubt.NOT_UNDERSTOOD | Doubt.RECOGNISERS_DISAGREE | Doubt.OVERLAP | Doubt.WRONG_LANGUAGE:
            return f"{value:.0%}"
        case _:
            return f"{value:.2f}"
