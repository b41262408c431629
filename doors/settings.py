"""What the program is told when it is started. mynad's side (daemon/door_settings.py) has declared and checked it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: the variable in which it is told
VARIABLE = "MYNA_DOORS"


@dataclass(frozen=True)
class Http:
    """The HTTP door."""

    listen: str  #: "host:port"; port 0: one that is free
    token: str = ""  #: what callers must know; empty: nothing
    tls_cert: str = ""  #: files; empty: in the clear
    tls_key: str = ""
    voices: Mapping[str, str] = field(default_factory=dict)  #: other names of voices
    voices_without_key: bool = False
    origins: tuple[str, ...] = ()  #: web pages that may ask
    most_at_once: int = 200  #: requests at work or waiting
    requests_a_minute: int = 6_000  #: from one address; 0: any number


@dataclass(frozen=True)
class Wyoming:
    """The Wyoming door."""

    listen: str  #: "host:port" or "unix:PATH"
    voice: str = ""  #: who speaks where no voice is asked for; empty: the first of the language
    voices: Mapping[str, str] = field(default_factory=dict)  #: other names of voices


@dataclass(frozen=True)
class Doors:
    """Which doors to open, and to whose voices."""

    http: Http | None
    wyoming: Wyoming | None
    here: bool  #: to mynad of MYNA_HOME, whatever else the environment says; False: as MYNA_HOST and the others say


def read(text: str) -> Doors:
    """From what `VARIABLE` holds."""
    told: dict[str, Any] = json.loads(text)
    http, wyoming = told.get("http"), told.get("wyoming")
    if http is not None:
        http = Http(**{**http, "origins": tuple(http.get("origins", ()))})
    return Doors(http, Wyoming(**wyoming) if wyoming is not None else None, bool(told.get("here")))
