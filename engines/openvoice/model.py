"""A voice as the converter knows it: how its clips sound, a few hundred numbers beside a base that all voices share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch

from engines.audio import clip as clip_file
from engines.base import Clip
from engines.device import send
from engines.errors import BadInput
from engines.openvoice import network
from engines.openvoice.weights import CHECKPOINT

#: Seconds of clips that a voice is heard from, the longest first: more changes it little, and each is read.
HEARD = 30.0
#: Samples of the shortest sound that a voice can be heard from: its spectrum reflects some hundreds at each end.
SHORTEST = 4_096


@dataclass(eq=False)
class OpenVoiceModel:
    """A voice in memory."""

    module: Any  #: Coqui's OpenVoice, the same for all voices
    target: torch.Tensor  #: (1, channels, 1): how the voice sounds
    device: torch.device

    @property
    def shared(self) -> Any:
        """What voices share in memory."""
        return self.module


_networks: WeakValueDictionary[tuple[Path, int, str], Any] = WeakValueDictionary()


def load(base: Path, device: str, reference: Sequence[Clip]) -> OpenVoiceModel:
    """The base, to sound like the clips. Raises WeightsMissing, and BadInput where no clip can be heard."""
    key = base, (base / CHECKPOINT).stat().st_mtime_ns, device
    openvoice = _networks.get(key)
    if openvoice is None:
        openvoice = _networks[key] = network.load(base, device)
    on = torch.device(device)
    return OpenVoiceModel(openvoice, _target(openvoice, reference, on), on)


def heard(openvoice: Any, samples: torch.Tensor) -> torch.Tensor:
    """How sound (n,) at the base's rate, on its device, sounds: (1, channels, 1)."""
    spectrum = network.spectrum(openvoice, samples)
    return torch.as_tensor(openvoice.ref_enc(spectrum.transpose(1, 2)).unsqueeze(-1))


@torch.inference_mode()
def _target(openvoice: Any, clips: Sequence[Clip], device: torch.device) -> torch.Tensor:
    """The mean over clips, as Coqui's class has it. Does not depend on their order."""
    rate = openvoice.config.audio.input_sample_rate
    found: list[torch.Tensor] = []
    seconds = 0.0
    for clip in sorted(clips, key=lambda one: (-one.seconds, one.sha256)):
        try:
            samples = torch.from_numpy(clip_file.read(clip.path, rate))
        except BadInput:
            continue  # told of when it was encoded
        if len(samples) < SHORTEST:
            continue
        found.append(heard(openvoice, send(samples, device)))
        seconds += len(samples) / rate
        if seconds >= HEARD:
            break
    if not found:
        raise BadInput("There is no clip of this voice that can be heard.", "Add recordings of at least a second.")
    return torch.stack(found).mean(dim=0)
