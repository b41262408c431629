"""Who asks mynad for something, and when that was last."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
import grpc.aio

#: what machines ask by themselves, and nobody waits for
BY_ITSELF = ("/myna.v1.System/Metrics", "/myna.v1.System/Idle", "/grpc.health.", "/grpc.reflection.")


class Activity:
    """Of a mynad; times of the monotonic clock."""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.streams = 0  #: what somebody sends or is sent now: uploads, packages, backups, checks

    def call(self, method: str) -> None:
        """A call comes in."""
        if not method.startswith(BY_ITSELF):
            self.asked = time.monotonic()

    def over(self, method: str, handler: Any) -> Any:
        """The handler, counting what is being sent. (Watches are counted by whom they watch.)"""
        if handler is None or not (handler.request_streaming or handler.response_streaming):
            return handler
        if handler.request_streaming and handler.response_streaming:
            make, inner = grpc.stream_stream_rpc_method_handler, self._giving(handler.stream_stream)
        elif handler.request_streaming:
            make, inner = grpc.stream_unary_rpc_method_handler, self._taking(handler.stream_unary)
        elif _watches(method) or not inspect.isasyncgenfunction(handler.unary_stream):
            return handler
        else:
            make, inner = grpc.unary_stream_rpc_method_handler, self._giving(handler.unary_stream)
        return make(inner, handler.request_deserializer, handler.response_serializer)

    def _taking(self, inner: Any) -> Any:
        async def counted(requests: Any, context: Any) -> Any:
            with self._one():
                return await inner(requests, context)

        return counted

    def _giving(self, inner: Any) -> Any:
        async def counted(request: Any, context: Any) -> AsyncIterator[Any]:
            with self._one():
                async with aclosing(inner(request, context)) as answers:
                    async for answer in answers:
                        yield answer

        return counted

    @contextmanager
    def _one(self) -> Iterator[None]:
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1
            self.asked = time.monotonic()


def _watches(method: str) -> bool:
    return method.startswith(BY_ITSELF) or method.rpartition("/")[2].startswith("Watch")


class Noting(grpc.aio.ServerInterceptor):
    """Has an `Activity` count what callers send and are sent. (The door before it tells of each call that it lets in:
    it keeps handlers, and does not come here again for the same one.)"""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        return self._activity.over(details.method, await continuation(details))
