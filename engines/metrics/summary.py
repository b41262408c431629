"""The numbers that a version is judged by. Plain values, no heavy imports: the gate, reports and the database read
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Summary:
    """Means over the held-out lines of one version (or of the recordings themselves). None: not measured."""

    lines: int  #: held-out lines that were spoken and scored
    failed: int = 0  #: lines that could not be spoken or scored
    held_out_loss: float | None = None  #: the engine's own loss on held-out clips
    wer: float | None = None  #: word error rate over all lines together, 0 is perfect
    cer: float | None = None  #: character error rate over all lines together
    similarity: float | None = None  #: cosine of speaker embeddings to the voice's recordings, 1 is the same
    dnsmos: float | None = None  #: overall quality, 1…5 (DNSMOS P.835 OVRL)
    duration_ratio: float | None = None  #: spoken length / recorded length; geometric mean, 1 is the same pace
    pause_share: float | None = None  #: |share of a line that is pauses − its recording's own|, mean
    f0_semitones: float | None = None  #: |median pitch − the recordings' median pitch|, semitones
    f0_spread: float | None = None  #: |spread of the pitch − the recordings' own|, semitones
    recogniser: str = ""  #: what heard the words: "pocketsphinx", "whisper", or empty
    trust: str = ""  #: how far its word errors can be believed: "high" or "low"

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, for JSON."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Summary:
        """The inverse of to_json; unknown keys, from a newer Myna, are passed over."""
        return Summary(**{key: value for key, value in values.items() if key in Summary.__dataclass_fields__})
