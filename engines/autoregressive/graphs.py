"""A step of decoding as one recorded graph: on a card a step of one row is hundreds of small kernels, and the host
takes longer to ask for them than the card to run them. Recorded once, they are asked for together. What draws a frame
of several codes, each given those before it, is another graph.

A graph reads and writes where it did when it was recorded. So a step's own keys and values go into the last column of
the block, which is kept free for that, and from there to the column that a number on the card names; a mask hides what
lies beyond it. What turns a key by its place in the text is given to the graph with the code, so it does not matter
where in the block it stands.

It is a fast path (`engines.fast_paths`): `captures` gives it only where it says the same codes as the plain one.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Protocol

import torch

from engines.autoregressive.decode import GROWTH, Batch, Decoder, Frame, Frames, Next
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

Tensors = tuple[torch.Tensor, ...]


class Graph(Protocol):
    """Work on a card, recorded."""

    def record(self, work: Callable[[], Tensors]) -> Tensors:
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

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        with torch.cuda.device(self._device):
            here, aside = torch.cuda.current_stream(), _stream(self._device)
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


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """On which graphs are recorded: one for all, since each keeps a workspace for products from then on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call,no-any-return]


class Captures:
    """`decode.Steps` by graphs, for one batch."""

    def __init__(
        self, new: Callable[[], Graph], failed: Callable[[Exception], None], plain_first: int = PLAIN_FIRST
    ) -> None:
        """`new` makes a graph; `failed` is told what one raised, after which there are no more."""
        self._new, self._failed, self._plain_first = new, failed, plain_first
        self._step, self._frame = _Again(), _Again()
        self._over = False

    def next(
        self,
        decoder: Decoder,
        block: torch.Tensor,
        shown: torch.Tensor,
        hidden: torch.Tensor,
        turns: torch.Tensor | None,
        column: int,
    ) -> Next | None:
        """As `decode.Steps`."""
        turned = () if turns is None else (turns,)
        place = torch.full((1,), column, device=block.device)
        made = self._made(self._step, (block, shown), partial(_step, decoder, block, shown), (place, hidden, *turned))
        return None if made is None else Next(*made)

    def frames(self, frames: Frames, asked: Tensors) -> torch.Tensor | None:
        """As `decode.Steps`."""
        made = self._made(self._frame, (frames,), lambda *asked: (frames.draw(*asked),), asked)
        return None if made is None else made[0]

    def _made(
        self, again: _Again, on: tuple[object, ...], work: Callable[..., Tensors], given: Tensors
    ) -> Tensors | None:
        if self._over:
            return None
        try:
            return again(self._new, self._plain_first, on, work, given)
        except Exception as error:
            self._over, self._step, self._frame = True, _Again(), _Again()
            self._failed(error)
            return None


class _Again:
    """Work that is done again and again: recorded once it was done the plain way often enough, on the same things and
    of tensors of the same shapes."""

    def __init__(self) -> None:
        self._on: tuple[object, ...] = ()
        self._shapes: list[torch.Size] = []
        self._plain = 0  #: times that it was done on them the plain way
        self._recorded: _Recorded | None = None

    def __call__(
        self,
        new: Callable[[], Graph],
        plain_first: int,
        on: tuple[object, ...],
        work: Callable[..., Tensors],
        given: Tensors,
    ) -> Tensors | None:
        """What the work makes of what is given; None: do it the plain way."""
        shapes = [one.shape for one in given]
        if shapes != self._shapes or any(one is not other for one, other in zip(on, self._on, strict=True)):
            self._on, self._shapes, self._plain, self._recorded = on, shapes, 0, None
        if self._plain < plain_first:
            self._plain += 1
            return None
        if self._recorded is None:
            self._recorded = _Recorded(new(), work, given)
        return self._recorded(given)


class _Recorded:
    """Work on tensors of the same shapes as those it was recorded with."""

    def __init__(self, graph: Graph, work: Callable[..., Tensors], given: Tensors) -> None:
        self._graph, self._do = graph, work
        self._given = [one.clone() for one in given]
        self._made = graph.record(self._work)

    def __call__(self, given: Tensors) -> Tensors:
        for there, one in zip(self._given, given, strict=True):
            there.copy_(one)
        self._graph.replay()
        return tuple(one.clone() for one in self._made)  # the next time writes over them

    def _work(self) -> Tensors:
        return self._do(*self._given)


def _step(
    decoder: Decoder,
    block: torch.Tensor,
    shown: torch.Tensor,
    column: torch.Tensor,
    hidden: torch.Tensor,
    turns: torch.Tensor | None = None,
) -> Tensors:
    """A step on a block: logits and latents, the step's own keys and values being in `column` (1,) afterwards."""
    seen = shown & (torch.arange(block.shape[4], device=block.device) < column)
    seen[:, -1].fill_(True)
    mask = seen[:, None, None]
    for layer, own in zip(decoder.layers, block, strict=True):
        hidden = layer(hidden, own, mask, turns, causal=False)
    block.index_copy_(4, column, block[:, :, :, :, -1:].clone())
    return decoder.out(hidden.flatten(0, 1))


