"""Low-rank adapters on the GPT (peft), put in place: the modules keep their names, so a merged model has Coqui's own
keys."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch

from engines import coqui
from engines.base import LoraSettings
from engines.errors import BadInput

#: Imported when adapters are put in place, and not for voices without any.
_PEFT_LAYERS = "peft.tuners.lora"
#: Where adapters go unless told otherwise: all matrices of the transformer.
TARGETS = ("c_attn", "c_fc", "c_proj")
_NAME = "default"


def inject(transformer: torch.nn.Module, settings: LoraSettings, seed: int = 0) -> None:
    """Adapters that change nothing yet; the same settings and seed give the same ones. Raises BadInput for unknown
    targets."""
    with coqui.imports():  # peft imports transformers, which imports torchaudio
        from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets or TARGETS),
        fan_in_fan_out=True,  # GPT-2's matrices are stored transposed
        bias="none",
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        inject_adapter_in_model(config, transformer, _NAME)
    except ValueError as error:
        raise BadInput(
            f"Adapters cannot go to {', '.join(settings.targets)}.", f"Choose from {', '.join(TARGETS)}."
        ) from error
    finally:
        torch.random.set_rng_state(state)
    for layer in layers(transformer).values():
        layer.cast_input_dtype_enabled = False  # autocast does that, without a copy in fp32 of every activation


def layers(transformer: torch.nn.Module) -> dict[str, Any]:
    """Adapted layers by name; none without adapters."""
    if (peft := sys.modules.get(_PEFT_LAYERS)) is None:
        return {}
    return {name: layer for name, layer in transformer.named_modules() if isinstance(layer, peft.LoraLayer)}


def state(transformer: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The adapters' own tensors: "<layer>.a" (rank, in), "<layer>.b" (out, rank)."""
    tensors = {}
    for name, layer in layers(transformer).items():
        tensors[f"{name}.a"] = layer.lora_A[_NAME].weight.detach()
        tensors[f"{name}.b"] = layer.lora_B[_NAME].weight.detach()
    return tensors


@torch.no_grad()
def load(transformer: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put a voice's adapters into layers that have some: a few milliseconds, which is how voices share one base. Raises
    BadInput where they do not fit."""
    there = layers(transformer)
    wanted = {f"{name}.{part}" for name in there for part in "ab"}
    if wanted != set(tensors):
        raise BadInput(
            "These adapters are for other layers than the model has.",
            "Load them with the settings they were trained with.",
        )
    for name, layer in there.items():
        layer.lora_A[_NAME].weight.copy_(tensors[f"{name}.a"], non_blocking=True)
        layer.lora_B[_NAME].weight.copy_(tensors[f"{name}.b"], non_blocking=True)


@torch.no_grad()
def fold(transformer: torch.nn.Module) -> None:
    """Fold adapters into the weights and take them away. The weights are new tensors: a mapped file or another model
    stays as it was."""
    for name, layer in layers(transformer).items():
        base = layer.get_base_layer()
        base.weight = torch.nn.Parameter(
            base.weight.float() + layer.get_delta_weight(_NAME).float(), requires_grad=base.weight.requires_grad
        )
        parent, _, last = name.rpartition(".")
        setattr(transformer.get_submodule(parent), last, base)
    transformer.__dict__.pop("peft_config", None)  # else peft takes the next adapters for second ones


def freeze_in_bf16(transformer: torch.nn.Module) -> None:
    """Keep the frozen matrices as bf16 autocast would cast them at every use: the same products, half the memory, no
    casts."""
    for layer in layers(transformer).values():
        base = layer.get_base_layer()
        if base.weight.dtype == torch.float32:
            base.weight = torch.nn.Parameter(base.weight.detach().to(torch.bfloat16), requires_grad=False)


def parameters(transformer: torch.nn.Module) -> list[torch.nn.Parameter]:
    """What trains, in a fixed order."""
    return [
        layer_part.weight
        for layer in layers(transformer).values()
        for layer_part in (layer.lora_A[_NAME], layer.lora_B[_NAME])
    ]
