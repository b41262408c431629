"""What Perth's watermark does to speech and bears: a dozen lines by the shipped base, with it and without it.

python -m benchmarks.doors_watermark [--lines 12]
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.bars import cpu_seconds, tell
from engines import registry
from engines.audio import perth
from engines.audio.watermark import SURE
from engines.base import SpeechRequest
from engines.metrics import similarity
from engines.metrics.further_texts import TEXTS
from engines.metrics.wer import errors
from engines.transcription.sphinx import SphinxTranscriber
from sound.streams import Format, stream_encoder
from sound.tags import Tag

DEMO = Path(__file__).resolve().parents[1] / "demo" / "recordings"
FOUND, LIKENESS, WER, COST = 0.95, 0.02, 0.02, 0.15  #: bars
PIECE = 0.3  #: seconds of a chunk of a stream

Samples = NDArray[np.float32]


def spoken(count: int) -> list[tuple[str, Samples, int]]:
    """(text, sound, its rate) of lines that the base says."""
    engine = registry.speaker("glow")
    model = engine.load(None, device="cpu", reference=())
    found = []
    for text in TEXTS["en"][:count]:
        chunks = list(engine.speak(model, SpeechRequest(text, seed=7)))
        found.append((text, np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate))
    return found


def marked(samples: Samples, rate: int, piece: float = PIECE) -> Samples:
    """As a stream is marked."""
    marking, size = perth.Marking(rate), max(1, round(piece * rate))
    parts = [marking.add(samples[start : start + size]) for start in range(0, len(samples), size)]
    return np.concatenate([*parts, marking.end()])


def is_found(samples: Samples, rate: int) -> bool:
    return perth.confidence(at(samples, rate, perth.RATE)) >= SURE


def at(samples: Samples, rate: int, other: int) -> Samples:
    return np.asarray(soxr.resample(samples, rate, other), np.float32)


def through(format: Format, bits: int = 0) -> Callable[[Samples, int], tuple[Samples, int]]:
    """Encoded and decoded again; `bits` a second instead of the door's."""

    def coded(samples: Samples, rate: int) -> tuple[Samples, int]:
        if bits:
            data = mp3(samples, rate, bits)
        else:
            stream = stream_encoder(format, Tag())
            data = stream.add(samples.astype("<f4").tobytes(), rate) + stream.end()
        with av.open(io.BytesIO(data)) as file:
            frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
            rate = file.streams.audio[0].rate
        sound = np.concatenate(frames, axis=1)[0]
        return (sound / 32_768 if sound.dtype == np.int16 else sound).astype(np.float32), rate

    return coded


def mp3(samples: Samples, rate: int, bits: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=rate)
        stream.bit_rate, stream.layout = bits, "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return out.getvalue()


def resampled(to: int) -> Callable[[Samples, int], tuple[Samples, int]]:
    return lambda samples, rate: (at(samples, rate, to), to)


