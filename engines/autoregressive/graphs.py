"""A step of decoding as one recorded graph: on a card a step of one row is hundreds of small kernels, and the host
takes longer to ask for them than the card to run them. Recorded once, they are asked for together.

A graph reads and writes where it did when it was recorded. So a step's own keys and values go into the last column of
the block, which is kept free for that, and from there to the column that a number on the card names; a mask hides what
lies beyond it. Positions are not in the keys, so it does not matter where in the block a code stands.

It is a fast path (`engines.fast_paths`): `captures` gives it only where it says the same codes as the plain one.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from engines.autoregressive.decode import GROWTH, Batch, Decoder, Next
from engines.autoregressive.sampling import Sampling, draw
from engines.fast_paths import card
from engines.fast_paths.proving import Comparison
from engines.fast_paths.record import FastPath
from engines.training import memory

log = logging.getLogger("engines.speaking")

#: How far latents and logits may be from the plain path's, as a share of their largest: sums are in another order. In
#: fp32, and where weights are in fewer bits, as what is rounded there may fall to the other side.
EXACT, REDUCED = 1e-3, 5e-2
#: Codes that may be drawn otherwise where weights are in fewer bits; none in fp32.
OTHERWISE = 0.02
SEED = 5
#: Steps on a block that are made the plain way before one is recorded, which takes as long as some steps: the first
#: sound does not wait for it, nor is one recorded for a sentence alone that others join once it is heard.
PLAIN_FIRST = 8


class Graph(Protocol):
    """Work on a card, recorded."""

    def record(self, work: Callable[[], Next]) -> Next:
        """Do the work once and record it. Whatever `replay` makes appears in the tensors that are returned."""
        ...

    def replay(self) -> None:
        """Do the work again, on the same tensors."""
        ...


class CudaGraph:
    """torch's."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph = torch.cuda.CUDAGraph()

    def record(self, work: Callable[[], Next]) -> Next:
        with torch.cuda.device(self._device):
            here, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                work()  # libraries choose their kernels and take their workspaces, which they must not while recorded
            here.wait_stream(aside)
            # other threads may go on with the card: only what this one does could be no part of a graph
            with torch.cuda.graph(self._graph, stream=aside, capture_error_mode="thread_local"):
                return work()

    def replay(self) -> None:
        with torch.cuda.device(self._device):
            self._graph.replay()


class Captures:
    """`decode.Steps` by graphs, for one batch."""

    def __init__(
        self, new: Callable[[], Graph], failed: Callable[[Exception], None], plain_first: int = PLAIN_FIRST
    ) -> None:
        """`new` makes a graph; `failed` is told what one raised, after which there are no more."""
        self._new, self._failed, self._plain_first = new, failed, plain_first
        self._step: _Step | None = None
        self._on: tuple[torch.Tensor, torch.Tensor] | None = None  #: block and `shown` of the last step
        self._plain = 0  #: steps that were made on them the plain way
        self._over = False

    def next(
        self, decoder: Decoder, block: torch.Tensor, shown: torch.Tensor, hidden: torch.Tensor, column: int
    ) -> Next | None:
        """What follows a code a row, `hidden` (rows, 1, channels), whose keys and values go to `column` of `block`, the
        last column of which is free; None: say it the plain way."""
        if self._over:
            return None
        if self._on is None or self._on[0] is not block or self._on[1] is not shown:
            self._on, self._step, self._plain = (block, shown), None, 0
        if self._plain < self._plain_first:
            self._plain += 1
            return None
        try:
            if self._step is None:
                self._step = _Step(self._new(), decoder, block, shown, hidden, column)
            return self._step(hidden, column)
        except Exception as error:
            self._over, self._step, self._on = True, None, None
            self._failed(error)
            return None


class _Step:
    """One step, on one block."""

    def __init__(
        self,
        graph: Graph,
        decoder: Decoder,
        block: torch.Tensor,
        shown: torch.Tensor,
        hidden: torch.Tensor,
        column: int,
    ) -> None:
        self._graph, self._decoder, self._block, self._shown = graph, decoder, block, shown
        self._hidden = hidden.clone()
        self._column = torch.full((1,), column, device=block.device)
        self._columns = torch.arange(block.shape[4], device=block.device)
        self._made = graph.record(self._work)

    def __call__(self, hidden: torch.Tensor, column: int) -> Next:
        self._hidden.copy_(hidden)
        self._column.fill_(column)
        self._graph.replay()
        return Next(self._made.logits.clone(), self._made.latents.clone())  # the next step writes over them

    def _work(self) -> Next:
        seen = self._shown & (self._columns < self._column)
        seen[:, -1].fill_(True)
        hidden, mask = self._hidden, seen[:, None, None]
        for layer, block in zip(self._decoder.layers, self._block, strict=True):
            hidden = layer(hidden, block, mask, causal=False)
        self._block.index_copy_(4, self._column, self._block[:, :, :, :, -1:].clone())
        return self._decoder.out(hidden.flatten(0, 1))


