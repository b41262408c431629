"""Which recogniser of words a language has on this machine, told by looking at folders and packages only: the daemon
asks. What loads one and hears: `engines.transcription`."""

from __future__ import annotations

import os
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

#: Environment variable that names a folder of Whisper weights.
ENVIRONMENT = "MYNA_WHISPER"
#: Files without which a folder is no Whisper model in CTranslate2's format.
NEEDED = ("model.bin", "config.json", "tokenizer.json")
#: The languages that PocketSphinx's own weights know, ISO 639-1.
SPHINX = ("en",)


#: The Whisper models that can be fetched by name, and the repository of the hub of models that each lies in.
PUBLISHED = {
    "whisper-large-v3": "Systran/faster-whisper-large-v3",
    "whisper-medium": "Systran/faster-whisper-medium",
    "whisper-small": "Systran/faster-whisper-small",
    "whisper-base": "Systran/faster-whisper-base",
    "whisper-tiny": "Systran/faster-whisper-tiny",
}
#: The one that is worth its three gigabytes.
BEST = "whisper-large-v3"
#: What comes with NEEDED where the model has it: words, and how sound becomes features.
BESIDE = ("vocabulary.json", "vocabulary.txt", "preprocessor_config.json")


class Recogniser(StrEnum):
    """What hears words."""

    WHISPER = "whisper"  #: its texts may stand
    POCKETSPHINX = "pocketsphinx"  #: weak: its texts are for comparing


def is_model(folder: Path) -> bool:
    """Whether the folder holds a Whisper model in CTranslate2's format."""
    return all((folder / name).is_file() for name in NEEDED)


def whisper_folder(weights_dir: Path | None) -> Path | None:
    """The folder of Whisper weights: named by the environment, else `weights_dir/whisper` itself or the first model
    folder in it."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    if weights_dir is None:
        return None
    folder = weights_dir / "whisper"
    if is_model(folder):
        return folder
    return next((child for child in sorted(folder.iterdir()) if is_model(child)), None) if folder.is_dir() else None


def fetched_folder(name: str, weights_dir: Path) -> Path:
    """Where a model of PUBLISHED comes to lie."""
    return weights_dir / "whisper" / name.removeprefix("whisper-")


def how_to_get(weights_dir: Path) -> str:
    """What brings a Whisper model here."""
    return f"`myna engines fetch {BEST}` brings one, or put one into {weights_dir / 'whisper'}."


def present(language: str, weights_dir: Path | None) -> Recogniser | None:
    """The recogniser that hears a language (ISO 639-1) here; None: there is none. `weights_dir` is where fetched
    weights lie."""
    if whisper_folder(weights_dir) is not None:
        return Recogniser.WHISPER
    return Recogniser.POCKETSPHINX if hears_weakly(language) else None


def hears_weakly(language: str) -> bool:
    """Whether PocketSphinx is here and knows a language (ISO 639-1)."""
    return language in SPHINX and find_spec("pocketsphinx") is not None
