"""Who asks mynad for something, and when that was last."""

from __future__ import annotations

import time
from typing import Any

import grpc
import grpc.aio

#: what machines ask by themselves, and nobody waits for
BY_ITSELF = ("/myna.v1.System/Metrics", "/myna.v1.System/Idle", "/grpc.health.", "/grpc.reflection.")


class Activity:
    """Of a mynad; times of the monotonic clock."""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.uploads = 0  #: streams that somebody sends now

    def call(self, method: str) -> None:
        """A call comes in."""
        if not method.startswith(BY_ITSELF):
            self.asked = time.monotonic()

    def over(self, handler: Any) -> Any:
        """The handler, counting what is being sent. (Watches are counted by whom they watch.)"""
        if handler is None or not handler.request_streaming or handler.response_streaming:
            return handler
        inner = handler.stream_unary

        async def counted(requests: Any, context: Any) -> Any:
            self.uploads += 1
            try:
                return await inner(requests, context)
            finally:
                self.uploads -= 1
                self.asked = time.monotonic()

        return grpc.stream_unary_rpc_method_handler(counted, handler.request_deserializer, handler.response_serializer)


class Noting(grpc.aio.ServerInterceptor):
    """Tells an `Activity` of every call that was let in."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        self._activity.call(details.method)
        return self._activity.over(await continuation(details))
