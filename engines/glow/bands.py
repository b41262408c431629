"""What is spoken has the bands of the recordings: a scale and a shift for each mel band of a voice.

An acoustic model's mels are smoother than recordings: a band varies less, and may lie higher or lower. Scaled so that
their mean and spread over a voice's louder frames are the recordings' own (global variance, as Toda and Tokuda 2007
have it, by the whole voice and not by the utterance), they sound more like it, and less dull.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines.base import Features
from engines.device import send
from engines.errors import EngineError
from engines.files import write_whole
from engines.glow import mel, network

FILE = "bands.json"
#: Clips that are looked at, from all over those given, since new ones come first; and how many at once.
CLIPS, AT_ONCE = 24, 8
#: Of a band's spread, at most and at least: a band in which hardly anything is said is not blown up.
LEAST, MOST = 0.8, 1.4


@dataclass(frozen=True)
class Bands:
    """mel → scale × mel + shift, each (N_MELS,) float32, of normalised log-mels."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __call__(self, spoken: torch.Tensor) -> torch.Tensor:
        """Of a mel (N_MELS, frames)."""
        return spoken * self.scale[:, None] + self.shift[:, None]


@torch.inference_mode()
def measure(
    module: Any, speaker: int, clips: Sequence[Features], collate: Callable[[Sequence[Features]], Any]
) -> Bands | None:
    """Of what a network says of clips along their own alignment, beside their recordings. None as `between` has it, or
    without clips. The caller's random state is left alone."""
    if not clips:
        return None
    device = next(module.parameters()).device
    was_training = module.training
    module.eval()
    spoken, recorded = [], []
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(0)
            count = min(len(clips), CLIPS)
            chosen = [clips[place * len(clips) // count] for place in range(count)]
            for first in range(0, count, AT_ONCE):
                batch = collate(chosen[first : first + AT_ONCE])
                texts, text_lengths, mels, lengths = (
                    send(batch[name], device) for name in ("texts", "text_lengths", "mels", "mel_lengths")
                )
                speakers = torch.full((len(texts),), speaker, device=device)
                outputs = network.forward(module, texts, text_lengths, mels, lengths, speakers)
                said = network.said(module, outputs, lengths, speakers, network.SPOKEN_NOISE)
                for mine, theirs, length in zip(said, mels, (lengths // 2 * 2).tolist(), strict=True):
                    spoken.append(mine[:, :length].float().cpu())
                    recorded.append(theirs[:, :length].float().cpu())
    finally:
        module.train(was_training)
    return between(torch.cat(spoken, dim=1), torch.cat(recorded, dim=1))


def between(spoken: torch.Tensor, recorded: torch.Tensor) -> Bands | None:
    """Of mels (N_MELS, frames) of the same frames: the louder ones of the recordings count. None for fewer than two of
    these, and where what is spoken is no number."""
    loud = recorded.mean(dim=0) > recorded.mean()
    if int(loud.sum()) < 2:
        return None
    mine, theirs = spoken[:, loud], recorded[:, loud]
    scale = (theirs.std(dim=1) / mine.std(dim=1).clamp_min(1e-6)).clamp(LEAST, MOST)
    shift = theirs.mean(dim=1) - scale * mine.mean(dim=1)
    return Bands(scale, shift) if bool((scale + shift).isfinite().all()) else None


def write(bands: Bands, folder: Path) -> None:
    """Into a version's folder."""
    values = {"scale": bands.scale.tolist(), "shift": bands.shift.tolist()}
    write_whole(folder / FILE, (json.dumps(values) + "\n").encode(), "the voice's bands")


def is_in(folder: Path) -> bool:
    """Whether a version has some."""
    return (folder / FILE).is_file()


def read(folder: Path) -> Bands | None:
    """Those of a version; None: it has none. Raises EngineError if the file is damaged."""
    if not is_in(folder):
        return None
    try:
        values = json.loads((folder / FILE).read_text())
        scale, shift = (np.asarray(values[name], np.float32) for name in ("scale", "shift"))
        if scale.shape != (mel.N_MELS,) or shift.shape != (mel.N_MELS,):
            raise ValueError(f"scale and shift must have {mel.N_MELS} numbers each")
        if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
            raise ValueError("scale and shift must be numbers")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise EngineError(
            f"{folder / FILE} cannot be read: {error}", "Restore the folder, or train the voice again."
        ) from error
    return Bands(torch.from_numpy(scale), torch.from_numpy(shift))
