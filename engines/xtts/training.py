"""The forward pass for training: Coqui's two losses on the same model, without padding.

Coqui lays a batch out as [voice | text, padded | codes, padded] under an attention mask. Here each clip's row is [voice
| text | codes], and the rows lie end to end: no position is computed that is not needed, whatever the lengths, and a
voice that several clips hear is computed once for all of them. Only attention has rows side by side (`attention.py`),
causal and without a mask. Position embeddings belong to text and codes, not to places in a row, and the losses are
means over the same tokens: they are equal to `GPT.forward`'s (coqui-tts 0.28, called with `cond_latents` and without
`cond_idxs`).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from engines.base import Batch, Features
from engines.device import send
from engines.xtts import attention

#: Coqui's weights of the two losses in the one that is minimised.
TEXT_WEIGHT, MEL_WEIGHT = 0.01, 1.0
#: Times the stop code follows the codes, in input and target: Coqui counts three codes more than there are.
_STOPS = 3


def prepare(gpt: Any, adapters: bool) -> None:
    """Make the transformer's layers cheap to train. What they compute stays the same but for dropout.

    The activation is the same function in one fused operation instead of eight. Attention has no dropout, since with it
    no fast attention kernel can be used; adapters train without dropout in the frozen layers too, as they have their
    own."""
    for block in gpt.gpt.h:
        block.mlp.act = torch.nn.GELU(approximate="tanh")
        block.attn.attn_dropout.p = 0.0
        if adapters:
            block.attn.resid_dropout.p = block.mlp.dropout.p = 0.0
    if adapters:
        gpt.gpt.drop.p = 0.0


def length(features: Features) -> int:
    """Positions that a clip takes beside its voice's."""
    return len(features["tokens"]) + 1 + len(features["codes"]) + 1 + _STOPS


def collate(features: Sequence[Features], prompts: Sequence[Features]) -> Batch:
    """Tensors of a batch, still without start and stop, since those depend on the model.

    "tokens" (clips, text) and "codes" (clips, codes), int64, padded with -1; "prompts": the prompts' mels, each (80,
    frames) float32; "prompt_keys": what tells them apart; "prompt_clips": clips that hear each, one after another."""
    runs = [(key, list(run)) for key, run in itertools.groupby(prompts or features, key=_prompt_key)]
    return {
        "tokens": _pad([one["tokens"] for one in features]),
        "codes": _pad([one["codes"] for one in features]),
        "prompts": [torch.from_numpy(run[0]["prompt"].astype(np.float32)) for _, run in runs],
        "prompt_keys": [key for key, _ in runs],
        "prompt_clips": [len(run) for _, run in runs],
        "clips": len(features),
    }


def _prompt_key(features: Features) -> bytes:
    return hashlib.blake2b(features["prompt"].tobytes(), digest_size=8).digest()


def losses(gpt: Any, batch: Batch, voices: torch.Tensor) -> dict[str, torch.Tensor]:
    """ "text_ce", "mel_ce" (cross entropies, nats) and their weighted sum "loss": scalars () float32 with a gradient.
    `batch` as `collate` makes it, on the CPU; `voices` (prompts, 32, channels) float32 are the conditioning latents, on
    the GPT's device. Raises IndexError or RuntimeError of torch for tokens or codes beyond the model's tables or
    positions; `encode` refuses such clips before."""
    device = voices.device
    text_in, text_out = _shift(batch["tokens"], gpt.start_text_token, gpt.stop_text_token, 1)
    mel_in, mel_out = _shift(batch["codes"], gpt.start_audio_token, gpt.stop_audio_token, 1 + _STOPS)
    n_voices, n_text = voices.shape[0] * voices.shape[1], text_in.shape[1]

    # what of the padded layout [text | codes] is there, and how it lies end to end after the voices: found here and
    # sent as places, since for a mask on a GPU the host waits, to know how many there are, on the way back once more
    used = torch.cat([text_out >= 0, mel_out >= 0], dim=1)
    rows = attention.Rows.of(used, batch["prompt_clips"], voices.shape[1]).to(device)
    is_text = torch.arange(used.shape[1]).expand(used.shape)[used] < n_text
    places, text_places, mel_places = (
        send(torch.nonzero(one.flatten())[:, 0], device) for one in (used, is_text, ~is_text)
    )
    text_target, mel_target = (send(out[out >= 0], device) for out in (text_out, mel_out))
    text_in, mel_in = send(text_in, device), send(mel_in, device)
    laid_out = torch.cat(
        [
            gpt.text_embedding(text_in) + gpt.text_pos_embedding(text_in),
            gpt.mel_embedding(mel_in) + gpt.mel_pos_embedding(mel_in),
        ],
        dim=1,
    )
    attention.use(gpt.gpt)
    flat = torch.cat([voices.flatten(0, 1), laid_out.flatten(0, 1)[places]])
    hidden = gpt.gpt(inputs_embeds=flat[None], use_cache=False, rows=rows).last_hidden_state[0, n_voices:]

    # only positions that have a target go through the heads
    text_ce = cross_entropy(gpt.text_head(gpt.final_norm(hidden[text_places])).float(), text_target)
    mel_ce = cross_entropy(gpt.mel_head(gpt.final_norm(hidden[mel_places])).float(), mel_target)
    return {"loss": TEXT_WEIGHT * text_ce + MEL_WEIGHT * mel_ce, "text_ce": text_ce, "mel_ce": mel_ce}


def _shift(ids: torch.Tensor, start: int, stop: int, stops: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Input [start, ids…, stop × (stops - 1)] and target [ids…, stop × stops] of each row; beyond a row's end the
    target is -1."""
    lengths = (ids >= 0).sum(dim=1)
    longest = ids.shape[1] + stops
    column = torch.arange(longest)
    padded = torch.nn.functional.pad(ids, (0, stops), value=stop)
    padded = torch.where(column < lengths[:, None], padded, stop)
    target = torch.where(column < (lengths + stops)[:, None], padded, -1)
    inputs = torch.cat([torch.full((len(ids), 1), start), padded[:, :-1]], dim=1)
    return inputs, target


def _pad(rows: Sequence[Any]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(row.astype(np.int64)) for row in rows], batch_first=True, padding_value=-1
    )
