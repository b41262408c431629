"""XTTS's GPT as a decoder (`engines.autoregressive.decode`).

Written out instead of `GPT2Model.forward`: the latent that stock coqui-tts computes in a second pass over all codes
falls off each step (equal to 2e-6), and what the voice's latents give is kept from one request to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from engines.autoregressive.decode import Frame, Next
from engines.autoregressive.projections import Projection, pack_all, projection, reduce_all
from engines.device import send

#: The token id that stock coqui-tts counts as said before it starts (a prompt is ones to it), beside the start code.
_SAID_AT_START = 1


class Decoder:
    """A GPT ready to decode. Made for each request: that costs next to nothing, and adapters are read as they are
    now."""

    def __init__(self, gpt: Any, *, fast: bool = False) -> None:
        self.gpt, self.heads, self.channels = gpt, gpt.heads, gpt.model_dim
        self.size, self.dtype = gpt.model_dim // gpt.heads, torch.float32
        self.device: torch.device = gpt.final_norm.weight.device
        self.n_codes: int = gpt.num_audio_tokens
        self.stop: int = gpt.stop_audio_token
        self.counted: tuple[int, ...] = (_SAID_AT_START, gpt.start_audio_token)
        if fast:
            reduce_all(_matrices(gpt))
        self.layers = [_Layer(block, fast) for block in gpt.gpt.h]
        self.head = projection(gpt.mel_head, fast=fast)
        adapted = any(
            matrix.adapters
            for layer in self.layers
            for matrix in (layer.attend, layer.attended, layer.widen, layer.narrow)
        )
        self.kind = f"xtts, {'fewer bits' if fast else 'fp32'}{', adapters' if adapted else ''}"
        self.exact = not fast
        self._built_from = fast, _state(gpt.gpt)

    def prompt(self, tokens: Sequence[int], codes: Sequence[Frame] = ()) -> torch.Tensor:
        """What stands between the voice and the next code, (positions, channels): the text between its marks, the start
        code, and the codes that were said already."""
        gpt = self.gpt
        text = send(torch.tensor([[gpt.start_text_token, *tokens, gpt.stop_text_token]]), self.device)
        said = send(torch.tensor([gpt.start_audio_token, *codes]), self.device)
        spelt = gpt.text_embedding(text) + gpt.text_pos_embedding(text)
        return torch.cat([spelt[0], self.embed(said, range(len(said)))])

    def turns(self, places: Sequence[Sequence[int]]) -> None:
        """None: positions are added to embeddings."""

    def prefix(self, conditioning: torch.Tensor) -> torch.Tensor:
        """Keys and values of conditioning latents (1, 32, channels): (layers, 2, 1, heads, 32, size)."""
        latents = conditioning
        key = latents.data_ptr(), self._built_from
        kept = _voices.get(self.gpt)
        if kept is None or kept[0] != key or not torch.equal(kept[1], latents):
            block = torch.empty(
                len(self.layers), 2, 1, self.heads, latents.shape[1], self.channels // self.heads, device=self.device
            )
            hidden = latents.to(self.device)
            for layer, own in zip(self.layers, block, strict=True):
                hidden = layer(hidden, own, None, causal=True)
            kept = _voices[self.gpt] = key, latents, block
        return kept[2]

    def embed(self, codes: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        """Codes (rows,) at their positions among the codes, the start code being at 0: (rows, channels)."""
        gpt = self.gpt
        places = send(torch.tensor(positions), self.device)
        embedded: torch.Tensor = gpt.mel_embedding(codes) + gpt.mel_pos_embedding.emb(places)
        return embedded

    def out(self, hidden: torch.Tensor) -> Next:
        """Of the last layer's output (rows, channels)."""
        final, norm = self.gpt.gpt.ln_f, self.gpt.final_norm
        latents = layer_norm(hidden, (self.channels,), final.weight, final.bias, final.eps)
        latents = layer_norm(latents, (self.channels,), norm.weight, norm.bias, norm.eps)
        return Next(self.head(latents), latents)


def pack(gpt: Any) -> None:
    """Have a GPT on a CPU decode quicker from now on, decoders that were made before, too: the same codes. The first
    time takes a second, and as much memory as its matrices."""
    with torch.inference_mode():
        pack_all(_matrices(gpt))


def _matrices(gpt: Any) -> Iterator[Any]:
    for block in gpt.gpt.h:
        yield from (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj)


#: The voice that spoke last from each GPT: what it was made of, its latents, and its keys and values.
_voices: WeakKeyDictionary[torch.nn.Module, tuple[object, torch.Tensor, torch.Tensor]] = WeakKeyDictionary()


def _state(transformer: torch.nn.Module) -> tuple[tuple[int, int], ...]:
    """What changes when weights or adapters do."""
    return tuple((each.data_ptr(), 0 if each.is_inference() else each._version) for each in transformer.parameters())


class _Layer:
    """One block of GPT-2."""

    def __init__(self, block: Any, fast: bool) -> None:
        attention, mlp = block.attn, block.mlp
        self.before, self.between = block.ln_1, block.ln_2
        self.attend = projection(attention.c_attn, fast=fast)
        self.attended = projection(attention.c_proj, fast=fast)
        self.widen = projection(mlp.c_fc, fast=fast)
        self.narrow = projection(mlp.c_proj, fast=fast)

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
        `block` (2, rows, heads, columns, size). A mask is True where a position may look."""
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
