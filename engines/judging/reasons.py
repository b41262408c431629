"""Why a clip is not kept."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """As rows and the wire have it."""

    SILENT = "silent"
    NO_SPEECH = "no-speech"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    CLIPPED = "clipped"
    NOISY = "noisy"
    MUSIC = "music"
    OVERLAP = "overlap"
    REVERBERANT = "reverberant"
    NARROW_BAND = "narrow-band"
    CUT_OFF = "cut-off"
    WRONG_LANGUAGE = "wrong-language"
    NO_TEXT = "no-text"
    NOT_UNDERSTOOD = "not-understood"
    RECOGNISERS_DISAGREE = "recognisers-disagree"
    NOT_FOLLOWED = "not-followed"
    DISAGREE = "disagree"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    OTHER_SPEAKER = "other-speaker"
    ODD_PACE = "odd-pace"


#: What each means, for lists and counts.
REASONS: dict[Reason, str] = {
    Reason.SILENT: "nothing to hear",
    Reason.NO_SPEECH: "sound, but no speech",
    Reason.TOO_SHORT: "too short for the engine",
    Reason.TOO_LONG: "too long, and no pause to cut at",
    Reason.CLIPPED: "the recording is clipped there",
    Reason.NOISY: "the noise is almost as loud as the speech",
    Reason.MUSIC: "music, or another tone, goes on where nobody speaks",
    Reason.OVERLAP: "somebody else speaks at the same time",
    Reason.REVERBERANT: "its sounds die away too slowly: a room speaks along",
    Reason.NARROW_BAND: "its high frequencies are missing, as on a telephone",
    Reason.CUT_OFF: "it begins or ends in the middle of a sound",
    Reason.WRONG_LANGUAGE: "spoken in another language than the voice's",
    Reason.NO_TEXT: "no text, and no recogniser that could write it",
    Reason.NOT_UNDERSTOOD: "the recogniser heard no words it is sure of",
    Reason.RECOGNISERS_DISAGREE: "a second recogniser does not hear the words that the first one wrote",
    Reason.NOT_FOLLOWED: "the recogniser does not follow this speaker: most of the recording, or of "
    "the voice, was not understood",
    Reason.DISAGREE: "text and speech disagree",
    Reason.DUPLICATE: "the same sound as another clip",
    Reason.NEAR_DUPLICATE: "the same text and nearly the same sound as another clip",
    Reason.OTHER_SPEAKER: "another speaker than the voice's",
    Reason.ODD_PACE: "spoken much slower or faster, for its text, than the rest of the voice",
}
