"""A loaded voice of `glow`: the network, and which row of its speaker table speaks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engines.errors import BadInput, WeightsMissing
from engines.glow import bands, network, vocoder
from engines.glow.bands import Bands
from engines.glow.network import Settings
from engines.metrics.similarity import cosine, embed, mean_embedding

#: Environment variable that names another base folder.
BASE_VARIABLE = "MYNA_GLOW_BASE"
#: The row that a voice trains and speaks with; the base's own speakers stay beside it.
VOICE = "voice"
#: Beside a base's weights: the mean speaker embedding of each of its speakers, by name.
VOICES = "speakers.json"


@dataclass
class GlowModel:
    """A voice in memory. `module` is all that trains."""

    module: torch.nn.Module
    settings: Settings
    speaker: int  #: row of the speaker table
    vocoder: vocoder.Vocoder
    device: torch.device
    kind: str = "full"
    own_vocoder: bool = False  #: it has learned the voice
    bands: Bands | None = None  #: what is spoken goes through it; None: it stays as it is

    @property
    def held(self) -> tuple[torch.nn.Module, ...]:
        """See `HoldsMore`: each voice has a vocoder of its own."""
        return (self.module, self.vocoder) if isinstance(self.vocoder, torch.nn.Module) else (self.module,)


def base_dir() -> Path:
    """Folder of the base: the one shipped, or BASE_VARIABLE's. Raises WeightsMissing if it holds none."""
    given = os.environ.get(BASE_VARIABLE)
    folder = Path(given) if given else Path(__file__).parent / "base"
    if not (folder / network.WEIGHTS).is_file() or not (folder / network.SETTINGS).is_file():
        remedy = (
            f"Let {BASE_VARIABLE} name a folder that has them, or unset it."
            if given
            else "Install Myna again: they come with it."
        )
        raise WeightsMissing(f"There is no {network.WEIGHTS} with {network.SETTINGS} in {folder}.", remedy)
    return folder


def load(version: Path | None, device: str) -> GlowModel:
    """A version's folder, or the base with a fresh row for a new voice, a copy of its first speaker's."""
    module, settings = network.load(version or base_dir())
    if VOICE not in settings.speakers:
        module, settings = _with_voice(module, settings)
    module.to(device).eval()
    own = version is not None and vocoder.is_in(version)
    sound = vocoder.load(version if version is not None and own else base_dir())
    return GlowModel(
        module,
        settings,
        settings.speakers.index(VOICE),
        sound,
        torch.device(device),
        own_vocoder=own,
        bands=bands.read(version) if version is not None else None,
    )


def _with_voice(module: Any, settings: Settings) -> tuple[torch.nn.Module, Settings]:
    """The same network with one more row, a copy of the first: building a second one takes as long as all the rest."""
    table = module.emb_g.weight.data
    rows = torch.cat([table, table[:1]])
    module.emb_g = torch.nn.Embedding(len(rows), rows.shape[1], _weight=rows)
    return module, replace(settings, speakers=(*settings.speakers, VOICE))


def nearest_speaker(model: GlowModel, base: Path, recordings: Iterable[NDArray[np.float32]]) -> int:
    """Row of the base speaker that sounds most like recordings, each (n,) at mel.SAMPLE_RATE, by speaker embedding
    (Resemblyzer).

    The network's own likelihoods do not tell: they favour whichever speaker has the widest spread. The first row for a
    base without VOICES.
    """
    if not (base / VOICES).is_file():
        return 0
    voices: dict[str, list[float]] = json.loads((base / VOICES).read_text())
    heard = []
    for samples in recordings:
        with suppress(BadInput):  # too little speech in it
            heard.append(embed(samples))
    if not heard:
        return 0
    voice_heard = mean_embedding(heard)
    alike = {
        name: cosine(voice_heard, np.asarray(voice, np.float32))
        for name, voice in voices.items()
        if name in model.settings.speakers
    }
    return model.settings.speakers.index(max(alike, key=alike.__getitem__)) if alike else 0


def start_as(model: GlowModel, row: int) -> None:
    """Let the voice begin as a copy of another row."""
    module: Any = model.module
    with torch.no_grad():
        module.emb_g.weight[model.speaker] = module.emb_g.weight[row]
