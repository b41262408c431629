"""Which recogniser hears a language on this machine, and why that one. Looks at folders only; loads when asked to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines.recognisers import Recogniser, hears_weakly, present, whisper_folder
from engines.transcription.base import Transcriber
from engines.transcription.room import Precision, Way, say
from engines.transcription.whisper import WhisperTranscriber

if TYPE_CHECKING:
    from engines.transcription.alignment import Aligner


@dataclass(frozen=True)
class Choice:
    """The recogniser to use, or None, and the reason in a sentence for the log and the report."""

    transcriber: Transcriber | None
    why: str
    device: str = "cpu"  #: where it computes: "cpu" or "cuda"
    aligner: Aligner | None = None  #: tells sooner, and better than a weak recogniser, whether a given text fits
    second: Aligner | None = None  #: another ear for what a strong recogniser wrote


def choose(
    language: str,
    weights_dir: Path | None = None,
    *,
    device: str = "cpu",
    threads: int = 0,
    way: Way | None = None,
    on_smaller: Callable[[Way, Way], None] = lambda before, after: None,
    earlier: Sequence[Precision] = (),
) -> Choice:
    """Load the best recogniser there is for a language (ISO 639-1). `weights_dir` is where fetched weights lie. `way`:
    how Whisper computes, if not as is usual on the `device`; `on_smaller`: told of its next way where memory ran out;
    `earlier`: in which it computed before, in the same job.

    Raises WeightsMissing if a folder was named outright and holds no usable model: silently using a weaker one would
    hide the mistake; BadInput if the Whisper model that is here does not know the language.
    """
    folder = whisper_folder(weights_dir)
    if folder is not None:
        whisper = WhisperTranscriber(folder, language, device, threads, way, on_smaller, earlier)
        device, why = whisper.way.device, f"Words are heard by Whisper ({folder.name}), {say(whisper.way)}."
        if not hears_weakly(language):
            return Choice(whisper, why, device)
        from engines.transcription.alignment import Aligner

        return Choice(whisper, why, device, second=Aligner())
    if present(language, weights_dir) is Recogniser.POCKETSPHINX:
        from engines.transcription.alignment import Aligner
        from engines.transcription.sphinx import SphinxTranscriber

        return Choice(
            SphinxTranscriber(threads),
            "Words are heard by PocketSphinx, a weak recogniser: its texts are marked low-trust. "
            "Put a Whisper model where `myna engines` says for better ones.",
            aligner=Aligner(),
        )
    return Choice(
        None,
        f"No recogniser here knows the language {language!r}: recordings need their text beside them. "
        "Put a Whisper model where `myna engines` says to go without.",
    )
