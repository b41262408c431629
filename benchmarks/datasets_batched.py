"""Whisper hears clips in batches: how much quicker is that than one by one, with the same model and the same texts?

What a batch gains depends on what computes: a GPU that one clip does not fill, or one core that it does. So on a CPU
the ratio is told, and the bar is that the texts are the same; on a GPU it must gain, too.

The weights are random, of the size of whisper-base, made here: what a step costs does not depend on them, and nothing
is downloaded. They do not know when to stop, so that each text is as long as that of some ten seconds of speech.

python -m benchmarks.datasets_batched [--rounds 3] [--clips 8] [--device cpu]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import bars
from engines.transcription.base import Transcript
from engines.transcription.whisper import WhisperTranscriber
from tests.engines.speech import RATE, TEXTS, speech
from tests.engines.transcription.tiny_whisper import BASE, build

#: Tokens of a text, those of the prompt with them.
TOKENS = 40


def parts(count: int) -> list[Any]:
    """So many different bits of speech of 2 to 3 s."""
    sounds = [speech(name) for name in TEXTS]
    return [sounds[n % len(sounds)][n * 800 : n * 800 + (2 * RATE + n * RATE // count)] for n in range(count)]


def timed(work: Callable[[], list[Transcript | None]], clock: Callable[[], float]) -> tuple[float, list[str | None]]:
    """(seconds, texts)."""
    began = clock()
    heard = work()
    return clock() - began, [one.text if one else None for one in heard]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    # CPU seconds of one thread tell the same on a machine that others use, too
    clock = time.process_time if options.device == "cpu" else time.monotonic
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        whisper = WhisperTranscriber(build(Path(place) / "whisper", BASE), "en", options.device, threads=1)
        whisper._model.max_length = TOKENS
        clips = parts(options.clips)
        whisper._batch(clips[:1])  # loads
        ratios, same = [], True
        for number in range(max(options.rounds, 3)):
            ways: dict[str, Callable[[], list[Transcript | None]]] = {
                "alone": lambda: [whisper._batch([clip])[0] for clip in clips],
                "together": lambda: whisper._batch(clips),
            }
            order = list(ways) if number % 2 == 0 else list(ways)[::-1]
            took = {name: timed(ways[name], clock) for name in order}
            (alone, texts), (together, batched) = took["alone"], took["together"]
            same = same and texts == batched
            ratios.append(alone / together)
            print(f"# {len(clips)} clips: one by one {alone:.1f} s, as a batch {together:.1f} s", flush=True)
    print(
        f"# spread of the ratio: {min(ratios):.2f} … {max(ratios):.2f}; the texts are {'the same' if same else 'NOT'}"
    )
    ratio = statistics.median(ratios)
    cpu = options.device == "cpu"
    where = "one core" if cpu else options.device
    bars.tell(
        f"Whisper (random weights of base's size, {where}): {len(clips)} clips as a batch",
        f"{ratio:.2f} × as quick as one by one, {'the same' if same else 'other'} texts",
        "the same texts" if cpu else "> 1 ×, the same texts",
        same and (cpu or ratio > 1),
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
