"""The Notices service: where people are told of what happens, and whether that works."""

from __future__ import annotations

from typing import Any

from daemon.notices.post import Notices
from daemon.services.errors import plain
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class NoticesService(stubs.NoticesServicer):
    """See the service in proto/myna.proto."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def List(self, request: pb.ListNotifiersRequest, context: Any) -> pb.ListNotifiersResponse:
        return pb.ListNotifiersResponse(notifiers=await self._notices.states())

    async def Test(self, request: pb.TestNotifierRequest, context: Any) -> pb.TestNotifierResponse:
        return pb.TestNotifierResponse(tests=await self._notices.test(request.name))
