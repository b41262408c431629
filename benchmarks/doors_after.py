"""What passes after speech cost: noise taken out, and speech converted by a base of OpenVoice V2's size, beside stock
coqui-tts, which converts a file whole.

The converter's weights are random: they multiply as others do. Both sides convert the same half minute at 22.05 kHz
with one thread, everything loaded, three times in turn.

    python -m benchmarks.doors_after
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from engines.audio.passing import Enhancing
from engines.base import Clip, Passing
from engines.openvoice import conversion, model, tiny_base
from engines.openvoice.conversion import Conversion

DEMO = Path(__file__).resolve().parents[1] / "demo" / "recordings"
RATE, SECONDS, TIMES = 22_050, 30, 3
#: Seconds of a core for a second of speech; times what stock takes; seconds of speech that are listened to before there
#: is sound, with what one block needs around it.
ENHANCE_BAR, CONVERT_BAR, FIRST_BAR = 0.1, 1.3, 6.0

Samples = NDArray[np.float32]


def main() -> None:
    torch.set_num_threads(1)
    said = speech()
    enhanced = [timed(lambda: list(through(Enhancing(RATE), said))) for _ in range(TIMES)]
    bar("noise taken out", statistics.median(enhanced) / SECONDS, "s of a core a second", ENHANCE_BAR)
    with tempfile.TemporaryDirectory() as folder:
        tiny_base.write(Path(folder), tiny_base.PUBLISHED)
        path = DEMO / "d05.flac"
        voice = model.load(Path(folder), "cpu", [Clip("d05", path, "", "en", soundfile.info(path).duration)])
        ours, stock = [], []
        for _ in range(TIMES):
            ours.append(timed(lambda: list(through(Conversion(voice, RATE, 1), said))))
            stock.append(timed(lambda: whole(voice, said)))
        heard = first(Conversion(voice, RATE, 1), said)
    mine, theirs = (statistics.median(each) / SECONDS for each in (ours, stock))
    print(f"# converting takes {mine:.2f} s of a core for a second of speech, stock {theirs:.2f} s")
    bar("converting as a stream, beside stock's whole", mine / theirs, "times its time", CONVERT_BAR)
    bar("speech that is heard before the first converted sound", heard, "s", FIRST_BAR)
    print(f"# a block of {conversion.BLOCK:g} s has {2 * conversion.reach(voice.module) * 256 / RATE:.1f} s around it")


def speech() -> Samples:
    """Half a minute."""
    parts, seconds = [], 0.0
    for path in sorted(DEMO.glob("d*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        parts.append(np.asarray(soxr.resample(samples, rate, RATE), np.float32))
        seconds += len(samples) / rate
        if seconds >= SECONDS:
            break
    return np.concatenate(parts)[: SECONDS * RATE]


def through(stream: Passing, said: Samples) -> Iterator[Samples]:
    for start in range(0, len(said), RATE // 2):
        yield stream.add(said[start : start + RATE // 2])
    yield stream.end()


def first(stream: Passing, said: Samples) -> float:
    """Seconds that went in before anything came out."""
    return next(number for number, made in enumerate(through(stream, said), 1) if len(made)) / 2


def whole(voice: model.OpenVoiceModel, said: Samples) -> None:
    with torch.inference_mode():
        own, spectrum = voice.module.extract_se(torch.from_numpy(said))
        voice.module.inference(spectrum, {"g_src": own, "g_tgt": voice.target})


def timed(work: Callable[[], object]) -> float:
    """Seconds of the process's CPU: others use the machine, too."""
    began = time.process_time()
    work()
    return time.process_time() - began


def bar(name: str, measured: float, unit: str, most: float) -> None:
    print(f"{name} · {measured:.2f} {unit} · ≤ {most:g} · {'holds' if measured <= most else 'falls short'}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    main()
