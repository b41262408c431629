"""A version in Coqui's own format: `config.json` and `model.pth`, as `TTS.tts.models.glow_tts.GlowTTS.load_checkpoint`
reads them.

What Coqui's tools load is the acoustic model: token ids in, mels out. Its text front-end is not ours: our symbols stand
in `config.json` as private-use characters (U+E001 for token 1, …), since Coqui's vocabularies hold single characters;
`symbols.json` says which is which. A voice's bands and its vocoder (`bands.py`, `vocoder_tuning.py`) have no place in
that format: its mels are as the network says them, and other tools bring a vocoder.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from engines.glow import network
from engines.glow.model import VOICE


def write(version: Path, folder: Path) -> None:
    """Write `config.json`, `model.pth` and `symbols.json` into an existing `folder`. Raises EngineError if the version
    cannot be read."""
    module, settings = network.load(version)
    config = network.coqui_config(settings)
    config.save_json(folder / "config.json")
    # A pickle, since that is what Coqui reads; it holds tensors only and loads with weights_only=True.
    torch.save({"model": module.state_dict(), "step": 0}, folder / "model.pth")
    symbols = {
        "symbols": settings.symbols,
        "phonemizer": settings.phonemizer,
        "speakers": settings.speakers,
        "speaker": VOICE,
    }
    (folder / "symbols.json").write_text(json.dumps(symbols, ensure_ascii=False, indent=1) + "\n")
