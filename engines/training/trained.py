"""What of a model trains: all of it, or adapters on it. For every engine whose models say, as versions do, of which
kind they are and what lies below them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from engines.base import LoraSettings


class Adaptable(Protocol):
    """A loaded voice that can have adapters."""

    kind: str  #: "full", "lora" or "merged"
    lora: LoraSettings | None  #: of the adapters in place
    on: tuple[str, ...]  #: sibling folders of the versions below its own weights
    version: Path | None

    @property
    def module(self) -> torch.nn.Module: ...

    @property
    def transformer(self) -> Any:
        """Where adapters go."""
        ...


M = TypeVar("M", bound=Adaptable)


def whole(model: M, fold: Callable[[M], None]) -> list[torch.nn.Parameter]:
    """All of a model's module, in fp32, in which small steps are not lost, and away from the file that stands in for
    it. `fold`: takes adapters into the weights."""
    fold(model)
    for parameter in model.module.parameters():
        parameter.data = parameter.data.to(torch.float32, copy=True)
        parameter.requires_grad_(True)
    model.kind, model.on = "full", ()
    return list(model.module.parameters())


def adapted(
    model: M,
    settings: LoraSettings,
    fold: Callable[[M], None],
    inject: Callable[[Any, LoraSettings], None],
    parameters: Callable[[Any], list[torch.nn.Parameter]],
) -> list[torch.nn.Parameter]:
    """Adapters of a model: those in place, where they are of this shape; else new ones, on what it was until now.
    `inject` puts them in place, `parameters` lists them."""
    if model.lora != settings:
        below = (*model.on, f"../{model.version.name}") if model.version is not None else ()
        fold(model)
        inject(model.transformer, settings)
        model.lora, model.kind, model.on = settings, "lora", below
    model.module.requires_grad_(False)
    trained = parameters(model.transformer)
    for parameter in trained:
        parameter.requires_grad_(True)
    return trained
