"""A loaded voice of `glow`: the network, and which row of its speaker table speaks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engines.errors import WeightsMissing
from engines.glow import network, vocoder
from engines.glow.network import Settings

#: Environment variable that names another base folder.
BASE_VARIABLE = "MYNA_GLOW_BASE"
#: The row that a voice trains and speaks with; the base's own speakers stay beside it.
VOICE = "voice"


@dataclass
class GlowModel:
    """A voice in memory. `module` is all that trains."""

    module: torch.nn.Module
    settings: Settings
    speaker: int  #: row of the speaker table
    vocoder: vocoder.Vocoder
    device: torch.device
    kind: str = "full"


def base_dir() -> Path:
    """Folder of the base: the one shipped, or BASE_VARIABLE's. Raises WeightsMissing if it holds none."""
    given = os.environ.get(BASE_VARIABLE)
    folder = Path(given) if given else Path(__file__).parent / "base"
    if not (folder / network.WEIGHTS).is_file() or not (folder / network.SETTINGS).is_file():
        remedy = f"Let {BASE_VARIABLE} name a folder that has them, or unset it." if given else "Install Myna again: they come with it."
        raise WeightsMissing(f"There is no {network.WEIGHTS} with {network.SETTINGS} in {folder}.", remedy)
    return folder


def load(version: Path | None, device: str) -> GlowModel:
    """A version's folder, or the base with a fresh row for a new voice, a copy of its first speaker's."""
    module, settings = network.load(version or base_dir())
    if VOICE not in settings.speakers:
        module, settings = _with_voice(module, settings)
    module.to(device).eval()
    return GlowModel(module, settings, settings.speakers.index(VOICE), vocoder.load(base_dir()), torch.device(device))


def _with_voice(module: Any, settings: Settings) -> tuple[torch.nn.Module, Settings]:
    table = module.emb_g.weight.data
    grown = replace(settings, speakers=(*settings.speakers, VOICE))
    state = module.state_dict()
    state["emb_g.weight"] = torch.cat([table, table[:1]])
    larger = network.build(grown)
    larger.load_state_dict(state)
    return larger, grown


def nearest_speaker(model: GlowModel, clips: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> int:
    """Row of the base speaker under whom clips, (tokens, mel) each, are most likely by the network itself.

    The flow gives every clip a likelihood for every speaker, so no speaker recogniser is needed to find the nearest.
    """
    texts, text_lengths = network.pad([tokens for tokens, _ in clips])
    mels, mel_lengths = network.pad([mel for _, mel in clips])
    found = []
    with torch.inference_mode():
        for row in range(len(model.settings.speakers)):
            speakers = torch.full((len(clips),), row)
            moved = [tensor.to(model.device) for tensor in (texts, text_lengths, mels, mel_lengths, speakers)]
            outputs = network.forward(model.module, *moved)
            found.append(float(network.losses(model.module, outputs, moved[1], moved[3])["mle"]))
    return min((row for row in range(len(found)) if row != model.speaker), key=found.__getitem__, default=0)


def start_as(model: GlowModel, row: int) -> None:
    """Let the voice begin as a copy of another row."""
    module: Any = model.module
    with torch.no_grad():
        module.emb_g.weight[model.speaker] = module.emb_g.weight[row]
