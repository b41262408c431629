"""What mynad tells of itself, kept for a moment: what strangers ask for over and over costs mynad nothing."""

from __future__ import annotations

import asyncio
import math
import time

from proto import myna_pb2 as pb
from proto.client import AsyncClient

KEPT = 10.0  #: seconds


class Known:
    """Of a mynad."""

    def __init__(self, mynad: AsyncClient) -> None:
        self._mynad = mynad
        self._info = pb.InfoResponse()
        self._until = -math.inf  #: when it is asked for again, monotonic
        self._asking = asyncio.Lock()

    async def info(self) -> pb.InfoResponse:
        """As it was KEPT seconds ago at most. Raises ClientError."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._info, self._until = await self._mynad.info(), time.monotonic() + KEPT
            return self._info
