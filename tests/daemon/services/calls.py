"""A call of a service's method without a socket."""

from __future__ import annotations

import grpc


class Refused(Exception):
    """The call was ended with a status."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Call:
    """A gRPC call's context, as far as a refusal needs one."""

    async def abort(self, code: grpc.StatusCode, sentence: str, _: object = ()) -> None:
        raise Refused(code, sentence)
