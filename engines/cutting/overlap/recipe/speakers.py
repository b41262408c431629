"""Who speaks what the detector learns from: free synthesisers, as the embedded engine's base has them, and others of
espeak-ng. Needs `flite`, `festival` (festvox-kdlpc16k) and `espeak-ng`.

In none of it: flite's `slt`, by which the limit was chosen, and `rms`, by which figures are reported, in whatever way;
espeak-ng's en-us without a variant and en-gb-scotland; and the base's speakers made of `rms`, its `awb`, `awb-high` and
`kal`."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker, speak, trim
from engines.glow.recipe.sentences import mixed

_ESPEAK = (
    *(f"en-us+{variant}" for variant in ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m5", "m7", "Andy", "adam")),
    *(f"en-gb+{variant}" for variant in ("Alicia", "belinda", "linda", "steph", "klatt2", "klatt4", "michael")),
    *("en-gb-x-rp", "en-gb-x-rp+f2", "en-gb-x-gbclan", "en-gb-x-gbcwmd+m4", "en-029", "en-029+f3"),
    *("de+f2", "de", "es+m2", "fi+f4", "fi", "it+f1", "nl+m6", "sv+f3", "pl+m8", "pt"),
)
#: Those that are learnt from; the share is that of the utterances.
LEARNT: tuple[Speaker, ...] = (
    Speaker("awb", "flite", "awb", 2),
    Speaker("awb-deep", "flite", "awb", 2, warp=0.85, pitch=0.85),
    Speaker("awb-low", "flite", "awb", 2, warp=0.93, pitch=0.9, tempo=1.06),
    Speaker("awb-tenor", "flite", "awb", 2, warp=1.02, shift=1.3),
    Speaker("awb-alto", "flite", "awb", 2, warp=1.1, shift=1.45, tempo=0.95),
    Speaker("awb-lady", "flite", "awb", 2, warp=1.15, pitch=1.4, tempo=1.05),
    Speaker("awb-high", "flite", "awb", 2, warp=1.2, shift=1.4),
    Speaker("awb-young", "flite", "awb", 2, warp=1.28, shift=1.35),
    Speaker("kal-low", "flite", "kal16", 1, warp=0.88, pitch=1.1),
    Speaker("kal", "flite", "kal16", 1),
    Speaker("kal-high", "flite", "kal16", 1, warp=1.18, pitch=1.55),
    Speaker("kal-lady", "flite", "kal16", 1, warp=1.22, pitch=1.9),
    Speaker("ked", "festival", "ked_diphone", 2),
    Speaker("ked-low", "festival", "ked_diphone", 1, warp=0.9),
    Speaker("ked-alto", "festival", "ked_diphone", 1, warp=1.1, shift=1.5),
    Speaker("ked-high", "festival", "ked_diphone", 2, warp=1.17, shift=1.4),
    Speaker("ked-young", "festival", "ked_diphone", 1, warp=1.27, shift=1.7),
    *(Speaker(f"espeak-{which}", "espeak-ng", which, 0.5) for which in _ESPEAK),
    *(Speaker(f"glow-{which}", "glow", which, 1.5) for which in ("4", "5", "14", "15", "16", "17", "19", "20", "7")),
)
#: By whom the limit was chosen.
CHOOSING: tuple[Speaker, ...] = (
    Speaker("slt", "flite", "slt", 2),
    Speaker("slt-hts", "festival", "cmu_us_slt_arctic_hts", 1),
    Speaker("slt-man", "flite", "slt", 2, warp=0.84, shift=0.68),
    Speaker("english", "espeak-ng", "en-us", 1),
    Speaker("rough", "espeak-ng", "en-us+m6", 1),
)
#: Of whom figures are reported, once.
REPORTED: tuple[Speaker, ...] = (
    Speaker("rms", "flite", "rms", 2),
    Speaker("rms-lady", "flite", "rms", 2, warp=1.17, shift=1.45, tempo=0.96),
    Speaker("rms-deep", "flite", "rms", 1, warp=0.86),
    Speaker("scottish", "espeak-ng", "en-gb-scotland", 1),
    Speaker("scottish-f", "espeak-ng", "en-gb-scotland+f5", 1),
    Speaker("glow-0", "glow", "0", 1),
    Speaker("glow-12", "glow", "12", 1),
)
SETS = {"learnt": LEARNT, "choosing": CHOOSING, "reported": REPORTED}

Utterances = dict[str, list[NDArray[np.float32]]]


@cache
def _base() -> Any:
    from engines.glow import model as glow

    return glow.load(None, "cpu")


def said(speaker: Speaker, text: str) -> NDArray[np.float32]:
    """Samples (n,) at SAMPLE_RATE; empty where the synthesiser says nothing. Raises CalledProcessError where it is not
    there or fails."""
    if speaker.program != "glow":
        return speak(speaker, text)
    from engines.base import SpeechRequest
    from engines.glow.engine import GlowEngine

    loaded = _base()
    loaded.speaker = int(speaker.voice)
    chunks = list(GlowEngine().speak(loaded, SpeechRequest(text, "en", seed=len(text))))
    return trim(np.concatenate([chunk.samples for chunk in chunks]))


def make(place: tuple[str, int], folder: Path, count: int, seed: int = 21) -> None:
    """Write `folder`/<set>/<speaker>/<number>.flac for the speaker at a place of a set, `count` utterances times its
    share."""
    which, index = place
    speaker = SETS[which][index]
    draw, into = random.Random(f"{seed} {which} {index}"), folder / which / speaker.name
    into.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate([mixed(draw) for _ in range(round(count * speaker.share))]):
        sound = said(speaker, text)
        if 0.5 * SAMPLE_RATE < len(sound) < 20 * SAMPLE_RATE:
            sf.write(into / f"{number:04d}.flac", sound * (0.9 / float(np.abs(sound).max())), SAMPLE_RATE)


def load(which: str, folder: Path) -> Utterances:
    """What `make` wrote."""
    found = {}
    for place in sorted((folder / which).iterdir()):
        found[place.name] = [sf.read(path, dtype="float32")[0] for path in sorted(place.glob("*.flac"))]
    return {name: sounds for name, sounds in found.items() if sounds}


def make_all(folder: Path, count: int, processes: int = 2) -> None:
    """All three sets."""
    places = [(which, index) for which, speakers in SETS.items() for index in range(len(speakers))]
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(make, folder=folder, count=count), places))
