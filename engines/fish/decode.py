"""The big transformer as a decoder (`engines.autoregressive.decode`), and the small one that says a frame's codes.

Written out instead of `forward_generate`, which keeps a cache of the model's longest text, repeats keys for all heads,
and goes through all of it each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch

from engines.autoregressive.decode import Frame, Next, Said
from engines.autoregressive.projections import has_eight_bits
from engines.device import send
from engines.fish import sampling, training
from engines.fish.layers import Layer, Norm, as_complex
from engines.fish.lora import Adapted
from engines.fish.matrices import computes_in, pack_all, whole_rows
from engines.fish.prompts import Prompts
from engines.fish.sampling import Drawing
from engines.fish.training import RESIDUAL


class Decoder:
    """The big transformer ready to decode. Made for each request: that costs next to nothing, and adapters are read as
    they are now.

    Its vocabulary is what can be said: the codes of the first codebook, and after them the end."""

    def __init__(self, transformer: Any, prompts: Prompts, *, fast: bool = False) -> None:
        config = transformer.config
        self.transformer, self.prompts, self._fast = transformer, prompts, fast
        self.device: torch.device = transformer.norm.weight.device
        self.heads, self.size, self.channels = config.n_local_heads, config.head_dim, config.dim
        self.dtype = computes_in(transformer.norm.weight, fast=fast)
        self.n_codes: int = config.codebook_size + 1
        self.stop: int = config.codebook_size
        self.counted: tuple[int, ...] = ()
        self.exact = self.dtype == torch.float32 and not fast
        self.layers = [Layer(layer, self.dtype, fast=fast) for layer in transformer.layers]
        adapted = any(isinstance(module, Adapted) for module in transformer.modules())
        bits = "fewer bits" if fast else "fp32" if self.exact else "bf16"
        self.kind = f"fish, {bits}{', adapters' if adapted else ''}"
        self._norm = Norm.of(transformer.norm, self.dtype)
        self._turns = as_complex(transformer.freqs_cis)
        head = transformer.embeddings if config.tie_word_embeddings else transformer.output
        codes = whole_rows(head, slice(prompts.semantic, prompts.semantic + config.codebook_size))
        self._head = torch.cat([codes, whole_rows(head, slice(prompts.end, prompts.end + 1))]).to(self.dtype)

    def turns(self, places: Sequence[Sequence[int]]) -> torch.Tensor:
        """(rows, n, 1, size / 2) complex64."""
        turns: torch.Tensor = self._turns[send(torch.tensor([list(row) for row in places]), self.device)]
        return turns

    def prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        """Keys and values of a voice's opening (positions, 1 + codebooks) int64, as `Prompts.opening` makes it. Kept
        for the next request: a voice's references are most of what is read before the first sound."""
        key = self.dtype, self._fast, _state(self.transformer)
        kept = _voices.get(self.transformer)
        if kept is None or kept[0] != key or not torch.equal(kept[1], conditioning):
            kept = _voices[self.transformer] = key, conditioning, self._prefix(conditioning)
        return kept[2]

    def _prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        hidden = self._embedded(conditioning)[None]
        n = hidden.shape[1]
        block = torch.empty(len(self.layers), 2, 1, self.heads, n, self.size, device=self.device, dtype=self.dtype)
        turns = self.turns([range(n)])
        for layer, own in zip(self.layers, block, strict=True):
            hidden = layer(hidden, own, None, turns, causal=True)
        return block

    def prompt(self, tokens: Sequence[int], codes: Sequence[Frame] = ()) -> torch.Tensor:
        """The text and the frames (token, codes…) that were said already, (positions, channels)."""
        rows = self.prompts.line(tokens)
        if codes:
            rows = torch.cat([rows, torch.tensor([list(frame) for frame in codes if isinstance(frame, tuple)])])
        return self._embedded(rows)

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        """Frames (rows, 1 + codebooks), (rows, channels)."""
        return training.embed(self.transformer, codes).to(self.dtype)

    def out(self, hidden: torch.Tensor) -> Next:
        """Logits of the first code or the end; what the small transformer starts from."""
        return Next((self._norm(hidden) @ self._head.t()).float(), hidden)

    def _embedded(self, rows: torch.Tensor) -> torch.Tensor:
        return training.embed(self.transformer, send(rows, self.device)).to(self.dtype)


