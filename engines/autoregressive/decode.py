"""A transformer's code loop over several texts at once: a step takes one code a row and gives the next code's logits
and latent.

Keys and values lie in one block that grows rarely, and several rows share each reading of the weights. Positions are
the decoder's business (it adds them to embeddings, or says how keys are turned by them), so a row may stand anywhere in
the block: rows are right-aligned, and join and leave at any step. What conditions the voice stands before every text
and does not depend on it: it is computed once for all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch.nn.functional import pad

from engines.device import send

#: Columns by which the block of keys and values grows.
GROWTH = 128


#: What a step says of one row: a code, or a frame of several that go together.
Frame = int | tuple[int, ...]


class Next(NamedTuple):
    """What a model makes of the codes so far."""

    logits: torch.Tensor  #: of the next code, (rows, codes) float32
    latents: torch.Tensor  #: what a vocoder turns into the next code's sound, (rows, channels) float32


class Said(NamedTuple):
    """What a step says of a row."""

    code: int  #: of the decoder's vocabulary: the stop code ends the row
    frame: Frame  #: the same with the codes that go with it, as the decoder embeds it
    latent: torch.Tensor  #: what the vocoder makes sound of


class Frames(Protocol):
    """Of a model that says several codes a step: the first is drawn from the row's logits, the others from what depends
    on it."""

    def ask(
        self, following: Next, said: Sequence[Sequence[Frame]], luck: Sequence[torch.Generator]
    ) -> tuple[torch.Tensor, ...]:
        """All that the next frame of each row depends on, a row each, on the decoder's device: of what follows, of the
        frames it has said, and of its generator, which goes on by what is drawn."""
        ...

    def draw(self, *asked: torch.Tensor) -> torch.Tensor:
        """The next frame of each row. Of `asked` only, and on a card without a wait: it is recorded there."""
        ...

    def made(self, drawn: torch.Tensor) -> Sequence[Said]:
        """What was drawn, for the host."""
        ...


class Layer(Protocol):
    """One block of a transformer."""

    def __call__(
        self,
        hidden: torch.Tensor,
        block: torch.Tensor,
        mask: torch.Tensor | None,
        turns: torch.Tensor | None = None,
        *,
        causal: bool,
    ) -> torch.Tensor:
        """Hidden (rows, n, channels) → the same; keys and values of the n are written into the last n columns of
        `block` (2, rows, heads, columns, size). A mask is True where a position may look, and broadcasts to (rows,
        heads, n, columns). `turns` is what `Decoder.turns` said of the n."""
        ...


class Decoder(Protocol):
    """A model ready to decode."""

    heads: int  #: of keys and values
    size: int  #: of each
    dtype: torch.dtype  #: of each
    channels: int
    device: torch.device
    n_codes: int  #: size of the codes' vocabulary, the stop code in it
    stop: int  #: the code that ends a text
    counted: tuple[int, ...]  #: codes that a repetition penalty counts as said before the first
    kind: str  #: what its steps compute, and in which type: "xtts, bf16"; others of its kind and size do the same
    exact: bool  #: in fp32 throughout

    @property
    def layers(self) -> Sequence[Layer]: ...

    def prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        """Keys and values (layers, 2, 1, heads, positions, size) of what stands before every text."""
        ...

    def turns(self, places: Sequence[Sequence[int]]) -> torch.Tensor | None:
        """What turns queries and keys at places (rows, n) of a text, counted from the prefix's first on; None for a
        model whose layers know of no places."""
        ...

    def prompt(self, tokens: Sequence[int], codes: Sequence[Frame] = ()) -> torch.Tensor:
        """What stands between the prefix and the next code, (positions, channels): the text, and the codes that were
        said already."""
        ...

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        """Codes (rows,) int64, or frames (rows, codes), at their positions among the codes, the first being at 1:
        (rows, channels)."""
        ...

    def out(self, hidden: torch.Tensor) -> Next:
        """Of the last layer's output (rows, channels)."""
        ...


class Steps(Protocol):
    """A quicker way to make the steps of a batch."""

    def next(
        self,
        decoder: Decoder,
        block: torch.Tensor,
        shown: torch.Tensor,
        hidden: torch.Tensor,
        turns: torch.Tensor | None,
        column: int,
    ) -> Next | None:
        """What follows a code a row, `hidden` (rows, 1, channels), turned by `turns`, whose keys and values go to
        `column` of `block` (layers, 2, rows, heads, columns, size), the last column of which is free; before `column` a
        row may look where `shown` (rows, columns) is True. None: say it the plain way."""
        ...

    def frames(self, frames: Frames, asked: tuple[torch.Tensor, ...]) -> torch.Tensor | None:
        """What is drawn of what was asked for. None: draw it the plain way."""
        ...


