"""What is said no to, as OpenAI's API says it: a status, and an error object with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.responses import JSONResponse

from proto.client import ClientError


class Kind(StrEnum):
    """OpenAI's `type` of an error."""

    INVALID = "invalid_request_error"
    LIMIT = "rate_limit_error"
    QUOTA = "insufficient_quota"
    SERVER = "server_error"


@dataclass(frozen=True)
class Problem:
    """Why a request is not met."""

    status: int
    message: str
    code: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        if self.code == Kind.QUOTA:
            return Kind.QUOTA
        return Kind.LIMIT if self.status == 429 else Kind.SERVER if self.status >= 500 else Kind.INVALID

    def body(self) -> dict[str, object]:
        """The error object."""
        error = {"message": self.message, "type": self.kind.value, "param": self.param, "code": self.code}
        return {"error": error}

    def answer(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, dict(self.headers))


class Refused(Exception):
    """A request that is not met."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


#: After an answer with this header the connection is closed: what the caller still sends is not read.
CLOSE = {"Connection": "close"}

#: gRPC's codes as HTTP's, as googleapis/googleapis google/rpc/code.proto maps them, but for three: speech that failed
#: (ABORTED) is no conflict, which clients would try again; a token that mynad does not take is the door's own, not the
#: caller's; a full disk is not the caller's either.
_STATUS = {
    "INVALID_ARGUMENT": (400, "invalid_value"),
    "FAILED_PRECONDITION": (400, "not_ready"),
    "OUT_OF_RANGE": (400, "invalid_value"),
    "NOT_FOUND": (404, "not_found"),
    "PERMISSION_DENIED": (403, "not_allowed"),
    "ABORTED": (500, "speech_failed"),
    "UNIMPLEMENTED": (501, "not_implemented"),
    "UNAVAILABLE": (503, "not_available"),
    "UNAUTHENTICATED": (502, "not_available"),
    "RESOURCE_EXHAUSTED": (503, "not_available"),
    "DEADLINE_EXCEEDED": (504, "not_in_time"),
}
#: seconds after which a caller may ask again where mynad is away: it may just be started anew
AGAIN = 2


def of_mynad(error: ClientError) -> Problem:
    """What mynad said no with, or that it is not there. Its sentences name commands, which a caller of this API may not
    have: they come along all the same, for whoever runs the server."""
    if error.retry_after is not None:  # as OpenAI says it of whoever has used up what they may
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return Problem(429, str(error), "insufficient_quota", headers=headers)
    status, code = _STATUS.get(error.code, (500, "server_error"))
    headers = {"Retry-After": str(AGAIN)} if status == 503 else {}
    return Problem(status, str(error), code, headers=headers)


def wrong(param: str, message: str, code: str = "invalid_value") -> Refused:
    """A field that cannot be meant."""
    return Refused(Problem(400, message, code, param))