def pack(transformer: Any) -> None:
    """Have a transformer on a CPU decode quicker from now on, decoders that were made before, too: the same codes. The
    first time takes a second, and as much memory as its matrices."""
    with torch.inference_mode():
        for block in (*transformer.layers, *transformer.fast_layers):
            attention, forward = block.attention, block.feed_forward
            pack_all((attention.wqkv, attention.wo, forward.w1, forward.w3, forward.w2))


#: The voice that spoke last from each transformer: what it was made of, its opening, and its keys and values.
_voices: WeakKeyDictionary[torch.nn.Module, tuple[object, torch.Tensor, torch.Tensor]] = WeakKeyDictionary()


def _state(transformer: torch.nn.Module) -> tuple[tuple[int, int], ...]:
    """What changes when weights or adapters do."""
    return tuple((each.data_ptr(), 0 if each.is_inference() else each._version) for each in transformer.parameters())


@dataclass(frozen=True)
class Small:
    """The small transformer in one precision."""

    layers: list[Layer]
    head: torch.Tensor  #: (residual codes, channels)
    norm: Norm  #: before the head

    @classmethod
    def of(cls, transformer: Any, codes: int, *, fast: bool, guesses: bool = False) -> Small:
        """With `guesses` what it says is verified: see `Matrix.guesses`."""
        dtype = computes_in(transformer.fast_norm.weight, fast=fast)
        layers = [Layer(layer, dtype, fast=fast, guesses=guesses) for layer in transformer.fast_layers]
        head = whole_rows(transformer.fast_output, slice(codes)).to(dtype)
        return cls(layers, head, Norm.of(transformer.fast_norm, dtype))


