"""A version as stock fish-speech loads it: the whole folder that its `init_model` and its codec's loader want, adapters
folded in."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from engines.fish import model, references

#: What stock reads as it is.
COPIED = ("config.json", "tokenizer.tiktoken", "special_tokens.json", "codec.pth")
#: The voice's reference: codes as stock's `--prompt-tokens` takes them, and its text.
CODES, TEXT = "reference_{}.npy", "reference_{}.txt"


def write(base: Path, version: Path, folder: Path) -> None:
    """model.pth, the base's other files, the same weights as model.safetensors, and the voice's references, into an
    existing `folder`. Raises WeightsMissing, EngineError."""
    import numpy as np
    from safetensors.torch import save_file

    loaded = model.load(base, version, "cpu", training=False, reference=())
    model.fold(loaded)
    state = {name: tensor.to(loaded.dtype).contiguous() for name, tensor in loaded.module.state_dict().items()}
    torch.save(state, folder / "model.pth")
    save_file(state, folder / "model.safetensors")
    for name in COPIED:
        shutil.copyfile(base / name, folder / name)
    heard = references.load(version / model.VOICE) if (version / model.VOICE).is_file() else ()
    for number, one in enumerate(heard):
        np.save(folder / CODES.format(number), one.codes.astype(np.int64))
        spelt = loaded.transformer.tokenizer.decode(list(one.text))
        (folder / TEXT.format(number)).write_text(spelt + "\n", encoding="utf-8")
