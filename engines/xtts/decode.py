"""The GPT's token loop over several texts at once: a step takes one code a row and gives the next code's logits and the vocoder's latent.

Written out instead of `GPT2Model.forward`: keys and values lie in one block that grows rarely, several rows share each reading of the
weights, and the latent that stock coqui-tts computes in a second pass over all codes falls off here (equal to 2e-6). Positions are added to
embeddings, not to keys, so a row may stand anywhere in the block: rows are right-aligned, and join and leave at any step. What the voice's
own latents give stands before every text and does not depend on it: it is kept from one request to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import gelu, layer_norm, pad, scaled_dot_product_attention

from engines.xtts.projections import Projection, projection, reduce_all

#: Columns by which the block of keys and values grows.
GROWTH = 128


class Next(NamedTuple):
    """What the GPT makes of the codes so far."""

    logits: torch.Tensor  #: of the next code, (rows, codes) float32
    latents: torch.Tensor  #: what the vocoder turns into the next code's sound, (rows, channels) float32


class Decoder:
    """A GPT ready to decode. Made for each request: that costs next to nothing, and adapters are read as they are now."""

    def __init__(self, gpt: Any, *, fast: bool = False) -> None:
        self.gpt, self.heads, self.channels = gpt, gpt.heads, gpt.model_dim
        self.device: torch.device = gpt.final_norm.weight.device
        if fast:
            reduce_all(layer for block in gpt.gpt.h for layer in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj))
        self.layers = [_Layer(block, fast) for block in gpt.gpt.h]
        self.head = projection(gpt.mel_head, fast=fast)
        self._made_of = fast, _state(gpt.gpt)

    def prompt(self, tokens: Sequence[int], codes: Sequence[int] = ()) -> torch.Tensor:
        """What stands between the voice and the next code, (positions, channels): the text between its marks, the start code, and the
        codes that were said already."""
        gpt = self.gpt
        text = torch.tensor([[gpt.start_text_token, *tokens, gpt.stop_text_token]], device=self.device)
        said = torch.tensor([gpt.start_audio_token, *codes], device=self.device)
        spelt = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
        return torch.cat([spelt[0], self.embed(said, range(len(said)))])

    def voice(self, latents: torch.Tensor) -> torch.Tensor:
        """Keys and values of conditioning latents (1, 32, channels): (layers, 2, 1, heads, 32, size)."""
        key = latents.data_ptr(), self._made_of
        kept = _voices.get(self.gpt)
        if kept is None or kept[0] != key or not torch.equal(kept[1], latents):
            block = torch.empty(len(self.layers), 2, 1, self.heads, latents.shape[1], self.channels // self.heads, device=self.device)
            hidden = latents.to(self.device)
            for layer, own in zip(self.layers, block, strict=True):
                hidden = layer(hidden, own, None, causal=True)
            kept = _voices[self.gpt] = key, latents, block
        return kept[2]

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        """Codes (rows,) at their positions among the codes, the start code being at 0: (rows, channels)."""
        gpt = self.gpt
        embedded: torch.Tensor = gpt.mel_embedding(codes) + gpt.mel_pos_embedding.emb(torch.tensor(positions, device=self.device))
        return embedded

    def out(self, hidden: torch.Tensor) -> Next:
        """Of the last layer's output (rows, channels)."""
        final, norm = self.gpt.gpt.ln_f, self.gpt.final_norm
        latents = layer_norm(hidden, (self.channels,), final.weight, final.bias, final.eps)
        latents = layer_norm(latents, (self.channels,), norm.weight, norm.bias, norm.eps)
        return Next(self.head(latents), latents)


#: The voice that spoke last from each GPT: what it was made of, its latents, and its keys and values.
_voices: WeakKeyDictionary[torch.nn.Module, tuple[object, torch.Tensor, torch.Tensor]] = WeakKeyDictionary()


def _state(transformer: torch.nn.Module) -> tuple[tuple[int, int], ...]:
    """What changes when weights or adapters do."""
    return tuple((each.data_ptr(), 0 if each.is_inference() else each._version) for each in transformer.parameters())


