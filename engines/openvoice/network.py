"""Coqui's own module of the converter, filled from the publisher's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import parametrize

from engines import coqui
from engines.errors import WeightsMissing
from engines.openvoice.weights import CHECKPOINT, CONFIG, Shape, read_config

with coqui.imports():
    from TTS.utils.audio.torch_transforms import wav_to_spec
    from TTS.vc.configs.openvoice_config import OpenVoiceArgs, OpenVoiceConfig
    from TTS.vc.models.openvoice import OpenVoice

_REMEDY = (
    "Get the base again with `myna engines fetch openvoice`, or give its folder with `myna engines add openvoice "
    "FOLDER`."
)


def build(shape: Shape) -> OpenVoice:
    """The module with random weights."""
    config = OpenVoiceConfig()
    config.audio.input_sample_rate = config.audio.output_sample_rate = shape.rate
    config.audio.fft_size, config.audio.win_length, config.audio.hop_length = shape.transform, shape.window, shape.hop
    known = {name: value for name, value in shape.model.items() if name in OpenVoiceArgs.__dataclass_fields__}
    # what the publisher's class takes where a file does not say it, and Coqui's takes the other
    config.model_args = OpenVoiceArgs(**{"zero_g": False, **known})
    return OpenVoice(config)


def load(folder: Path, device: str = "cpu") -> OpenVoice:
    """The base in `folder`, in evaluation mode. Raises WeightsMissing."""
    path = folder / CHECKPOINT
    openvoice = build(read_config(folder / CONFIG))
    try:
        openvoice.load_state_dict(_read(path))  # all of it: a file that lacks something is no base
    except RuntimeError as error:
        raise WeightsMissing(f"{path} is not this model: {_first(str(error))}.", _REMEDY) from error
    for module in openvoice.modules():
        if parametrize.is_parametrized(module, "weight"):  # folded once: what is not trained is only read
            parametrize.remove_parametrizations(module, "weight")
    openvoice.requires_grad_(False)
    return openvoice.to(device).eval()


def spectrum(openvoice: OpenVoice, samples: torch.Tensor) -> torch.Tensor:
    """(1, bins, frames) of sound (n,) on the module's device, at its rate, as the module hears it; at both ends the
    sound is reflected."""
    audio = openvoice.config.audio
    found = wav_to_spec(samples[None, None], audio.fft_size, audio.hop_length, audio.win_length, center=False)
    return torch.as_tensor(found)


def _read(path: Path) -> dict[str, Any]:
    """The state dict. Never runs code from the file."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsMissing(f"There is no {path}.", _REMEDY) from None
    except Exception as error:  # torch raises many kinds for a file that is cut short or no checkpoint at all
        raise WeightsMissing(f"{path} cannot be read: it is cut short or no checkpoint.", _REMEDY) from error
    state = found.get("model") if isinstance(found, dict) else None
    if not isinstance(state, dict):
        raise WeightsMissing(f"{path} is no checkpoint of a model.", _REMEDY)
    return state


def _first(error: str) -> str:
    """The first fault that torch names."""
    lines = [line.strip(" \t.") for line in error.splitlines()[1:] if line.strip()]
    return lines[0][:200] if lines else error[:200]
