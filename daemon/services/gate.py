"""What stands before every RPC: over TCP, whether the caller has the token; everywhere, whether what was sent is a
request at all."""

from __future__ import annotations

import hmac
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

log = logging.getLogger("mynad")

#: Seconds between two lines of the log about callers without the token.
QUIET = 60.0

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
#: What stands for a message that could not be read.
UNREADABLE = object()


def worth_telling(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's own is one for mynad's log. A caller who leaves while an answer is on its way is
    nobody's mistake."""
    return not (record.exc_info and isinstance(record.exc_info[1], grpc.aio.InternalError))


class TokenGate(grpc.aio.ServerInterceptor):
    """Lets only calls with `authorization: Bearer TOKEN` through. The others are refused before anything that they send
    is read: a stream's handler is called at once, a single request's only when all of the request is here."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        self._refused = 0  #: since the log's last line of it
        self._logged = float("-inf")  #: when that was, monotonic

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        given = next((value for key, value in details.invocation_metadata or () if key == "authorization"), "")
        if hmac.compare_digest(given.encode() if isinstance(given, str) else given, self._expected):
            return await continuation(details)
        return grpc.stream_stream_rpc_method_handler(self._refuse)

    async def _refuse(self, _requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._refused += 1
        if time.monotonic() - self._logged >= QUIET:
            log.warning(
                "Requests refused because of a wrong or missing token: %d so far, the last from %s",
                self._refused,
                context.peer(),
            )
            self._refused, self._logged = 0, time.monotonic()
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, "This mynad wants a token. Give it with --token or MYNA_TOKEN."
        )


class ReadableGate(grpc.aio.ServerInterceptor):
    """Refuses what is no message of the RPC's type, with a sentence; gRPC itself would answer UNKNOWN and log a
    traceback."""

    def __init__(self) -> None:
        self._handlers: dict[str, Any] = {}

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        if (handler := self._handlers.get(details.method)) is None:
            handler = await continuation(details)
            if handler is not None:
                handler = self._handlers[details.method] = _checking(handler)
        return handler


def _checking(handler: Any) -> Any:
    """The same handler for requests that can be read."""
    shape = (
        f"{'stream' if handler.request_streaming else 'unary'}_{'stream' if handler.response_streaming else 'unary'}"
    )
    ready = _each if handler.request_streaming else _one
    make = getattr(grpc, f"{shape}_rpc_method_handler")
    return make(
        _after(ready, getattr(handler, shape)), _reading(handler.request_deserializer), handler.response_serializer
    )


def _reading(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return UNREADABLE

    return read


def _after(ready: Callable[[Any, Any], Awaitable[Any]], method: Any) -> Any:
    """The method, given what `ready` makes of its request (or of the stream of them)."""
    if inspect.isasyncgenfunction(method):

        async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
            stream = method(await ready(request, context), context)
            try:
                async for answer in stream:
                    yield answer
            finally:
                await stream.aclose()

        return answers

    async def answer(request: Any, context: Any) -> Any:
        return await method(await ready(request, context), context)

    return answer


async def _one(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    if request is UNREADABLE:
        await context.abort(
            grpc.StatusCode.INVALID_ARGUMENT,
            "The message is not a request of this method. Use the contract in myna.proto.",
        )
    return request


async def _each(requests: AsyncIterator[Any], context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
    async def read() -> AsyncIterator[Any]:
        async for request in requests:
            yield await _one(request, context)

    return read()
