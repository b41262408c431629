"""What goes through the shared folder, as values and as the JSON that they are there."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.far.runtime import Difference, Runtime
from proto import worker_pb2 as wire

#: Of these files; raised when their shape changes.
FORMAT = 1


class BadFile(Exception):
    """A file of the shared folder is not what it should be: damaged, or somebody else's."""


@dataclass(frozen=True)
class Item:
    """A file by its content."""

    path: str  #: relative to the home, with "/"
    sha256: str
    size: int  #: bytes


@dataclass(frozen=True)
class Submission:
    """What the agent is to do. Written before anybody is asked to start it."""

    home: str  #: UUID
    job: str
    attempt: int
    start: bytes  #: a serialised wire.Start; its paths are relative to the home
    inputs: tuple[Item, ...]
    keeps: tuple[str, ...]  #: folders, relative to the home, that are the attempt's result
    environment: Mapping[str, str]  #: of the worker; in a value, HOME stands for the home
    runtime: Runtime
    lease: float  #: seconds
    poll: float  #: seconds

    def to_json(self) -> bytes:
        values = asdict(self) | {"start": base64.b64encode(self.start).decode(), "format": FORMAT}
        return json.dumps(values, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Submission:
        """Raises BadFile."""
        try:
            values = _values(content)
            found = {name: values[name] for name in cls.__dataclass_fields__}
            found |= {
                "start": base64.b64decode(found["start"]),
                "inputs": _items(found["inputs"]),
                "keeps": tuple(found["keeps"]),
                "runtime": Runtime(**found["runtime"]),
            }
            return cls(**found)
        except (ValueError, KeyError, TypeError) as error:
            raise BadFile(f"submission: {error}") from error


class Ending(StrEnum):
    """How an attempt ended there."""

    SAID = "said"  #: the worker said how; see `reports`
    DIED = "died"  #: the worker died without a word
    REFUSED = "refused"  #: the programs there are not those here; see `differences`
    FAULT = "fault"  #: the agent could not do its part; see `sentence`


@dataclass(frozen=True)
class Result:
    """An attempt's manifest. Written last, when all that it names lies in the shared folder."""

    ending: Ending
    reports: tuple[bytes, ...] = ()  #: serialised wire.Reports: what is to be committed, then the end
    outputs: tuple[Item, ...] = ()
    differences: tuple[Difference, ...] = ()
    events: int = 0  #: number of the last that was published: all of them are read first
    code: int = 0  #: of the worker's exit, as `subprocess` has it
    sentence: str = ""
    node: str = ""  #: name of the machine

    def to_json(self) -> bytes:
        values = asdict(self) | {
            "reports": [base64.b64encode(one).decode() for one in self.reports],
            "format": FORMAT,
        }
        return json.dumps(values, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Result:
        """Raises BadFile."""
        try:
            values = _values(content)
            return cls(
                Ending(values["ending"]),
                tuple(base64.b64decode(one) for one in values["reports"]),
                _items(values["outputs"]),
                tuple(Difference(**one) for one in values["differences"]),
                int(values["events"]),
                int(values["code"]),
                str(values["sentence"]),
                str(values["node"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadFile(f"result: {error}") from error

    def said(self) -> list[wire.Report]:
        """`reports` as messages. Raises BadFile."""
        try:
            return [wire.Report.FromString(one) for one in self.reports]
        except Exception as error:  # protobuf's own
            raise BadFile(f"result: {error}") from error


@dataclass(frozen=True)
class Kept:
    """What an attempt that goes on has got done, for the one after it: as of its last checkpoint."""

    outputs: tuple[Item, ...] = field(default=())

    def to_json(self) -> bytes:
        return json.dumps({"outputs": [asdict(one) for one in self.outputs], "format": FORMAT}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Kept:
        """Raises BadFile."""
        try:
            return cls(_items(_values(content)["outputs"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadFile(f"kept: {error}") from error


def inside(root: Path, path: str, folders: Sequence[str] = ()) -> Path:
    """The place of a relative path below `root`, and in one of `folders` if there are any. Raises BadFile for one that
    leads elsewhere."""
    pure = PurePosixPath(path)
    wanted = not folders or any(pure.is_relative_to(folder) and path != folder for folder in folders)
    if not path or pure.is_absolute() or ".." in pure.parts or "\0" in path or not wanted:
        raise BadFile(f"the path {path[:200]!r} leads elsewhere")
    return root / pure


def _values(content: bytes) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(content)
    if values["format"] != FORMAT:
        raise ValueError(f"its format is {values['format']}, and this Myna reads {FORMAT}")
    return values


def _items(values: Sequence[Mapping[str, Any]]) -> tuple[Item, ...]:
    found = tuple(Item(str(one["path"]), str(one["sha256"]), int(one["size"])) for one in values)
    for one in found:
        if len(one.sha256) != 64 or set(one.sha256) - set("0123456789abcdef") or one.size < 0:
            raise ValueError(f"{one.path} has no SHA-256")
        inside(Path(), one.path)
    return found
