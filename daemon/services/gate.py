"""What stands before every RPC, behind the doorkeeper: whether what was sent is a request at all."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
#: What stands for a message that could not be read.
UNREADABLE = object()


def worth_telling(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's own is one for mynad's log. A caller who leaves while an answer is on its way is
    nobody's mistake."""
    return not (record.exc_info and isinstance(record.exc_info[1], grpc.aio.InternalError))


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
