"""The Costs service: what work took in time, energy and money, and what voices may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import now
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.home.voice_folders import VoiceFolders
from daemon.inbox import voice_toml_change
from daemon.inbox.folder import InboxFolder
from daemon.machine.energy import CpuMeter, Rapl
from daemon.services.errors import plain
from daemon.settings import Settings
from daemon.state import budgets, costs, voices
from proto import money
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

CPU_METERS = {
    CpuMeter.READ: pb.CPU_METER_READ,
    CpuMeter.NONE: pb.CPU_METER_NONE,
    CpuMeter.FORBIDDEN: pb.CPU_METER_FORBIDDEN,
}


@plain
class CostsService(stubs.CostsServicer):
    """See the service in proto/myna.proto. `still(voices…)`: a block in which the inbox leaves their folders alone."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        store: Store,
        folders: VoiceFolders,
        still: Callable[..., AbstractAsyncContextManager[None]],
        rapl: Rapl,
    ) -> None:
        self.home = home
        self.price = settings.cost
        self.store = store
        self.folders = folders
        self.still = still
        self.rapl = rapl

    async def Get(self, request: pb.CostsRequest, context: Any) -> pb.CostsResponse:
        answer: pb.CostsResponse = await self.store.read(costs.answer, request.voice, request.month)
        answer.cpu_meter = CPU_METERS[await asyncio.to_thread(lambda: self.rapl.state)]
        return answer

    async def GetBudget(self, request: pb.BudgetRequest, context: Any) -> pb.Budget:
        def query(session: Session) -> pb.Budget:
            voice = voices.get(session, request.voice)
            found = budgets.of(session, voice, now())
            return found.message() if found is not None else pb.Budget(voice=voice.name)

        answer: pb.Budget = await self.store.read(query)
        return answer

    async def SetBudget(self, request: pb.SetBudgetRequest, context: Any) -> pb.Budget:
        limit = self._checked(request.limit) if request.HasField("limit") else None
        settings: dict[str, str | bool] = {"month": _written(limit) if limit is not None else ""}
        settings["stop"] = request.stop and limit is not None

        def wanted(session: Session) -> tuple[str, pb.Budget]:
            voice = voices.get(session, request.voice)
            if limit is None:
                return voice.engine, pb.Budget(voice=voice.name)
            return voice.engine, budgets.standing(session, voice.name, limit, request.stop, now()).message()

        async with self.folders.one, self.still(request.voice):
            engine, answer = await self.store.read(wanted)
            folder = InboxFolder(self.home, request.voice)
            await asyncio.to_thread(voice_toml_change.put, folder, engine, "budget", settings)
        return answer

    def _checked(self, limit: pb.Money) -> pb.Money:
        """The sum as it is written. Raises BadRequest for what is none, NotNow where work has no price."""
        read = money.read(_written(limit))
        if read is None:
            raise BadRequest("The budget is no sum of money.", "Give it as 20€ or 20.50 EUR, above 0.")
        budgets.check(self.price, read)
        return read


def _written(limit: pb.Money) -> str:
    """As voice.toml has it."""
    amount = f"{limit.amount:.2f}".removesuffix(".00")
    return f"{amount} {limit.currency}" if len(limit.currency) > 1 else f"{amount}{limit.currency}"
