"""In place of torch.cuda's graph: what is recorded is called again, and its results come to lie where they lay."""

from __future__ import annotations

from collections.abc import Callable

import torch

from engines.autoregressive.decode import Next


class RecordedCall:
    """`engines.autoregressive.graphs.Graph`, without a card. As on one, recording leaves nothing in the results."""

    made = 0  #: of all that there were

    def __init__(self, device: torch.device) -> None:
        RecordedCall.made += 1

    def record(self, work: Callable[[], Next]) -> Next:
        self._work, self._made = work, work()
        for tensor in self._made:
            tensor.fill_(torch.nan)
        return self._made

    def replay(self) -> None:
        for there, made in zip(self._made, self._work(), strict=True):
            there.copy_(made)