class Batch:
    """Rows that one voice says together. Call everything under `torch.inference_mode()`."""

    def __init__(self, decoder: Decoder, conditioning: torch.Tensor, steps: Steps | None = None) -> None:
        """`conditioning` is what makes the voice, as `decoder.prefix` takes it."""
        self.decoder = decoder
        self._steps = steps
        self._prefix = decoder.prefix(conditioning)
        self._clear()

    def _clear(self) -> None:
        self.rows = 0
        self.column = 0  #: next column to be written
        d = self.decoder
        self._block = torch.empty(len(d.layers), 2, 0, d.heads, 0, d.size, device=d.device, dtype=d.dtype)
        self._shown = torch.zeros(0, 0, dtype=torch.bool, device=d.device)  #: (rows, columns) what a row may attend to
        self._hidden: list[int] = []  #: columns before `column` that each row may not, kept here: a GPU would be asked

    def join(self, prompts: Sequence[torch.Tensor]) -> Next:
        """Add rows at the end, each with its prompt (positions, channels); what follows their prompts."""
        lengths = [len(prompt) for prompt in prompts]
        width, count, heard = max(lengths), len(prompts), self._prefix.shape[4]
        hidden = torch.stack([pad(prompt, (0, 0, width - len(prompt), 0)) for prompt in prompts])
        own = torch.arange(width) >= width - torch.tensor(lengths)[:, None]
        shown = send(pad(own, (heard, 0), value=True), hidden.device)  # the voice, padding, the text
        self._place(count, heard + width, shown)
        self._hidden += [self.column - heard - length for length in lengths]
        written = self._block[:, :, -count:, :, self.column - heard - width : self.column]
        written[:, :, :, :, :heard] = self._prefix
        before = torch.ones(width, heard + width, dtype=torch.bool, device=hidden.device).tril(heard)
        mask = (before & shown[:, None])[:, None]
        turns = self.decoder.turns([[max(0, at) for at in range(heard + n - width, heard + n)] for n in lengths])
        for layer, block in zip(self.decoder.layers, written, strict=True):
            hidden = layer(hidden, block, mask, turns, causal=False)
        return self.decoder.out(hidden[:, -1])

    def step(self, codes: Sequence[Frame], positions: Sequence[int], by: Decoder | None = None) -> Next:
        """Say one code a row, at its position among the row's codes (the first is 1); what follows, as another decoder
        of the same voice sees it if one is given."""
        return self._advance(
            self.decoder.embed(send(torch.tensor(codes), self.decoder.device), positions)[:, None], by or self.decoder
        )

    def step_many(self, codes: Sequence[Frame], position: int) -> Next:
        """Say several codes of the only row, the first at a position among its codes; what follows each, (codes, …)."""
        positions = range(position, position + len(codes))
        return self._advance(
            self.decoder.embed(send(torch.tensor(codes), self.decoder.device), positions)[None], self.decoder
        )

    def back(self, columns: int) -> None:
        """Unsay what every row said last."""
        self.column -= columns

    def _advance(self, hidden: torch.Tensor, by: Decoder) -> Next:
        """Of what is said (rows, n, channels) what follows, (rows × n, …)."""
        before, n = self.column, hidden.shape[1]
        if before + n + (self._steps is not None) > self._block.shape[4]:  # quicker steps want one that is free
            self._grow(before + max(n, GROWTH), 0)
        self._shown[:, before : before + n] = True
        self.column += n
        turns = self.decoder.turns([range(before - unseen, before - unseen + n) for unseen in self._hidden])
        if self._steps is not None and n == 1 and by is self.decoder:
            said = self._steps.next(by, self._block, self._shown, hidden, turns, before)
            if said is not None:
                return said
        shown = self._shown[:, : self.column]
        mask = shown[:, None, None] if any(self._hidden) else None
        if n > 1:
            earlier = torch.ones(n, self.column, dtype=torch.bool, device=hidden.device).tril(before)
            mask = earlier if mask is None else mask & earlier
        for layer, block in zip(by.layers, self._block[:, :, :, :, : self.column], strict=True):
            hidden = layer(hidden, block, mask, turns, causal=False)
        return by.out(hidden.flatten(0, 1))

    def leave(self, row: int) -> None:
        """Take a row out; those after it move up."""
        kept = [index for index in range(self.rows) if index != row]
        self.rows -= 1
        if not kept:
            self._clear()
            return
        places = send(torch.tensor(kept), self._block.device)
        self._block, self._shown = self._block[:, :, places], self._shown[places]
        del self._hidden[row]

    def _place(self, rows: int, width: int, shown: torch.Tensor) -> None:
        """Room for more rows, `width` columns of which end at `column`."""
        shift = max(0, width - self.column)
        self._grow(max(self._block.shape[4], self.column + shift + GROWTH), shift)
        self.column += shift
        more = self._block.new_zeros(*self._block.shape[:2], rows, *self._block.shape[3:])
        self._block = torch.cat([self._block, more], dim=2) if self.rows else more
        self._shown = torch.cat(
            [self._shown, torch.zeros(rows, self._shown.shape[1], dtype=torch.bool, device=shown.device)]
        )
        self._shown[-rows:, self.column - width : self.column] = shown
        self.rows += rows

    def _grow(self, columns: int, shift: int) -> None:
        """A wider block, what there is moved `shift` columns to the right."""
        if columns == self._block.shape[4] and not shift:
            return
        more = columns - shift - self.column
        # zeros, not what was in memory: what is hidden by a mask is still multiplied, and a NaN would stay one
        self._block = pad(self._block[:, :, :, :, : self.column], (0, 0, shift, more))
        self._shown = pad(self._shown[:, : self.column], (shift, more))
        self._hidden = [hidden + shift for hidden in self._hidden]
