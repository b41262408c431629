"""A version as stock coqui-tts loads it: `TTS(model_path=FOLDER, config_path=FOLDER/config.json)`, the voice under its
speakers."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from engines.xtts import model, network

#: Name of the voice among the speakers of an export.
SPEAKER = "voice"


def write(base: Path, version: Path, folder: Path, *, half: bool = False) -> None:
    """model.pth, config.json, vocab.json and speakers_xtts.pth into an existing `folder`; weights in fp16 if `half`
    (coqui-tts computes in fp32 all the same: it is half the size). Raises WeightsMissing, EngineError."""
    loaded = model.load(base, version, "cpu", training=False, reference=())
    model.fold(loaded)
    state = {
        name: tensor.half() if half and tensor.is_floating_point() else tensor
        for name, tensor in loaded.xtts.state_dict().items()
    }
    torch.save({"model": {name: tensor.contiguous() for name, tensor in state.items()}}, folder / "model.pth")
    shutil.copyfile(base / "config.json", folder / "config.json")
    shutil.copyfile(base / "vocab.json", folder / "vocab.json")
    speakers = network.load_speakers(base)
    if loaded.latents is not None:
        speakers[SPEAKER] = {"gpt_cond_latent": loaded.latents.gpt, "speaker_embedding": loaded.latents.speaker}
    torch.save(speakers, folder / "speakers_xtts.pth")
