"""Tables of `myna.toml` in which a site says what holds for all of its voices: `[consent]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engines.setting import Setting, checked, declared


@dataclass(frozen=True)
class Consent:
    """Consent notes of voices (`daemon.state.consent_notes`)."""

    required: Annotated[
        bool,
        Setting("train, speak with and export only voices that have a consent note; datasets are made of all"),
    ] = False

    def __post_init__(self) -> None:
        checked(CONSENT, vars(self), "consent")


CONSENT = declared(Consent)
