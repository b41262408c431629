"""The transformer of fish-speech, built without drawing weights and filled from the base's file by memory map: what is
not touched is never read.

Its two causal masks (67 MB at the published length) are never made: our forward passes ask for none.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engines.errors import WeightsMissing
from engines.fish import weights
from engines.fish.upstream import DualARModelArgs, DualARTransformer, FishTokenizer, precompute_freqs_cis

_REMEDY = "Give a whole base with `myna engines add fish FOLDER`."
_PREFIX = "model."


def read_config(folder: Path) -> Any:
    """`config.json` as stock reads it, a DualARModelArgs. Raises WeightsMissing."""
    path = folder / "config.json"
    values = weights.read_config(path)
    try:
        return DualARModelArgs(**values)
    except TypeError as error:
        raise WeightsMissing(f"{path} has settings that fish-speech 0.1.0 does not know ({error}).", _REMEDY) from error


def read_tokenizer(folder: Path) -> Any:
    """Stock's FishTokenizer. Raises WeightsMissing."""
    try:
        return FishTokenizer.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise WeightsMissing(f"{folder / 'tokenizer.tiktoken'} is no tokenizer ({error}).", _REMEDY) from error


def load(folder: Path) -> Any:
    """The base in `folder`, on the CPU, a DualARTransformer whose parameters are views of the file, in the file's
    precision. In evaluation mode. Raises WeightsMissing."""
    config = read_config(folder)
    with torch.device("meta"):
        model = DualARTransformer(config, tokenizer=read_tokenizer(folder))
    _buffers(model, config)
    fill(model, read(folder / "model.pth"), folder / "model.pth")
    model.eval()
    return model


def twin(model: Any) -> Any:
    """Another transformer with the same matrices, embeddings and norms, not copies of them: adapters on it are its own,
    and what is kept of a matrix (packed, in eight bits) is both's."""
    leaves = [module for module in model.modules() if next(module.children(), None) is None]
    whole = [*leaves, *model.buffers(), model.config, model.tokenizer]
    return copy.deepcopy(model, {id(one): one for one in whole})


def _buffers(model: Any, config: Any) -> None:
    """Rotations are computed, as stock does; the causal masks stay empty."""
    model.freqs_cis = precompute_freqs_cis(config.max_seq_len, config.head_dim, config.rope_base)
    model.fast_freqs_cis = precompute_freqs_cis(config.num_codebooks, config.fast_head_dim, config.rope_base)
    model.causal_mask = torch.empty(0, dtype=torch.bool)


def read(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a `.pth` by their names in the model, mapped. Raises WeightsMissing."""
    try:
        state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise WeightsMissing(f"{path} cannot be read ({error}).", _REMEDY) from error
    except Exception as error:  # pickle's own: what is in it is no plain tensors
        raise WeightsMissing(f"{path} holds more than tensors ({type(error).__name__}).", _REMEDY) from error
    state = state.get("state_dict", state)
    return {name.removeprefix(_PREFIX): value for name, value in state.items() if "audio_" not in name}


def fill(module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Let a state stand in for a module's parameters and buffers. Raises WeightsMissing for one that is not whole or
    does not fit: stock loads with strict=False, and leaves what lacks random."""
    own = module.state_dict()
    missing = [name for name in own if name not in state]
    foreign = [name for name in state if name not in own]
    wrong = [name for name in own if name in state and state[name].shape != own[name].shape]
    for names, what in ((missing, "lacks"), (foreign, "has, where nothing is known of it,"), (wrong, "has otherwise")):
        if names:
            raise WeightsMissing(f"{path} {what} {names[0]}, one of {len(names)} such tensors.", _REMEDY)
    module.load_state_dict(dict(state), assign=True)
    module.requires_grad_(False)
