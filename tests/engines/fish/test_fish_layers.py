"""The blocks that decode come to the bits of what training computes, in fewer operations."""

from __future__ import annotations

import pytest
import torch

from engines.fish import network, training
from engines.fish.engine import FishEngine
from engines.fish.layers import HeadNorms, as_complex, turned


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def heads(request: pytest.FixtureRequest) -> torch.Tensor:
    """Queries and keys (2, 5, 6, 32) in the middle of what a layer's matrix makes."""
    luck = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, 8, 32, generator=luck).to(request.param).narrow(2, 0, 6)


def test_positions_turn_alike_in_training_and_speaking(heads: torch.Tensor) -> None:
    turns = torch.randn(5, 16, 2, generator=torch.Generator().manual_seed(2))
    assert torch.equal(turned(heads, as_complex(turns)), training.turned(heads, turns))


@torch.inference_mode()
def test_heads_are_normalised_together_as_each_by_itself(heads: torch.Tensor, engine: FishEngine) -> None:
    attention = network.load(engine.base_dir()).layers[0].attention.to(heads.dtype)
    for norm in (attention.q_norm, attention.k_norm):
        norm.weight.copy_(torch.rand(32, generator=torch.Generator().manual_seed(3)) + 0.5)
    queries, keys = heads.split([attention.n_head, attention.n_local_heads], dim=2)
    alone = torch.cat([attention.q_norm(queries), attention.k_norm(keys)], dim=2)
    assert torch.equal(HeadNorms.of(attention, heads.dtype)(heads), alone)
