"""The paper daemon's costs and budgets."""

from __future__ import annotations

from typing import Any

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.rows import NOW, refuse


def spent(seconds: float, joules: float, euros: float) -> pb.Spent:
    """What some work took, of a machine whose CPU tells nothing."""
    return pb.Spent(
        seconds=seconds,
        joules=joules,
        gpu_joules=joules,
        unmetered=[pb.UNMETERED_CPU],
        money=[pb.Money(amount=euros, currency="€")],
        money_lacks_energy=True,
    )


class Costs(stubs.CostsServicer):
    """Of one voice, anna, that has a budget once one was set."""

    def __init__(self) -> None:
        self.limit: pb.SetBudgetRequest | None = None
        self.nothing = False

    def Get(self, request: pb.CostsRequest, context: grpc.ServicerContext) -> pb.CostsResponse:
        if self.nothing:
            return pb.CostsResponse(cpu_meter=pb.CPU_METER_NONE, month="2026-11")
        of_voice = {
            "jobs": [
                pb.JobCost(job=12, kind=pb.TRAIN, title="train anna from anna@6", run=8, spent=spent(600, 1.8e6, 0.4))
            ],
            "runs": [
                pb.RunCost(
                    run=8, steps=1_000, spent=spent(600, 1.8e6, 0.4), joules_per_step=1_800.0,
                    checkpoints=[pb.CheckpointCost(step=step, joules=step * 1_800.0) for step in (250, 500, 1_000)],
                )
            ],
            "versions": [
                pb.VersionCost(
                    version=7, run=8, training=spent(600, 1.8e6, 0.4), scoring=pb.Spent(), all=spent(600, 1.8e6, 0.4)
                )
            ],
        }  # fmt: skip
        return pb.CostsResponse(
            all=spent(7_200, 5.4e6, 1.2),
            voices=[pb.VoiceCost(voice="anna", spent=spent(7_200, 5.4e6, 1.2))],
            months=[pb.MonthCost(month="2026-11", spent=spent(7_200, 5.4e6, 1.2))],
            cpu_meter=pb.CPU_METER_FORBIDDEN,
            month="2026-11",
            budgets=[self._budget("anna")] if self.limit is not None else [],
            **(of_voice if request.voice else {}),  # type: ignore[arg-type]
        )

    def GetBudget(self, request: pb.BudgetRequest, context: grpc.ServicerContext) -> pb.Budget:
        return self._budget(request.voice)

    def SetBudget(self, request: pb.SetBudgetRequest, context: grpc.ServicerContext) -> pb.Budget:
        if request.voice != "anna":
            code = grpc.StatusCode.NOT_FOUND
            refuse(context, code, f"There is no voice {request.voice!r}.", "`myna voices` lists them.")
        self.limit = request if request.HasField("limit") else None
        return self._budget(request.voice)

    def _budget(self, voice: str) -> pb.Budget:
        if self.limit is None:
            return pb.Budget(voice=voice)
        told: dict[str, Any] = {"limit": self.limit.limit, "stop": self.limit.stop}
        used = pb.Money(amount=1.2, currency=self.limit.limit.currency)
        return pb.Budget(voice=voice, used=used, lacks_energy=True, renews=NOW, **told)
