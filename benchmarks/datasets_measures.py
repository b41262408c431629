"""What cutting and measuring a recording cost, without a recogniser: beside real time, on one core, and what each part
takes of it; and whether memory grows with the length.

python -m benchmarks.datasets_measures [--minutes 10] [--hours 10]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.made_corpus import RATE, Samples, Voice, texts, with_noise
from engines import registry
from engines.audio.decode import probe_and_decode
from engines.audio.mono import load
from engines.cutting import overlap
from engines.cutting.clips import cut_recording
from engines.cutting.measures import Bands, bandwidth, edge, loudness, tonal, voiceprint
from engines.cutting.quality import snr_db
from engines.cutting.vad import SAMPLE_RATE
from engines.judging.limits import Limits

#: times real time that cutting and measuring must reach on one core, speakers not compared
BAR = 100.0
#: MiB that a long recording may take above a short one
ROOM = 400.0


def speech(minutes: float) -> Samples:
    """So much speech with pauses."""
    voice, parts, seconds = Voice("english", "espeak-ng", "en-us"), [np.zeros(RATE, np.float32)], 0.0
    for text in texts(240, 5):
        if seconds >= 60 * min(minutes, 10):
            break
        parts.append(voice.say(text))
        seconds += len(parts[-1]) / RATE
    return with_noise(np.concatenate(parts), 40, 1)


def cut(path: Path, folder: Path, speakers: bool) -> tuple[float, float, float]:
    """(CPU seconds, wall seconds, MiB at most) of cutting and measuring, in this process."""
    cpu, wall = time.process_time(), time.monotonic()
    limits = Limits(compare_speakers=speakers)
    cut_recording(path, None, "en", registry.info("xtts"), None, folder / "clips", limits=limits)
    return time.process_time() - cpu, time.monotonic() - wall, highest()


def highest() -> float:
    """MiB that this process has held at most. (`ru_maxrss` goes on counting from the process that started it.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def fresh(path: Path, folder: Path, speakers: bool = False) -> tuple[float, float, float]:
    """The same in a process of its own, after a first time that loads the models."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        short = folder / "short.flac"
        soundfile.write(short, load(path, RATE, 0.0, 12.0), RATE)
        pool.submit(cut, short, folder, speakers).result()
        return pool.submit(cut, path, folder, speakers).result()


def parts(path: Path) -> None:
    """What each measure takes of 6 s clips, milliseconds for a second of sound."""
    sound = load(path, RATE, 0.0, 120.0)
    clips = [sound[start : start + 6 * RATE] for start in range(0, len(sound) - 6 * RATE, 6 * RATE)]
    heard = [np.asarray(soxr.resample(clip, RATE, SAMPLE_RATE), np.float32) for clip in clips]
    measures: dict[str, tuple[Callable[[Samples], object], list[Samples]]] = {
        "SNR": (lambda clip: snr_db(clip, RATE), clips),
        "loudness": (lambda clip: loudness(clip, RATE), clips),
        "bandwidth": (lambda clip: bandwidth(clip, RATE), clips),
        "edges": (lambda clip: edge(clip, RATE), clips),
        "tones in the pauses": (lambda clip: tonal(clip, 1.0), heard),
        "two at once": (overlap.share, heard),
        "reverberation": (lambda clip: Bands(clip).rt60(), heard),
        "sketch": (lambda clip: Bands(clip).sketch(), heard),
        "whose voice it is": (voiceprint, heard),
        "DNSMOS (not measured of clips)": (_dnsmos, heard[:4]),
    }
    for name, (measure, of) in measures.items():
        measure(of[0])
        began = time.process_time()
        for clip in of:
            measure(clip)
        print(f"# {name}: {1000 * (time.process_time() - began) / (6 * len(of)):.2f} ms for a second of sound")


def _dnsmos(clip: Samples) -> float:
    from engines.metrics.dnsmos import dnsmos

    return dnsmos(clip)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hours", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, sound = Path(name), speech(options.minutes)
        path, seconds = folder / "some.flac", len(sound) / RATE
        soundfile.write(path, sound, RATE)
        began = time.process_time()
        probe_and_decode(path)
        print(f"# decoding once: {1000 * (time.process_time() - began) / seconds:.2f} ms for a second of sound")
        parts(path)
        cpu, _, short = fresh(path, folder)
        _bar("cutting and measuring, one core", seconds / cpu, "{:.0f} × real time", BAR, above=True)
        cpu, _, _ = fresh(path, folder, speakers=True)
        print(f"# with speakers compared: {seconds / cpu:.0f} × real time")
        if options.hours:
            long = folder / "long.flac"
            with soundfile.SoundFile(long, "w", RATE, 1, "PCM_16") as file:
                for _ in range(max(1, round(3600 * options.hours / seconds))):
                    file.write(sound)
            _, wall, peak = fresh(long, folder)
            print(f"# {options.hours:g} hours took {wall:.0f} s; {short:.0f} MiB for {seconds / 60:.0f} minutes")
            _bar(f"memory for {options.hours:g} hours above that", peak - short, "{:.0f} MiB", ROOM, above=False)
    return 0


def _bar(name: str, measured: float, form: str, bar: float, *, above: bool) -> None:
    holds = measured >= bar if above else measured <= bar
    verdict = "holds" if holds else "falls short"
    print(f"{name} · {form.format(measured)} · {'at least' if above else 'at most'} {form.format(bar)} · {verdict}")


if __name__ == "__main__":
    raise SystemExit(main())
