"""Tables of `myna.toml` in which a site says what holds for all of its voices: `[consent]` and `[speech]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engines.setting import Setting, checked, declared
from engines.watermarks import OFF, WATERMARKS


@dataclass(frozen=True)
class Consent:
    """Consent notes of voices (`daemon.state.consent_notes`)."""

    required: Annotated[
        bool,
        Setting("train, speak with and export only voices that have a consent note; datasets are made of all"),
    ] = False

    def __post_init__(self) -> None:
        checked(CONSENT, vars(self), "consent")


@dataclass(frozen=True)
class Speech:
    """What is spoken."""

    watermark: Annotated[
        str,
        Setting(
            "have every speech carry a watermark, which `myna watermark FILE` finds (docs/doors.md)", choices=WATERMARKS
        ),
    ] = OFF

    def __post_init__(self) -> None:
        checked(SPEECH, vars(self), "speech")


CONSENT, SPEECH = declared(Consent), declared(Speech)
