"""What is measured of a clip, as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Quality:
    """Of one clip. None: it could not be measured, or was cut by a Myna that did not measure it yet."""

    rms_db: float  #: of the clip as written, dB of full scale; -120 for digital silence
    peak: float  #: of the clip as written, 1.0 is full scale
    snr_db: float  #: speech level above the noise level, an estimate; 90 at most
    clipped_share: float  #: of the recording's samples in this stretch, 0…1
    chars_per_second: float  #: letters a second of speech; 0 without text
    lufs: float | None = None  #: loudness by ITU-R BS.1770-4, LUFS; -70 at least
    silence_share: float | None = None  #: of its length that is no speech, 0…1
    bandwidth_hz: float | None = None  #: highest frequency at which its speech has anything
    dc_offset: float | None = None  #: mean of its samples, 1.0 is full scale
    rt60: float | None = None  #: how slowly its sounds die away: an estimate of the reverberation time, seconds
    edge_db: float | None = None  #: level of its first or last 20 ms, the louder, above that of its speech, dB
    tonal_db: float | None = None  #: level of what has a pitch where nobody speaks, above that of its speech, dB
    overlap_share: float | None = None  #: how much of it is spoken by two at once, an estimate, 0…1
    separated_db: float | None = None  #: by how much separating lowered what is beside its speech, dB; None: off
    denoised_db: float | None = None  #: by how much denoising lowered the noise below its speech, dB; None: off
    channels: float | None = None  #: of the recording
    channel: float | None = None  #: that was taken alone, since the others cancel it, counted from 0; None: the mean
    cer: float | None = None  #: share of letters by which the given text and what was heard differ
    text_fit: float | None = None  #: how well a given text lies under the sound, `Alignment.fit`; 0 is best
    second_wer: float | None = None  #: share of words a recogniser wrote that a second one does not hear
    confidence: float | None = None  #: of the recogniser in what it heard, 0…1
    word_confidence: float | None = None  #: of the word that a strong recogniser is least sure of, 0…1
    dnsmos: float | None = None  #: how good it sounds by DNSMOS, 1…5; None: not asked for
    language_probability: float | None = None  #: that it is in the voice's language, as Whisper hears it, 0…1

    @property
    def seconds_per_char(self) -> float | None:
        """Seconds of speech a letter; None without text."""
        return 1 / self.chars_per_second if self.chars_per_second > 0 else None

    @property
    def numbers(self) -> dict[str, float]:
        """By name, those that there are: as rows and the wire have them."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        found["seconds_per_char"] = self.seconds_per_char
        return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Quality:
        """From a row's numbers. What an older Myna did not measure is None, or 0."""
        known = {field.name: numbers.get(field.name) for field in fields(cls)}
        always = ("rms_db", "peak", "snr_db", "clipped_share", "chars_per_second")
        return cls(**{name: value or 0.0 if name in always else value for name, value in known.items()})  # type: ignore[arg-type]
