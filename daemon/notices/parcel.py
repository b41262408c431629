"""What mynad hands to the program that sends (`daemon.notice_sender`), and what it says: lines of JSON over a socket of
their own, for a URL has secrets in it, and arguments and environments can be read by others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    REFUSED = "refused"  #: it is certain that nothing arrived, or that the service does not want it
    IN_DOUBT = "in doubt"  #: it was begun, and nobody said that it arrived
    UNTOLD = "untold"  #: the program that sends ended before it said: the next one reads what it wrote down
    UNFIT = "unfit"  #: the URL cannot be used as it is


@dataclass(frozen=True)
class _Line:
    """One line of JSON."""

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Raises ValueError or TypeError for what is none."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Parcel(_Line):
    """A message, and where it goes. Without a `key` it is not sent: only the URL is looked at."""

    url: str = field(repr=False)
    key: str = ""  #: the same when it comes again
    title: str = ""
    body: str = ""
    level: str = "info"  #: as Apprise calls it: "info", "success", "warning", "failure"
    notices: list[dict[str, Any]] = field(default_factory=list)  #: as values, for who can read them (plain JSON)
    sample: str = ""  #: file of speech that goes along where the service takes files; empty: none
    again: bool = True  #: send it also if it may have arrived before
    test: bool = False  #: a person looks: it is sent once, and nothing is written down
    known: bool = False  #: it may have been handed over before, by this mynad or by one that was killed


@dataclass(frozen=True)
class Answer(_Line):
    """What became of a parcel."""

    outcome: Outcome
    said: str = ""  #: the service's answer, or why there is none; nothing secret
    service: str = ""  #: as Apprise calls it
    shown_url: str = ""  #: without what may be secret
    takes_files: bool = False

    @classmethod
    def read(cls, line: bytes) -> Self:
        values = json.loads(line)
        return cls(**{**values, "outcome": Outcome(values["outcome"])})
