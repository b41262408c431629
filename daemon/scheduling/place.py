"""Where an attempt's worker computes."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.far.errand import RELAY, Errand
from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Place:
    """A GPU, or the CPU; or, with an errand, another machine's."""

    gpu: str = ""  #: UUID; empty: the CPU
    visible: str | None = None  #: the worker's CUDA_VISIBLE_DEVICES; None: mynad's own
    use: pb.GpuUse | None = None  #: what people are told of it; None: there is no GPU to tell of
    errand: Errand | None = None  #: what its relay is told; None: the worker is on this machine

    @property
    def environment(self) -> dict[str, str]:
        """What a worker is started with."""
        seen = {} if self.visible is None else {"CUDA_VISIBLE_DEVICES": self.visible}
        return seen if self.errand is None else seen | self.errand.environment()

    @property
    def program(self) -> tuple[str, ...] | None:
        """argv of what stands in the worker's place; None: the worker itself."""
        return None if self.errand is None else RELAY
