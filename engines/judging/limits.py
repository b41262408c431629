"""The thresholds that clips are judged by: `[dataset]` in voice.toml, `myna datasets calibrate --set`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from engines.errors import BadInput
from engines.judging.reasons import Reason
from engines.separators import PUBLISHED
from engines.setting import Setting, checked, declared


@dataclass(frozen=True)
class Limits:
    """A voice's. docs/datasets.md tells how each was chosen."""

    too_short: Annotated[
        float, Setting("shorter clips are dropped; the engine's own shortest holds in any case", 0, 3_600, "seconds")
    ] = 0.0
    too_long: Annotated[
        float,
        Setting(
            "longer clips are dropped; the engine's own longest holds in any case; 0: that one", 0, 3_600, "seconds"
        ),
    ] = 0.0
    clipped: Annotated[float, Setting("share of samples at full scale from which a clip is dropped", 0, 1)] = 0.003
    noisy: Annotated[
        float, Setting("speech less than this far above the noise, in dB, is dropped; 0: none is", 0, 90)
    ] = 10.0
    music: Annotated[
        float,
        Setting("tones in the pauses louder than this, in dB beside the speech, are music; 100: none are", -90, 100),
    ] = -26.0
    overlap: Annotated[
        float,
        Setting(
            "a clip is dropped where two seem to speak at once in so much more of it than is usual of the voice, a "
            "share; 1: none is",
            0,
            1,
        ),
    ] = 1.0
    reverberant: Annotated[
        float, Setting("a longer estimate of the reverberation time is dropped; 0: none is", 0, 10, "seconds")
    ] = 0.48
    narrow_band: Annotated[
        float, Setting("speech without anything above this, in Hz, is dropped; 0: none is", 0, 24_000)
    ] = 5_000.0
    cut_off: Annotated[
        float,
        Setting(
            "a first or last 20 ms louder than this, in dB beside the speech, is a cut word; 100: none is", -90, 100
        ),
    ] = -6.0
    wrong_language: Annotated[
        float,
        Setting(
            "probability of the voice's language below which Whisper takes a clip for another language's, and it is "
            "dropped; 0: none is",
            0,
            1,
        ),
    ] = 0.1
    not_understood: Annotated[
        tuple[float, float],
        Setting("a text that a recogniser wrote must be surer than this: a strong one's, a weak one's", 0, 1),
    ] = (0.35, 0.40)
    recognisers_disagree: Annotated[
        float,
        Setting(
            "share of the words a strong recogniser wrote that a second one need not hear; above, it is dropped; "
            "1: none is",
            0,
            1,
        ),
    ] = 1.0
    disagree: Annotated[
        tuple[float, float],
        Setting(
            "share of letters by which text and what was heard may differ: heard by a strong one, a weak one", 0, 1
        ),
    ] = (0.25, 0.68)
    disagree_shared: Annotated[
        tuple[float, float], Setting("the same, where the text of a long recording was shared out", 0, 1)
    ] = (0.25, 0.62)
    duplicates: Annotated[bool, Setting("drop a sound that is there twice")] = True
    near_duplicate: Annotated[
        float, Setting("likeness of two clips' sounds from which, with the same text, one is dropped; 1: none is", 0, 1)
    ] = 0.95
    other_speaker: Annotated[
        float, Setting("speaker similarity to the voice below which a clip is dropped; 0: none is", 0, 1)
    ] = 0.75
    odd_pace: Annotated[
        float,
        Setting("interquartile ranges that seconds a letter may lie outside the voice's quartiles; 0: any", 0, 100),
    ] = 1.5
    compare_speakers: Annotated[
        bool, Setting("measure whose voice it is when recordings are cut; takes as long as all the rest")
    ] = True

    measure_dnsmos: Annotated[
        bool,
        Setting("measure DNSMOS of each clip when recordings are cut, to look at; takes twice as long as all the rest"),
    ] = False
    second_recogniser: Annotated[
        bool,
        Setting("lay what a strong recogniser wrote under the sound with a weak one (English), for the list to review"),
    ] = True
    denoise: Annotated[
        str,
        Setting(
            "take noise out of clips when recordings are cut; other than it was, they are cut again",
            choices=("off", "rnnoise"),
        ),
    ] = "off"

    separate: Annotated[
        str,
        Setting(
            "take music out of clips when recordings are cut, by a model that `myna engines fetch` brings; other than "
            "it was, they are cut again",
            choices=("off", *PUBLISHED),
        ),
    ] = "off"

    def __post_init__(self) -> None:
        checked(LIMITS, {field.name: getattr(self, field.name) for field in fields(self)}, "dataset")
        if 0 < self.too_long <= self.too_short:
            raise BadInput(
                f"too_short and too_long leave no clip: {self.too_short:g} and {self.too_long:g} s were given.",
                "Let too_long be the larger one.",
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """As voice.toml's table has them. Raises BadInput naming a key that is none, or what a value must be."""
        return cls(**checked(LIMITS, values, "dataset"))

    @classmethod
    def read(cls, values: Mapping[str, Any], texts: Mapping[str, str]) -> Limits:
        """The table's, with others that came as texts. Raises BadInput."""
        for name in texts:
            if name not in LIMITS:
                checked(LIMITS, {name: texts[name]}, "dataset")
        return cls.of({**values, **{name: LIMITS[name].read(name, text) for name, text in texts.items()}})


LIMITS = declared(Limits)
#: Which setting a reason follows.
SETTING_OF: dict[Reason, str] = {
    Reason.TOO_SHORT: "too_short",
    Reason.TOO_LONG: "too_long",
    Reason.CLIPPED: "clipped",
    Reason.NOISY: "noisy",
    Reason.MUSIC: "music",
    Reason.OVERLAP: "overlap",
    Reason.REVERBERANT: "reverberant",
    Reason.NARROW_BAND: "narrow_band",
    Reason.CUT_OFF: "cut_off",
    Reason.WRONG_LANGUAGE: "wrong_language",
    Reason.NOT_UNDERSTOOD: "not_understood",
    Reason.RECOGNISERS_DISAGREE: "recognisers_disagree",
    Reason.DISAGREE: "disagree",
    Reason.DUPLICATE: "duplicates",
    Reason.NEAR_DUPLICATE: "near_duplicate",
    Reason.OTHER_SPEAKER: "other_speaker",
    Reason.ODD_PACE: "odd_pace",
}