def captures(decoder: Decoder, conditioning: torch.Tensor, frames: Frames | None = None) -> Captures | None:
    """Recorded steps for a batch of a decoder, and of what draws its frames if it says such; None where they are not to
    be trusted, or where there is no card. Proved on the first decoder of its kind and size that comes."""
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

    if not known.trusts(FastPath.GRAPHS, subject, lambda: compare(decoder, conditioning, new, frames)):
        return None
    return Captures(new, failed)


def kind(decoder: Decoder) -> str:
    """What is proved together: decoders whose steps are the same work."""
    return f"{decoder.kind}, {len(decoder.layers)} × {decoder.channels}, {decoder.n_codes} codes"


@torch.inference_mode()
def compare(
    decoder: Decoder, conditioning: torch.Tensor, new: Callable[[], Graph], frames: Frames | None = None
) -> Comparison:
    """Both ways over the same codes: a row alone, others joining it, one leaving, past the end of the block. Raises
    what a graph does."""

    def failed(error: Exception) -> None:
        raise error

    walk = _Walk(decoder, conditioning, Captures(new, failed, plain_first=0), frames)
    walk.join([range(1, 6)])
    walk.steps(12)
    walk.join([range(1, 10), range(2, 5)])
    walk.steps(12)
    walk.leave(1)
    walk.steps(GROWTH + 4)
    tolerance, otherwise = (EXACT, 0.0) if decoder.exact else (REDUCED, OTHERWISE)
    return Comparison(math.inf if walk.otherwise > otherwise * walk.drawn else walk.largest, tolerance)


class _Walk:
    """The same codes said the plain way and by recorded steps, the plain one choosing them."""

    def __init__(self, decoder: Decoder, conditioning: torch.Tensor, captures: Captures, frames: Frames | None) -> None:
        self._decoder, self._captures, self._frames = decoder, captures, frames
        self._plain, self._other = Batch(decoder, conditioning), Batch(decoder, conditioning, captures)
        self._luck = [torch.Generator().manual_seed(SEED) for _ in range(2)]
        self._frames_luck = torch.Generator().manual_seed(SEED)
        self._said: list[list[Frame]] = []  #: by row; the last is to be said next
        self._seen = torch.zeros(decoder.n_codes, dtype=torch.bool)
        self.largest, self.drawn, self.otherwise = 0.0, 0, 0

    def join(self, texts: Sequence[Sequence[int]]) -> None:
        """Rows come in, each with its tokens; they say their first code later."""
        prompts = [self._decoder.prompt(list(text)) for text in texts]
        came: list[list[Frame]] = [[] for _ in texts]
        self._look(came, self._plain.join(prompts), self._other.join(prompts))
        self._said += came

    def steps(self, count: int) -> None:
        for _ in range(count):
            codes, positions = [row[-1] for row in self._said], [len(row) for row in self._said]
            self._look(self._said, self._plain.step(codes, positions), self._other.step(codes, positions))

    def leave(self, row: int) -> None:
        for batch in (self._plain, self._other):
            batch.leave(row)
        del self._said[row]

    def _look(self, said: list[list[Frame]], plain: Next, other: Next) -> None:
        """Compare, and have rows say what is drawn the plain way."""
        for one, another in zip(plain, other, strict=True):
            far = float((one.float() - another.float()).abs().max() / one.float().abs().max())
            self.largest = max(self.largest, far) if math.isfinite(far) else math.inf
        drawn, others = (self._draw(*each) for each in zip((plain, other), self._luck, strict=True))
        self._count(drawn, others)
        if self._frames is not None:
            drawn = self._drawn_frames(self._frames, said, plain)
        for row, code in zip(said, drawn, strict=True):
            row.append(code)

    def _draw(self, following: Next, luck: torch.Generator) -> list[Frame]:
        stop = self._decoder.stop
        return [draw(logits, self._seen, Sampling(), stop, luck) for logits in following.logits.float().cpu()]

    def _drawn_frames(self, frames: Frames, said: list[list[Frame]], following: Next) -> list[Frame]:
        """Frames drawn both ways of the same, so that no code differs for those before it."""
        asked = frames.ask(following, said, [self._frames_luck] * len(said))
        plain, recorded = frames.draw(*asked), self._captures.frames(frames, asked)
        assert recorded is not None, "what fails raises"
        drawn, others = ([one.frame for one in frames.made(each)] for each in (plain, recorded))
        self._count(drawn, others)
        return drawn

    def _count(self, drawn: Sequence[Frame], others: Sequence[Frame]) -> None:
        self.drawn += len(drawn)
        self.otherwise += sum(one != another for one, another in zip(drawn, others, strict=True))
