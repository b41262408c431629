"""An increment that is averaged with its parent: both were trained from the same base, on overlapping data, so their
weights lie in one basin, and the mean of them is clearer than either (model soups, Wortsman et al. 2022)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch

from engines import registry
from engines.base import Learns, TrainableModel


def origin(engine: Learns) -> str:
    """Fingerprint of the weights that trainings from the engine's base begin with, as they are here. Only versions of
    one origin can be averaged."""
    if known := registry.base_weights(engine.info.name):
        return known
    digest, folder = hashlib.sha256(), engine.base_dir()
    for path in sorted(folder.glob("*.safetensors")) if folder is not None else ():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@torch.no_grad()
def average(model: TrainableModel, parent: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the model's weights to `(1 - share) × own + share × parent`, in place. `parent` is the state of a model of
    the same shape, on any device; what is no floating-point number stays the model's own. Raises ValueError for a
    parent of another shape."""
    own = model.module.state_dict()
    if own.keys() != parent.keys() or any(own[name].shape != parent[name].shape for name in own):
        raise ValueError("a parent of another shape")
    for name, weights in own.items():
        if weights.is_floating_point():
            weights.lerp_(parent[name].to(weights), share)
