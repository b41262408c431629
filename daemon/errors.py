"""Errors of the daemon that a person sees: one plain sentence and what to do. Services turn them into gRPC status
codes."""

from __future__ import annotations

import re

from proto import myna_pb2 as pb

#: characters of one word, and of each end of a text, that people are shown: what somebody sent does not come back whole
SHOWN = 200
_LONG = re.compile(rf"\S{{{SHOWN + 1},}}")


def brief(text: str) -> str:
    """The text, without the middle where it is long. All that people read of what others wrote goes through here:
    errors (gRPC carries some 8 kB of one), titles, notices."""
    text = _LONG.sub(lambda word: f"{word[0][: SHOWN // 2]}…{word[0][-SHOWN // 2 + 1 :]}", text)
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]} … {text[-SHOWN:]}"


class MynaError(Exception):
    """A request that cannot be met. `code` is the name of the gRPC status code."""

    code = "UNKNOWN"

    def __init__(self, sentence: str, hint: str = "") -> None:
        self.sentence = brief(sentence)
        self.hint = brief(hint)
        super().__init__(self.sentence)

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


class NotFound(MynaError):
    code = "NOT_FOUND"


class BadRequest(MynaError):
    code = "INVALID_ARGUMENT"


class NotAllowed(MynaError):
    """The caller knows of the thing, and may not do that with it."""

    code = "PERMISSION_DENIED"


class NotNow(MynaError):
    """The thing exists, but its state does not allow the request."""

    code = "FAILED_PRECONDITION"


class CursorTooOld(MynaError):
    """Events before this cursor were pruned: list again, then watch from the newest cursor."""

    code = "OUT_OF_RANGE"


class NotYetSupported(MynaError):
    """A request that the contract names and that this version of Myna cannot meet yet."""

    code = "UNIMPLEMENTED"


class QuotaReached(MynaError):
    """A person has used up what they may. `retry_after`: seconds until there is more; 0: waiting does not help."""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self, sentence: str, hint: str = "", retry_after: float = 0.0) -> None:
        super().__init__(sentence, hint)
        self.retry_after = retry_after


class StoreTrouble(MynaError):
    """The database cannot be used just now. Nothing of what was asked was done; jobs wait until it can."""


class DiskFull(StoreTrouble):
    code = "RESOURCE_EXHAUSTED"


class DatabaseHeld(StoreTrouble):
    """Another program has the database's lock."""

    code = "UNAVAILABLE"


class DatabaseRefused(StoreTrouble):
    """The system does not let us open, read or write the database's file."""

    code = "FAILED_PRECONDITION"


class DatabaseDamaged(StoreTrouble):
    """What is in the file is no database, or no whole one."""

    code = "DATA_LOSS"


class DatabaseForeign(StoreTrouble):
    """A database, but not one that this Myna can use."""

    code = "FAILED_PRECONDITION"


#: error kinds of attempts, by the names used in `engines.errors` and in the database
ERROR_KINDS: dict[str, pb.ErrorKind.ValueType] = {
    "bad-input": pb.BAD_INPUT,
    "out-of-memory": pb.OUT_OF_MEMORY,
    "disk-full": pb.DISK_FULL,
    "engine": pb.ENGINE,
    "crashed": pb.CRASHED,
    "cancelled": pb.CANCELLED_BY,
    "quota": pb.QUOTA,
}
