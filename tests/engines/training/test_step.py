"""One update is torch's own, number by number."""

from __future__ import annotations

import torch

from engines.training.settings import TrainSettings
from engines.training.step import BETAS, adamw

SETTINGS = TrainSettings(steps=5, learning_rate=1e-2, weight_decay=0.1)


def learned(optimizer: torch.optim.Optimizer, module: torch.nn.Module) -> None:
    """Five updates; after the third the optimizer goes on from what was saved of it."""
    chance = torch.Generator().manual_seed(1)
    for number in range(5):
        optimizer.zero_grad(set_to_none=True)
        module(torch.randn(3, 5, generator=chance)).square().mean().backward()
        optimizer.step()
        if number == 2:
            optimizer.load_state_dict(optimizer.state_dict())


def test_the_optimizer_without_the_compiler_is_torchs_bit_for_bit() -> None:
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(5, 7), torch.nn.Linear(5, 7)
    theirs.load_state_dict(ours.state_dict())
    mine = adamw(list(ours.parameters()), SETTINGS, torch.device("cpu"))
    groups = [
        {"params": [theirs.weight], "weight_decay": SETTINGS.weight_decay},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    plain = torch.optim.AdamW(groups, lr=SETTINGS.learning_rate, betas=BETAS, fused=True)
    learned(mine, ours)
    learned(plain, theirs)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))
    saved, expected = mine.state_dict(), plain.state_dict()
    assert saved["param_groups"] == expected["param_groups"]
    assert all(
        torch.equal(values[name], expected["state"][key][name])
        for key, values in saved["state"].items()
        for name in values
    )
