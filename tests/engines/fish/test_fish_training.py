"""What training computes is what generation computes, whoever shares a prompt; and it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stock
import torch

from engines.base import Features, LoraSettings
from engines.fish import codec, training
from engines.fish.engine import FishEngine
from engines.fish.prompts import Prompts, Reference
from engines.training import memory
from engines.training.step import AdamW


def sequence(prompts: Prompts, heard: Features, clip: Features) -> torch.Tensor:
    opening = prompts.opening([Reference(tuple(heard["text"].tolist()), heard["codes"].astype(np.int16))])
    line, frames = prompts.line(clip["text"].tolist()), prompts.frames(clip["codes"].astype(np.int16))
    return torch.cat([opening, line, frames])


@torch.no_grad()
def generations(theirs: Any, positions: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Stock's logits of the tokens after each of `positions`, and of the codes (frames, 10) that end them."""
    for layer in (*theirs.layers, *theirs.fast_layers):
        layer.attention.kv_cache = None
    found = super(type(theirs), theirs).forward_generate(positions.t()[None], return_all=True)
    hidden = theirs.fast_project_in(found.hidden_states[0])
    theirs.max_seq_len = theirs.max_batch_size = -1
    theirs.setup_caches(1, 64, torch.float32)
    rows = []
    for state, frame in zip(hidden[-len(codes) - 1 : -1], codes, strict=True):
        x, logits = state[None, None], []
        for number, code in enumerate(frame):
            logits.append(theirs.forward_generate_fast(x, torch.tensor([number]))[0, 0])
            x = theirs.fast_embeddings(code[None])
        rows.append(torch.stack(logits))
    return found.logits[0], torch.stack(rows)


@pytest.mark.long
@pytest.mark.parametrize("together", [True, False], ids=["one prompt for all", "a prompt each"])
def test_the_forward_pass_is_generations(
    together: bool, tiny: Path, engine: FishEngine, features: list[Features]
) -> None:
    clips = [{**one, "codes": one["codes"][:, :12]} for one in features[:3]]
    heard = [features[3]] * 3 if together else features[3:6]
    fish, theirs = engine.load(None), stock.model(tiny)
    batch = engine.collate(clips, heard)
    assert len(batch["groups"]) == (1 if together else 3)
    with torch.no_grad():
        hidden = training.slow(fish.transformer, batch["inputs"], batch["groups"])[batch["places"]]
        tokens = training.head(fish.transformer, hidden)
        codes = training.fast(fish.transformer, hidden[batch["spoken"]], batch["codes"])
    at = 0
    for number, (one, prompt) in enumerate(zip(clips, heard, strict=True)):
        positions = sequence(fish.prompts, prompt, one)
        wanted, wanted_codes = generations(theirs, positions, torch.from_numpy(one["codes"].T.astype(np.int64)))
        said = fish.prompts.semantic
        assert torch.allclose(tokens[at : at + 13, said:], wanted[-13:, said:], atol=1e-5)
        assert torch.allclose(codes[12 * number : 12 * number + 12], wanted_codes, atol=1e-5)
        at += 13


@pytest.mark.long
def test_losses_are_the_means_over_all_clips(engine: FishEngine, features: list[Features]) -> None:
    fish = engine.load(None)
    both = engine.losses(fish, engine.collate(features[:2], features[2:4]))
    each = [
        engine.losses(fish, engine.collate([one], [heard]))
        for one, heard in zip(features[:2], features[2:4], strict=True)
    ]
    counts = [one["codes"].shape[1] for one in features[:2]]
    for name, more in (("base_ce", 1), ("semantic_ce", 0)):
        values = sum(float(loss[name]) * (count + more) for loss, count in zip(each, counts, strict=True))
        assert float(both[name]) == pytest.approx(values / (sum(counts) + 2 * more), rel=1e-4)
    assert float(both["loss"]) == pytest.approx(float(both["base_ce"] + both["semantic_ce"]))


@pytest.mark.parametrize("lora", [None, LoraSettings(4, 8), LoraSettings(4, 8, 0.1, ("wqkv", "output"))])
def test_it_learns(lora: LoraSettings | None, engine: FishEngine, features: list[Features]) -> None:
    fish = engine.load(None, training=True)
    parameters = engine.trainable(fish, lora)
    assert all(parameter.dtype == torch.float32 for parameter in parameters)
    optimizer, batch = AdamW(parameters, lr=1e-2), engine.collate(features[:2], [features[2]] * 2)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = engine.losses(fish, batch)["loss"]
        loss.backward()
        assert all(parameter.grad is not None for parameter in parameters if parameter.requires_grad)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.3
    before = engine.losses(fish, batch)["loss"]
    before.backward()
    assert memory.checkpoint_activations(fish.module), "activations can be computed again instead of kept"
    assert not memory.checkpoint_activations(fish.module)
    if lora is None or not lora.dropout:
        assert float(engine.losses(fish, batch)["loss"]) == pytest.approx(float(before))


def test_codes_do_not_depend_on_the_silence_that_fills_the_last_frame(engine: FishEngine, tiny: Path) -> None:
    loaded = codec.listener(tiny)
    sound = 0.1 * torch.randn(30_000, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        codes, longer = codec.encode(loaded, sound), codec.encode(loaded, torch.nn.functional.pad(sound, (0, 50_000)))
    assert codes.shape == (10, -(-30_000 // 2_048))
    assert (codes == longer[:, : codes.shape[1]]).mean() > 0.99, "but for rounding"