def captures(decoder: Decoder, conditioning: torch.Tensor) -> Captures | None:
    """Recorded steps for a batch of a decoder; None where they are not to be trusted, or where there is no card.
    Proved on the first decoder of its kind and size that comes."""
    device, subject = decoder.device, kind(decoder)
    known = card.proofs(device)
    if known is None:
        return None

    def new() -> Graph:
        return CudaGraph(device)

    def failed(error: Exception) -> None:
        if memory.ran_out(error):
            log.warning("There is no memory for a recorded step: this request is said the plain way.")
        else:
            known.distrust(FastPath.GRAPHS, subject, error)

    if not known.trusts(FastPath.GRAPHS, subject, lambda: compare(decoder, conditioning, new)):
        return None
    return Captures(new, failed)


def kind(decoder: Decoder) -> str:
    """What is proved together: decoders whose steps are the same work."""
    return f"{decoder.kind}, {len(decoder.layers)} × {decoder.channels}, {decoder.n_codes} codes"


@torch.inference_mode()
def compare(decoder: Decoder, conditioning: torch.Tensor, new: Callable[[], Graph]) -> Comparison:
    """Both ways over the same codes: a row alone, others joining it, one leaving, past the end of the block. Raises
    what a graph does."""

    def failed(error: Exception) -> None:
        raise error

    plain, recorded = Batch(decoder, conditioning), Batch(decoder, conditioning, Captures(new, failed, plain_first=0))
    walk = _Walk(decoder, plain, recorded)
    walk.join([range(1, 6)])
    walk.steps(12)
    walk.join([range(1, 10), range(2, 5)])
    walk.steps(12)
    walk.leave(1)
    walk.steps(GROWTH + 4)
    tolerance, otherwise = (EXACT, 0.0) if decoder.exact else (REDUCED, OTHERWISE)
    return Comparison(math.inf if walk.otherwise > otherwise * walk.drawn else walk.largest, tolerance)


class _Walk:
    """The same codes said by two batches, the plain one choosing them."""

    def __init__(self, decoder: Decoder, plain: Batch, other: Batch) -> None:
        self._decoder, self._plain, self._other = decoder, plain, other
        self._luck = [torch.Generator().manual_seed(SEED) for _ in range(2)]
        self._codes: list[int] = []  #: by row, the one to be said next
        self._positions: list[int] = []
        self._seen = torch.zeros(decoder.n_codes, dtype=torch.bool)
        self.largest, self.drawn, self.otherwise = 0.0, 0, 0

    def join(self, texts: Sequence[Sequence[int]]) -> None:
        """Rows come in, each with its tokens; they say their first code later."""
        prompts = [self._decoder.prompt(list(text)) for text in texts]
        self._codes += self._look(self._plain.join(prompts), self._other.join(prompts))
        self._positions += [1] * len(texts)

    def steps(self, count: int) -> None:
        for _ in range(count):
            said = self._plain.step(self._codes, self._positions), self._other.step(self._codes, self._positions)
            self._codes = self._look(*said)
            self._positions = [position + 1 for position in self._positions]

    def leave(self, row: int) -> None:
        for batch in (self._plain, self._other):
            batch.leave(row)
        del self._codes[row], self._positions[row]

    def _look(self, plain: Next, other: Next) -> list[int]:
        """Compare, and draw what the plain way says."""
        for one, another in ((plain.logits, other.logits), (plain.latents, other.latents)):
            far = float((one.float() - another.float()).abs().max() / one.float().abs().max())
            self.largest = max(self.largest, far) if math.isfinite(far) else math.inf
        drawn, others = (
            [draw(logits, self._seen, Sampling(), self._decoder.stop, luck) for logits in said.logits.float().cpu()]
            for said, luck in zip((plain, other), self._luck, strict=True)
        )
        self.drawn += len(drawn)
        self.otherwise += sum(one != another for one, another in zip(drawn, others, strict=True))
        return drawn