WAYS: dict[str, Callable[[Samples, int], tuple[Samples, int]]] = {
    "as it is": lambda samples, rate: (samples, rate),
    "MP3 of 64 kbit/s": through(Format.MP3, 64_000),
    "Opus of 64 kbit/s": through(Format.OPUS),
    "AAC of 96 kbit/s": through(Format.AAC),
    "resampled to 16 kHz": resampled(16_000),
    "resampled to 8 kHz": resampled(8_000),
    "10 dB quieter": lambda samples, rate: (samples * np.float32(0.316), rate),
    "its middle third": lambda samples, rate: (samples[len(samples) // 3 : -len(samples) // 3], rate),
}


def detection(lines: list[tuple[str, Samples, int]], with_it: list[Samples]) -> None:
    for name, way in WAYS.items():
        found = sum(is_found(*way(sound, rate)) for sound, (_, _, rate) in zip(with_it, lines, strict=True))
        what = f"the watermark is found, {name}"
        tell(what, f"{found} of {len(lines)} lines", f"≥ {FOUND:.0%}", found >= FOUND * len(lines))
    plain = sum(is_found(sound, rate) for _, sound, rate in lines)
    files = sorted(DEMO.glob("d*.flac"))
    recorded = sum(is_found(*soundfile.read(path, dtype="float32")) for path in files)
    measured = f"{plain} of {len(lines)} lines without it, {recorded} of {len(files)} recordings"
    tell("the watermark is found where there is none", measured, "none", plain + recorded == 0)


def streaming(lines: list[tuple[str, Samples, int]], with_it: list[Samples]) -> None:
    """In chunks, against all at once."""
    off = 0.0
    sure: dict[str, list[float]] = {"whole": [], "stream": []}
    for (_, sound, rate), stream in zip(lines, with_it, strict=True):
        whole = marked(sound, rate, 1e3)
        off = max(off, float(np.abs(whole - stream).max()))
        for name, one in (("whole", whole), ("stream", stream)):
            sure[name].append(perth.confidence(at(one, rate, perth.RATE)))
    lost = statistics.mean(sure["whole"]) - statistics.mean(sure["stream"])
    measured = f"{lost:.4f} of confidence lost, sound off by {off:.0e} at most"
    tell(f"marked in chunks of {PIECE:g} s, against all at once", measured, "≤ 0.01 lost", lost <= 0.01)


def effect(lines: list[tuple[str, Samples, int]], with_it: list[Samples]) -> None:
    rate = similarity.SAMPLE_RATE
    plain = [at(sound, own, rate) for _, sound, own in lines]
    after = [at(sound, own, rate) for sound, (_, _, own) in zip(with_it, lines, strict=True)]
    prints = np.array([similarity.embed(sound) for sound in plain])
    alike: dict[str, list[float]] = {"without": [], "with": []}
    for place, sound in enumerate(after):
        others = np.delete(prints, place, axis=0).mean(axis=0)
        others /= np.linalg.norm(others)
        alike["without"].append(float(prints[place] @ others))
        alike["with"].append(float(similarity.embed(sound) @ others))
    lost = statistics.mean(alike["without"]) - statistics.mean(alike["with"])
    measured = f"{statistics.mean(alike['without']):.3f} without, {statistics.mean(alike['with']):.3f} with it"
    tell("likeness to the voice's other lines", measured, f"≤ {LIKENESS:g} lost", lost <= LIKENESS)
    hears = SphinxTranscriber()
    wrong = []
    for sounds in (plain, after):
        heard = [hears.transcribe(sound) for sound in sounds]
        found = [errors(text, one.text) for (text, _, _), one in zip(lines, heard, strict=True)]
        wrong.append(sum(one.word_errors for one in found) / sum(one.words for one in found))
    words = sum(len(text.split()) for text, _, _ in lines)
    measured = f"{wrong[0]:.3f} without, {wrong[1]:.3f} with it ({words} words, PocketSphinx)"
    tell("word errors", measured, f"≤ {WER:g} more", wrong[1] - wrong[0] <= WER)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=12)
    lines = spoken(parser.parse_args().lines)
    marked(lines[0][1], lines[0][2])  # loads the network
    began = cpu_seconds()
    with_it = [marked(sound, rate) for _, sound, rate in lines]
    took, seconds = cpu_seconds() - began, sum(len(sound) / rate for _, sound, rate in lines)
    measured = f"{took / seconds:.3f} s of a core for a second ({seconds:.0f} s of speech in chunks of {PIECE:g} s)"
    tell("marking speech with the watermark", measured, f"≤ {COST:g}", took <= COST * seconds)
    noise = statistics.mean(
        10 * float(np.log10(np.sum(sound**2) / np.sum((after - sound) ** 2)))
        for (_, sound, _), after in zip(lines, with_it, strict=True)
    )
    tell("speech above what the watermark adds", f"{noise:.1f} dB", "≥ 10 dB", noise >= 10)
    detection(lines, with_it)
    streaming(lines, with_it)
    effect(lines, with_it)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