class Frames:
    """Draws frames (`engines.autoregressive.decode.Frames`): the first code from the big transformer's logits, the
    others from the small one's, each given those before it.

    One code at a time the small transformer is read nine times a frame. Where there are eight bits it guesses all nine
    with those, and one pass in full precision says which were right, as `engines.autoregressive.speculative` does along
    a sentence: what is said is always drawn from full precision."""

    def __init__(self, decoder: Decoder, how: Drawing, *, fast: bool = False) -> None:
        transformer = decoder.transformer
        config = transformer.config
        self._decoder, self._transformer, self._how = decoder, transformer, how
        self._codebooks: int = config.num_codebooks
        self._vocabulary: int = config.vocab_size
        self._start, self._end = decoder.prompts.semantic, decoder.prompts.end
        self._heads, self._size = config.fast_n_local_heads, config.fast_head_dim
        self._turns = as_complex(transformer.fast_freqs_cis)
        self._n_residual = min(RESIDUAL, config.codebook_size)
        self._full = Small.of(transformer, self._n_residual, fast=fast)
        guesses = not fast and has_eight_bits(decoder.device)
        self._draft = Small.of(transformer, self._n_residual, fast=True, guesses=True) if guesses else None

    def ask(
        self, following: Next, said: Sequence[Sequence[Frame]], luck: Sequence[torch.Generator]
    ) -> tuple[torch.Tensor, ...]:
        """Logits and state that follow; what the penalty counts as said, of the first code (rows, 1) and of the others
        (rows, codes, 16) int64; exponential noise for the first (rows, codes) and the others (rows, codes, codes)."""
        noise = sampling.noise(luck, self._vocabulary, [self._n_residual] * (self._codebooks - 1))
        first = torch.cat([noise[0][:, self._start : self._start + self._decoder.stop], noise[0][:, [self._end]]], 1)
        here = (*self._said(said), first, torch.stack(noise[1:], 1))
        return *following, *(send(one, self._decoder.device) for one in here)

    def draw(self, *asked: torch.Tensor) -> torch.Tensor:
        """(rows, 1 + codebooks) int64: the first code or the end, and the frame's codes."""
        logits, hidden, before, said, noise, luck = asked
        code = sampling.draw(logits, before, self._how, noise)
        # what the end is followed by is drawn too, as stock does, and thrown away
        spoken = code.masked_fill(code == self._decoder.stop, 0)
        # what is known before any code: the state, and the first code
        start = torch.stack([self._transformer.fast_project_in(hidden), self._transformer.fast_embeddings(spoken)], 1)
        nothing = spoken.new_empty(len(spoken), 0)
        if self._draft is None:
            codes = self._drawn(self._full, start, nothing, luck, said, self._codebooks - 1)
        else:
            codes = self._verified(self._draft, start, nothing, luck, said)
        return torch.cat([code[:, None], spoken[:, None], codes], dim=1)

    def made(self, drawn: torch.Tensor) -> list[Said]:
        """What `draw` gave; the only wait of a frame."""
        return [self._made(row) for row in drawn.cpu()]

    def _drawn(
        self,
        by: Small,
        start: torch.Tensor,
        known: torch.Tensor,
        luck: torch.Tensor,
        said: torch.Tensor,
        count: int,
    ) -> torch.Tensor:
        """The `count` codes after the first one by one, (rows, count); those `known` (rows, any) are given."""
        block = self._block(by, len(start))
        x = torch.cat([start, self._transformer.fast_embeddings(known)], dim=1)
        codes = [*known.unbind(1)]
        for number in range(len(codes), count):
            logits = self._logits(by, x, block, number + 2)[:, -1]
            codes.append(sampling.draw(logits, said[:, number], self._how, luck[:, number]))
            x = self._transformer.fast_embeddings(codes[-1])[:, None]
        return torch.stack(codes, dim=1) if codes else known

    def _verified(
        self,
        by: Small,
        start: torch.Tensor,
        known: torch.Tensor,
        luck: torch.Tensor,
        said: torch.Tensor,
    ) -> torch.Tensor:
        """The same, all of them, guessed by a draft and drawn from full precision: from the first wrong guess on it
        guesses anew. The last is not guessed: nothing follows it."""
        count = self._codebooks - 1
        rows = len(start)
        # all codes of all rows are drawn at once: rows × codes, each by its own noise
        before, noise = said.flatten(0, 1), luck.flatten(0, 1)
        while known.shape[1] < count:
            guesses = self._drawn(by, start, known, luck, said, count - 1)
            x = torch.cat([start, self._transformer.fast_embeddings(guesses)], dim=1)
            logits = self._logits(self._full, x, self._block(self._full, rows), self._codebooks)
            drawn = sampling.draw(logits[:, 1:].flatten(0, 1), before, self._how, noise).view(rows, count)
            wrong = (drawn[:, :-1] != guesses).any(dim=0)
            wrong[: known.shape[1]] = False
            right = int(wrong.int().argmax()) + 1 if bool(wrong.any()) else count  # the first wrong one is put right
            known = torch.cat([known, drawn[:, known.shape[1] : right]], dim=1)
        return known

    def _logits(self, by: Small, x: torch.Tensor, block: torch.Tensor, end: int) -> torch.Tensor:
        """Logits (rows, n, residual codes) after positions x (rows, n, channels), the last of which is `end` - 1."""
        x = x.to(by.head.dtype)
        turns = self._turns[end - x.shape[1] : end]
        for layer, own in zip(by.layers, block.narrow(4, 0, end), strict=True):
            x = layer(x, own, None, turns, causal=x.shape[1] > 1)
        return (by.norm(x) @ by.head.t()).float()

    def _block(self, by: Small, rows: int) -> torch.Tensor:
        """Room for the keys and values of a frame."""
        shape = (len(by.layers), 2, rows, self._heads, self._codebooks, self._size)
        return torch.empty(shape, device=self._decoder.device, dtype=by.head.dtype)

    def _said(self, said: Sequence[Sequence[Frame]]) -> tuple[torch.Tensor, torch.Tensor]:
        """What the penalty counts as said, on the CPU: of the first code, and of the others."""
        windows = [sampling.window([_whole(frame) for frame in frames], self._codebooks) for frames in said]
        places = torch.tensor([first for first, *_ in windows]) - self._start
        is_code = (places >= 0) & (places < self._decoder.stop)
        return torch.where(is_code, places, -1), torch.tensor([others for _, *others in windows])

    def _made(self, row: torch.Tensor) -> Said:
        code, *codes = row.tolist()
        stops = code == self._decoder.stop
        token = self._end if stops else self._start + code
        return Said(code, (token, *codes), torch.full((self._codebooks,), -1) if stops else row[1:])


def _whole(frame: Frame) -> tuple[int, ...]:
    assert isinstance(frame, tuple)
    return frame
