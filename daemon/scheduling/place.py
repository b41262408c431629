"""Where an attempt's worker computes."""

from __future__ import annotations

from dataclasses import dataclass

from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Place:
    """A GPU, or the CPU."""

    gpu: str = ""  #: UUID; empty: the CPU
    visible: str | None = None  #: the worker's CUDA_VISIBLE_DEVICES; None: mynad's own
    use: pb.GpuUse | None = None  #: what people are told of it; None: there is no GPU to tell of

    @property
    def environment(self) -> dict[str, str]:
        """What a worker is started with."""
        return {} if self.visible is None else {"CUDA_VISIBLE_DEVICES": self.visible}
