"""Errors of the daemon that a person sees: one plain sentence and what to do. Services turn them into gRPC status codes."""

from __future__ import annotations

from proto import myna_pb2 as pb


class MynaError(Exception):
    """A request that cannot be met. `code` is the name of the gRPC status code."""

    code = "UNKNOWN"

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


class NotFound(MynaError):
    code = "NOT_FOUND"


class BadRequest(MynaError):
    code = "INVALID_ARGUMENT"


class NotNow(MynaError):
    """The thing exists, but its state does not allow the request."""

    code = "FAILED_PRECONDITION"


class CursorTooOld(MynaError):
    """Events before this cursor were pruned: list again, then watch from the newest cursor."""

    code = "OUT_OF_RANGE"


class Later(MynaError):
    """Part of the contract whose work comes in a later version."""

    code = "UNIMPLEMENTED"


class DiskFull(MynaError):
    code = "RESOURCE_EXHAUSTED"


#: error kinds of attempts, by the names used in `engines.errors` and in the database
ERROR_KINDS: dict[str, pb.ErrorKind.ValueType] = {
    "bad-input": pb.BAD_INPUT,
    "out-of-memory": pb.OUT_OF_MEMORY,
    "disk-full": pb.DISK_FULL,
    "engine": pb.ENGINE,
    "crashed": pb.CRASHED,
    "cancelled": pb.CANCELLED_BY,
}
