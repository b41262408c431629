"""How a voice sounds, as the base's two listeners hear it: computed once a voice and stored with the version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engines.base import Clip
from engines.device import send
from engines.tensor_file import write_tensors
from engines.xtts import references

#: Seconds of reference audio that are listened to, and of the stretches the GPT's latents are a mean over.
HEARD, STRETCH = 30, 6


@dataclass(frozen=True)
class Latents:
    """What a voice is to the model."""

    gpt: torch.Tensor  #: conditioning of the GPT, (1, 32, channels) float32
    speaker: torch.Tensor  #: speaker embedding that the vocoder takes, (1, 512, 1) float32

    def to(self, device: torch.device) -> Latents:
        return Latents(send(self.gpt, device), send(self.speaker, device))

    def save(self, path: Path) -> None:
        write_tensors(path, {"gpt": self.gpt.float(), "speaker": self.speaker.float()})

    @classmethod
    def load(cls, path: Path) -> Latents:
        tensors = load_file(path)
        return cls(tensors["gpt"], tensors["speaker"])


def stock(speakers: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, Latents]:
    """The base's own speakers by name, float32 on the CPU, from what `speakers_xtts.pth` has of each: "gpt_cond_latent"
    (1, 32, channels) and "speaker_embedding" (1, 512, 1), of any float dtype. Raises KeyError for one that lacks either
    (`weights.check` says in words)."""
    return {
        name: Latents(voice["gpt_cond_latent"].float(), voice["speaker_embedding"].float())
        for name, voice in speakers.items()
    }


def of(xtts: Any, clips: Sequence[Clip]) -> Latents:
    """Latents of a voice from its best clips, `HEARD` seconds in all. Raises BadInput if none can be read."""
    heard = references.best(xtts, clips, HEARD)
    speaker = torch.stack([references.embedding(xtts, sound) for sound in heard]).mean(dim=0)
    gpt = xtts.get_gpt_cond_latents(
        torch.cat(heard, dim=-1), references.SAMPLE_RATE, length=HEARD, chunk_length=STRETCH
    )
    return Latents(gpt.clone(), speaker.clone())  # out of inference mode
