"""The forward pass for training: what generation computes (`forward_generate` and `forward_generate_fast`, equal to
1e-5), for all positions at once. fish-speech's own training forward raises, and does not scale the codes' embeddings
as generation does.

Clips that hear the same prompt share it: it is computed once, since a causal network makes the same of it whatever
follows. Two losses, as users of fish-speech know them: "base", the next token (a frame's first code, or the end), and
"semantic", all ten codes of each frame by the small transformer, each given those before it. No dropout: the published
model has none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, linear, scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from engines.base import Batch, Features
from engines.device import send
from engines.fish.prompts import Prompts, Reference

#: Codes that the residual codebooks have, which is where stock's generation cuts the small transformer's head.
RESIDUAL = 1_024


@dataclass(frozen=True)
class Group:
    """Clips that hear one prompt, as they lie in a flat batch: the prompt, then the rows, padded to the longest."""

    start: int  #: first position in the flat batch
    prompt: int  #: positions
    rows: int
    longest: int  #: positions of a row

    @property
    def end(self) -> int:
        return self.start + self.prompt + self.rows * self.longest

    def positions(self) -> torch.Tensor:
        """Where each position stands in its own sequence, (positions,) int64."""
        own = torch.arange(self.prompt, self.prompt + self.longest)
        return torch.cat([torch.arange(self.prompt), own.repeat(self.rows)])

    def seen(self, device: torch.device) -> torch.Tensor:
        """Which positions of prompt and row each position of a row may look at, (longest, prompt + longest) bool."""
        whole = torch.ones(self.longest, self.prompt + self.longest, dtype=torch.bool, device=device)
        return whole.tril(self.prompt)


def length(features: Features) -> int:
    """Positions that a clip takes beside its prompt's."""
    return len(features["text"]) + int(features["codes"].shape[1]) + 1


def collate(prompts: Prompts, features: Sequence[Features], heard: Sequence[Features]) -> Batch:
    """A batch for `losses`, on the CPU: "inputs" (positions, 1 + codebooks) int64, all groups end to end; "groups";
    "places" (frames + clips,) of the positions that have a target, "tokens" the target there; "spoken" (frames,) those
    among "places" that begin a frame, "codes" (frames, codebooks) the codes there."""
    order: Sequence[Features | None] = heard or [None] * len(features)
    inputs, groups, places, targets, at = [], [], [], [], 0
    for _, run in itertools.groupby(range(len(features)), key=lambda index: id(order[index])):
        indices = list(run)
        first = order[indices[0]]
        opening = prompts.opening([] if first is None else [_reference(first)])
        rows, texts = [], []
        for index in indices:
            line = prompts.line(features[index]["text"].tolist())
            rows.append(torch.cat([line, prompts.frames(_codes(features[index]))]))
            texts.append(len(line))
        group = Group(at, len(opening), len(rows), max(map(len, rows)))
        padded = pad_sequence(rows, batch_first=True)
        inputs += [opening, padded.flatten(0, 1)]
        groups.append(group)
        for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
            begin = at + group.prompt + number * group.longest
            places.append(torch.arange(begin + text - 1, begin + len(row)))
            targets.append(torch.cat([row[text:, :1], torch.tensor([[prompts.end]])])[:, 0])
        at = group.end
    tokens = torch.cat(targets)
    spoken = torch.nonzero(tokens != prompts.end)[:, 0]
    codes = np.concatenate([one["codes"].astype(np.int64).T for one in features])
    return {
        "inputs": torch.cat(inputs),
        "groups": tuple(groups),
        "places": torch.cat(places),
        "tokens": tokens,
        "spoken": spoken,
        "codes": torch.from_numpy(codes),
        "clips": len(features),
    }


