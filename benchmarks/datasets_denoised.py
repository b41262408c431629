"""Does taking noise out of clips help, and where? Noisy recordings of made voices are cut as a dataset job cuts them,
with `denoise` off and on, and what is written is measured: DNSMOS, word errors of a weak recogniser, how far the speech
stands above the noise, speaker similarity to the clean clip. White and pink noise, at several levels; and none, which
tells what denoising costs where it is not needed.

The voices are those that the recogniser follows, each in a process of its own. Nothing was chosen by what comes of it.

python -m benchmarks.datasets_denoised [--lines 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import bars
from benchmarks.made_corpus import RATE, Samples, Voice, level, texts
from engines import registry
from engines.audio.mono import load
from engines.cutting.clips import CutClip, cut_recording
from engines.cutting.quality import snr_db
from engines.judging.limits import Limits
from engines.metrics import similarity
from engines.metrics.dnsmos import dnsmos
from engines.metrics.wer import errors
from engines.transcription.choose import choose

ENGINE, HEARING = "glow", 16_000
VOICES = (Voice("slt", "flite", "slt"), Voice("kal16", "flite", "kal16"))
#: (colour, dB of the speech above the noise); None: no noise.
NOISES: tuple[tuple[str, float | None], ...] = (
    ("no", None),
    *((colour, snr) for colour in ("white", "pink") for snr in (20.0, 10.0, 5.0)),
)
WAYS = ("off", "rnnoise")


@dataclass(frozen=True)
class Measured:
    """Of one written clip."""

    dnsmos: float
    errors: int  #: words
    words: int
    snr: float  #: dB
    likeness: float  #: to the same clip without noise and as it is
    cutting: float  #: CPU seconds
    seconds: float


def noisy(sound: Samples, colour: str, snr: float | None, seed: int) -> Samples:
    """With noise so many dB below the speech; "pink" has the same power in every octave."""
    if snr is None:
        return sound
    noise = np.random.default_rng(seed).normal(size=len(sound))
    if colour == "pink":
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(sound))
    return np.asarray(sound + noise / np.std(noise) * level(sound) * 10 ** (-snr / 20), np.float32)


def cut(sound: Samples, text: str, denoise: str, folder: Path) -> tuple[CutClip, float]:
    """(the clip that becomes of it, CPU seconds)."""
    path = folder / "recording.wav"
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    began = bars.cpu_seconds()
    limits = Limits(noisy=0.0, compare_speakers=False, denoise=denoise)
    (clip,) = cut_recording(path, text, "en", registry.info(ENGINE), None, folder / "clips", limits=limits)
    return clip, bars.cpu_seconds() - began


#: Measured clips by noise and way.
Found = dict[tuple[str, float | None, str], list[Measured]]


def measured(number: int, lines: int) -> Found:
    """Of one voice. Of each line the ways follow each other, so that both meet the same machine."""
    found: Found = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="myna-") as place:
        folder = Path(place)
        recogniser = choose("en", folder).transcriber
        assert recogniser is not None
        for seed, text in enumerate(texts(lines, 50 + number)):
            said = VOICES[number].say(text) * np.float32(0.4)
            clean = None
            for colour, snr in NOISES:
                for way in WAYS:
                    clip, spent = cut(noisy(said, colour, snr, seed), text, way, folder)
                    assert clip.path is not None
                    sound = load(clip.path, HEARING)
                    embedding = similarity.embed(sound)
                    clean = embedding if clean is None else clean
                    heard = errors(text, recogniser.transcribe(sound).text)
                    found[colour, snr, way].append(
                        Measured(
                            dnsmos(sound),
                            min(heard.word_errors, heard.words),
                            heard.words,
                            snr_db(load(clip.path, RATE), RATE),
                            similarity.cosine(clean, embedding),
                            spent,
                            clip.seconds,
                        )
                    )
    return dict(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=2, help="of each voice")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of each process; two run side by side
    found: Found = defaultdict(list)
    with ProcessPoolExecutor(len(VOICES), multiprocessing.get_context("spawn")) as pool:
        for one in [pool.submit(measured, number, options.lines) for number in range(len(VOICES))]:
            for key, some in one.result().items():
                found[key] += some
    print(f"# CPU seconds: {bars.cpu_seconds():.0f}")
    print("# noise · dB · denoise · DNSMOS · WER · SNR · likeness to the clean clip")
    for (colour, snr, way), some in found.items():
        mean = statistics.fmean
        wer = sum(one.errors for one in some) / sum(one.words for one in some)
        numbers = f"{mean(one.dnsmos for one in some):.2f} · {wer:.0%} · {mean(one.snr for one in some):.0f}"
        print(f"#   {colour} · {snr or '–'} · {way} · {numbers} · {mean(one.likeness for one in some):.3f}")
    every = {way: [one for key, some in found.items() if key[2] == way for one in some] for way in WAYS}
    cost = {way: sum(one.cutting for one in some) / sum(one.seconds for one in some) for way, some in every.items()}
    print(f"# ms for a second of sound: {', '.join(f'{way} {1000 * spent:.0f}' for way, spent in cost.items())}")
    gains = [
        statistics.fmean(one.dnsmos for one in found[*noise, "rnnoise"])
        - statistics.fmean(one.dnsmos for one in found[*noise, "off"])
        for noise in NOISES
        if noise[1] is not None
    ]
    told = f"{min(gains):+.2f} to {max(gains):+.2f}"
    bars.tell("clips with noise, denoised: DNSMOS beside the same as they are", told, "> 0 everywhere", min(gains) > 0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