class Batch:
    """Rows that one voice says together. Call everything under `torch.inference_mode()`."""

    def __init__(self, decoder: Decoder, latents: torch.Tensor) -> None:
        """`latents` (1, 32, channels) are the voice's."""
        self.decoder = decoder
        self._voice = decoder.voice(latents)
        self._clear()

    def _clear(self) -> None:
        self.rows = 0
        self.column = 0  #: next column to be written
        d = self.decoder
        self._block = torch.empty(len(d.layers), 2, 0, d.heads, 0, d.channels // d.heads, device=d.device)
        self._shown = torch.zeros(0, 0, dtype=torch.bool, device=d.device)  #: (rows, columns) what a row may attend to

    def join(self, prompts: Sequence[torch.Tensor]) -> Next:
        """Add rows at the end, each with its prompt (positions, channels); what follows their prompts."""
        lengths = [len(prompt) for prompt in prompts]
        width, count, heard = max(lengths), len(prompts), self._voice.shape[4]
        hidden = torch.stack([pad(prompt, (0, 0, width - len(prompt), 0)) for prompt in prompts])
        own = torch.arange(width, device=hidden.device) >= width - torch.tensor(lengths, device=hidden.device)[:, None]
        shown = pad(own, (heard, 0), value=True)  # the voice, padding, the text
        self._place(count, heard + width, shown)
        written = self._block[:, :, -count:, :, self.column - heard - width : self.column]
        written[:, :, :, :, :heard] = self._voice
        before = torch.ones(width, heard + width, dtype=torch.bool, device=hidden.device).tril(heard)
        mask = (before & shown[:, None])[:, None]
        for layer, block in zip(self.decoder.layers, written, strict=True):
            hidden = layer(hidden, block, mask, causal=False)
        return self.decoder.out(hidden[:, -1])

    def step(self, codes: Sequence[int], positions: Sequence[int], by: Decoder | None = None) -> Next:
        """Say one code a row, at its position among the row's codes (the first is 1); what follows, as another decoder of the same voice
        sees it if one is given."""
        return self._say(self.decoder.embed(torch.tensor(codes, device=self.decoder.device), positions)[:, None], by or self.decoder)

    def say(self, codes: Sequence[int], position: int) -> Next:
        """Say several codes of the only row, the first at a position among its codes; what follows each, (codes, …)."""
        positions = range(position, position + len(codes))
        return self._say(self.decoder.embed(torch.tensor(codes, device=self.decoder.device), positions)[None], self.decoder)

    def back(self, columns: int) -> None:
        """Unsay what every row said last."""
        self.column -= columns

    def _say(self, hidden: torch.Tensor, by: Decoder) -> Next:
        """Of what is said (rows, n, channels) what follows, (rows × n, …)."""
        before, n = self.column, hidden.shape[1]
        if before + n > self._block.shape[4]:
            self._grow(before + max(n, GROWTH), 0)
        self._shown[:, before : before + n] = True
        self.column += n
        shown = self._shown[:, : self.column]
        mask = None if bool(shown.all()) else shown[:, None, None]
        if n > 1:
            earlier = torch.ones(n, self.column, dtype=torch.bool, device=hidden.device).tril(before)
            mask = earlier if mask is None else mask & earlier
        for layer, block in zip(by.layers, self._block[:, :, :, :, : self.column], strict=True):
            hidden = layer(hidden, block, mask, causal=False)
        return by.out(hidden.flatten(0, 1))

    def leave(self, row: int) -> None:
        """Take a row out; those after it move up."""
        kept = [index for index in range(self.rows) if index != row]
        self.rows -= 1
        if not kept:
            self._clear()
            return
        self._block, self._shown = self._block[:, :, kept], self._shown[kept]

    def _place(self, rows: int, width: int, shown: torch.Tensor) -> None:
        """Room for more rows, `width` columns of which end at `column`."""
        shift = max(0, width - self.column)
        self._grow(max(self._block.shape[4], self.column + shift + GROWTH), shift)
        self.column += shift
        more = torch.zeros(*self._block.shape[:2], rows, *self._block.shape[3:], device=self._block.device)
        self._block = torch.cat([self._block, more], dim=2)
        self._shown = torch.cat([self._shown, torch.zeros(rows, self._shown.shape[1], dtype=torch.bool, device=shown.device)])
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


class _Layer:
    """One block of GPT-2."""

    def __init__(self, block: Any, fast: bool) -> None:
        attention, mlp = block.attn, block.mlp
        self.before, self.between = block.ln_1, block.ln_2
        self.attend = projection(attention.c_attn, fast=fast)
        self.attended = projection(attention.c_proj, fast=fast)
        self.widen = projection(mlp.c_fc, fast=fast)
        self.narrow = projection(mlp.c_proj, fast=fast)

    def __call__(self, hidden: torch.Tensor, block: torch.Tensor, mask: torch.Tensor | None, *, causal: bool) -> torch.Tensor:
        """Hidden (rows, n, channels) → the same; keys and values of the n are written into the last n columns of `block` (2, rows,
        heads, columns, size). A mask is True where a position may look."""
        rows, n, channels = hidden.shape
        heads, size = block.shape[2], block.shape[4]
        mixed = _project(self.attend, _norm(hidden, self.before)).view(rows, n, 3, heads, size).permute(2, 0, 3, 1, 4)
        block[:, :, :, -n:] = mixed[1:]
        heard = scaled_dot_product_attention(mixed[0], block[0], block[1], attn_mask=mask, is_causal=causal)
        hidden = hidden + _project(self.attended, heard.transpose(1, 2).reshape(rows, n, channels))
        inner = gelu(_project(self.widen, _norm(hidden, self.between)), approximate="tanh")
        return hidden + _project(self.narrow, inner)


def _norm(hidden: torch.Tensor, norm: torch.nn.LayerNorm) -> torch.Tensor:
    return layer_norm(hidden, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def _project(by: Projection, x: torch.Tensor) -> torch.Tensor:
    return by(x.flatten(0, -2)).view(*x.shape[:-1], -1)