def losses(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """ "base_ce" (next tokens), "semantic_ce" (codes), cross entropies in nats, and their sum "loss": scalars ()
    float32 with a gradient."""
    device = model.norm.weight.device
    places, tokens, spoken, codes = (send(batch[name], device) for name in ("places", "tokens", "spoken", "codes"))
    hidden = slow(model, send(batch["inputs"], device), batch["groups"])[places]
    base = cross_entropy(head(model, hidden).float(), tokens)
    semantic = cross_entropy(fast(model, hidden[spoken], codes).float().flatten(0, 1), codes.flatten())
    return {"loss": base + semantic, "base_ce": base, "semantic_ce": semantic}


def embed(model: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Of positions (…, 1 + codebooks) int64, (…, dim)."""
    config, tokens = model.config, inputs[..., 0]
    offsets = torch.arange(config.num_codebooks, device=inputs.device) * config.codebook_size
    codes = model.codebook_embeddings(inputs[..., 1:] + offsets).sum(dim=-2)
    is_code = (tokens >= model.tokenizer.semantic_begin_id) & (tokens <= model.tokenizer.semantic_end_id)
    text = model.embeddings(tokens)
    both = text + codes
    if config.scale_codebook_embeddings:
        both = both / math.sqrt(config.num_codebooks + 1)
    return torch.where(is_code[..., None], both, text)


def slow(model: Any, inputs: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """Hidden states (positions, dim) of the big transformer, before its last norm."""
    device = inputs.device
    x = embed(model, inputs)
    turns = model.freqs_cis[send(torch.cat([group.positions() for group in groups]), device)].float()
    masks = [group.seen(device) for group in groups]
    for layer in model.layers:
        if getattr(model, "is_activation_checkpointing", False) and torch.is_grad_enabled():
            x = checkpoint(_layer, layer, x, turns, groups, masks, use_reentrant=False)
        else:
            x = _layer(layer, x, turns, groups, masks)
    return x


def head(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Logits of the next token, (…, vocabulary)."""
    normed = model.norm(hidden)
    return linear(normed, model.embeddings.weight) if model.config.tie_word_embeddings else model.output(normed)


def fast(model: Any, hidden: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Logits (frames, codebooks, codes) of each frame's codes (frames, codebooks), given the big transformer's hidden
    state (frames, dim) before it and the codes before each."""
    first = model.fast_project_in(hidden)
    x = torch.cat([first[:, None], model.fast_embeddings(codes[:, :-1]).to(first.dtype)], dim=1)
    turns = model.fast_freqs_cis[: x.shape[1]].float()
    for layer in model.fast_layers:
        q, k, v = projected(layer, x, turns)
        heard = _heard(_heads_first(q, k, v))
        x = finished(layer, x, heard.transpose(1, 2).flatten(2))
    logits: torch.Tensor = model.fast_output(model.fast_norm(x))
    return logits


def projected(layer: Any, x: torch.Tensor, turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries (…, heads, size), keys and values (…, fewer heads, size) of x (…, dim), turned by `turns` (…, size / 2,
    2)."""
    own = layer.attention
    both = own.wqkv(layer.attention_norm(x))
    both = both.view(*both.shape[:-1], -1, own.head_dim)
    q, k, v = torch.tensor_split(both, (own.n_head, own.n_head + own.n_local_heads), dim=-2)
    if own.attention_qk_norm:
        q, k = own.q_norm(q), own.k_norm(k)
    return turned(q, turns), turned(k, turns), v


def finished(layer: Any, x: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
    """A layer's output, from its input (…, dim) and what its attention heard (…, heads × size)."""
    x = x + layer.attention.wo(heard)
    out: torch.Tensor = x + layer.feed_forward(layer.ffn_norm(x))
    return out


def turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Rotary positions (arXiv 2104.09864) on x (…, heads, size), neighbours in pairs."""
    pairs = x.float().view(*x.shape[:-1], -1, 2)
    cos, sin = turns[..., None, :, 0], turns[..., None, :, 1]
    one, other = pairs[..., 0], pairs[..., 1]
    return torch.stack([one * cos - other * sin, other * cos + one * sin], dim=-1).flatten(-2).type_as(x)


def _layer(
    layer: Any, x: torch.Tensor, turns: torch.Tensor, groups: Sequence[Group], masks: Sequence[torch.Tensor]
) -> torch.Tensor:
    q, k, v = projected(layer, x, turns)
    heard = [_attend(q, k, v, group, mask) for group, mask in zip(groups, masks, strict=True)]
    return finished(layer, x, torch.cat(heard).flatten(1))


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, group: Group, mask: torch.Tensor) -> torch.Tensor:
    """What the positions of a group hear, (positions, heads, size): the prompt itself, the rows it and themselves."""
    middle = group.start + group.prompt
    opening = _heads_first(q[None, group.start : middle], k[None, group.start : middle], v[None, group.start : middle])
    q, k, v = (part[middle : group.end].view(group.rows, group.longest, *part.shape[1:]) for part in (q, k, v))
    rows = _heads_first(q, k, v)
    first = _heard(opening)
    before = [part.expand(group.rows, -1, -1, -1) for part in opening[1:]]
    keys, values = (torch.cat(pair, dim=2) for pair in zip(before, rows[1:], strict=True))
    others = scaled_dot_product_attention(rows[0], keys, values, attn_mask=mask)
    return torch.cat([first[0].transpose(0, 1), others.transpose(1, 2).flatten(0, 1)])


def _heads_first(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(rows, positions, heads, size) → (rows, heads, positions, size), keys and values for every head."""
    times = q.shape[-2] // k.shape[-2]
    k, v = k.repeat_interleave(times, dim=-2), v.repeat_interleave(times, dim=-2)
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


def _heard(parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Causal attention of (rows, heads, positions, size)."""
    return scaled_dot_product_attention(*parts, is_causal=True)


def _reference(features: Features) -> Reference:
    return Reference(tuple(features["text"].tolist()), _codes(features))


def _codes(features: Features) -> NDArray[np.int16]:
    return features["codes"].astype(np.int16)
