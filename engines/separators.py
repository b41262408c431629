"""What parts a voice from the music behind it, told without loading it: the daemon asks which weights are here, and
what they are under. What loads them and works: `engines.audio.separation`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from engines.base import WeightsFile


@dataclass(frozen=True)
class Separator:
    """A model that is published, as `[dataset] separate` names it."""

    name: str
    title: str  #: with who made it, for people
    file: WeightsFile  #: all of it
    terms: str  #: what its weights may be used for, a clause for people
    terms_url: str


#: By name. Hybrid Demucs as torchaudio has it: the model of its `HDEMUCS_HIGH_MUSDB_PLUS`, which has no digest of its
#: file; this one is that of the published file. Its authors: the code is under the MIT licence, the weights are not.
PUBLISHED: Mapping[str, Separator] = MappingProxyType(
    {
        "hdemucs": Separator(
            "hdemucs",
            "Hybrid Demucs (A. Défossez, arXiv 2111.03600)",
            WeightsFile(
                "hdemucs_high_trained.pt",
                "https://download.pytorch.org/torchaudio/models/hdemucs_high_trained.pt",
                "a004b2790d73ffeaa535db458a1a79b539dfdbafbccc31f275d07e632ebd7816",
                334_697_255,
            ),
            "its author gives the weights for scientific purposes only, and no other licence of them",
            "https://github.com/facebookresearch/demucs/issues/327",
        ),
    }
)


#: Bytes that parting voice and music takes at most, of a GPU's memory or the machine's: 1.4 GB were measured on a CPU.
MEMORY = 2 << 30


def folder(name: str, weights_dir: Path) -> Path:
    """Where a model of PUBLISHED lies, or comes to lie."""
    return weights_dir / "separation" / name


def is_model(name: str, place: Path) -> bool:
    """Whether a folder holds a model of PUBLISHED."""
    return (place / PUBLISHED[name].file.name).is_file()


def present(name: str, weights_dir: Path) -> bool:
    """Whether a model of PUBLISHED is here."""
    return is_model(name, folder(name, weights_dir))


def how_to_get(name: str) -> str:
    """What brings it here, a sentence."""
    size = PUBLISHED[name].file.size / 1e9
    fetch = f"`myna engines fetch {name}` brings it ({size:.1f} GB)"
    return f"{fetch}, `myna engines add {name} FOLDER` takes it from a folder."
