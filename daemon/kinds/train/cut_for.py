"""Whether clips were cut for the engine that is to learn from them. The daemon has recordings cut again when a voice
moves to another engine, and a training waits for the dataset that comes of it; but an older dataset can be asked for,
and the job that was to make the next one can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import soundfile

from engines.base import Clip, EngineInfo
from engines.errors import BadInput


def check(info: EngineInfo, clips: Sequence[Clip], dataset: int) -> None:
    """Raises BadInput where a clip's file has another rate than the engine's clips have: it was cut by another one's
    limits. Files that cannot be read are left to whoever reads them whole."""
    rates = Counter(rate for clip in clips if (rate := _rate(clip)) not in (None, info.sample_rate))
    if not rates:
        return
    [(rate, _)] = rates.most_common(1)
    raise BadInput(
        f"{rates.total():,} of the {len(clips):,} clips of dataset #{dataset} were cut for another engine: they have "
        f"{rate:,} Hz, and clips of {info.name} have {info.sample_rate:,}.",
        "The voice's next dataset has its recordings cut again: train on that one. If the job that was to make it "
        "failed (`myna jobs`), try it again first: `myna retry ID`.",
    )


def _rate(clip: Clip) -> int | None:
    try:
        rate: int = soundfile.info(clip.path).samplerate
    except (OSError, soundfile.LibsndfileError):
        return None
    return rate
