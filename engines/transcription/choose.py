"""Which recogniser hears a language on this machine, and why that one. Looks at folders only; loads when asked to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engines.transcription.base import Transcriber
from engines.transcription.whisper import WhisperTranscriber, is_model

#: Environment variable that names a folder of Whisper weights.
ENVIRONMENT = "MYNA_WHISPER"


@dataclass(frozen=True)
class Choice:
    """The recogniser to use, or None, and the reason in a sentence for the log and the report."""

    transcriber: Transcriber | None
    why: str
    device: str = "cpu"  #: where it computes: "cpu" or "cuda"


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


def choose(language: str, weights_dir: Path | None = None, *, device: str = "cpu", threads: int = 0) -> Choice:
    """Load the best recogniser there is for a language (ISO 639-1). `weights_dir` is where fetched weights lie.

    Raises WeightsMissing if a folder was named outright and holds no usable model: silently using a weaker one would
    hide the mistake.
    """
    folder = whisper_folder(weights_dir)
    if folder is not None:
        return Choice(
            WhisperTranscriber(folder, language, device, threads),
            f"Words are heard by Whisper ({folder.name}).",
            device,
        )
    if language == "en" and find_spec("pocketsphinx") is not None:
        from engines.transcription.sphinx import SphinxTranscriber

        return Choice(
            SphinxTranscriber(),
            "Words are heard by PocketSphinx, a weak recogniser: its texts are marked low-trust. "
            "Put a Whisper model where `myna engines` says for better ones.",
        )
    return Choice(
        None,
        f"No recogniser here knows the language {language!r}: recordings need their text beside them. "
        "Put a Whisper model where `myna engines` says to go without.",
    )
