"""Recordings of many channels, as field recorders write them: each channel's samples are the ones that were written.

Decoding happens in a process of its own: what reads memory that is no sound may end the process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import write

RATE = 16_000
#: Decode sys.argv[1] and save (channels, n) samples to sys.argv[2].
DECODE = """
import sys
from pathlib import Path
import numpy as np
from engines.audio import decode
from engines.audio.mono import load
path = Path(sys.argv[1])
with decode.opened(path) as file:
    reader = decode.Reader(file, decode.container_of(file, path), path)
    np.save(sys.argv[2], np.concatenate(list(reader.blocks()), axis=1))
facts = decode.probe_and_decode(path)
mono = load(path, facts.sample_rate)
print(facts.channels, facts.seconds, float(abs(mono).max()))
"""


def channels(count: int, seconds: float = 0.6) -> NDArray[np.float32]:
    """Every channel its own noise, exact in 16 bits; shape (n, count). The first two outweigh the rest, so that the mix
    is loud."""
    whole = np.random.default_rng(count).integers(-12_000, 12_000, (round(seconds * RATE), count))
    return (whole / 32_768).astype(np.float32)


def decoded(path: Path, tmp_path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """What a process of its own makes of a file: samples (channels, n), and the line it prints."""
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(path), str(tmp_path / "out.npy")], capture_output=True, text=True
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2_000:]}"
    samples: NDArray[np.float32] = np.load(tmp_path / "out.npy")
    return samples, done.stdout.split()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 32, 64])
def test_every_channel_of_a_wav_is_what_was_written(tmp_path: Path, count: int) -> None:
    sound = channels(count)
    samples, told = decoded(write(tmp_path / "a.wav", sound, RATE), tmp_path)
    assert np.array_equal(samples, sound.T)
    assert told[0] == str(count)


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_every_channel_of_a_flac_is_what_was_written(tmp_path: Path, count: int) -> None:
    """Eight is all that FLAC can hold; its decoder's frames are planar."""
    sound = channels(count)
    assert np.array_equal(decoded(write(tmp_path / "a.flac", sound, RATE), tmp_path)[0], sound.T)


@pytest.mark.parametrize("count", [9, 16, 64])
def test_planar_frames_with_more_than_eight_channels_are_read_right(tmp_path: Path, count: int) -> None:
    """The decoder itself hands out planar frames here: WavPack in Matroska."""
    sound = channels(count)
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as output:
        stream = output.add_stream("wavpack", rate=RATE, layout=f"{count}C", format="s16p")
        packed = (sound * 32_768).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=f"{count}C")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    with av.open(str(path)) as made:
        assert next(made.decode(audio=0)).format.is_planar
    assert np.array_equal(decoded(path, tmp_path)[0], sound.T)
