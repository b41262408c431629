"""Streams of every format: whole, of the right length, early, and without noise where the samples are no numbers."""

from __future__ import annotations

import array
import io
import math
import subprocess
import sys

import av
import pytest

from sound.streams import Format, samples16, stream_encoder
from sound.tags import Tag
from tests.tui.stage.rows import tone

pytestmark = pytest.mark.unit


def encoded(format: Format, chunks: list[bytes], rate: int) -> list[bytes]:
    """What comes of each chunk, and of the end."""
    encoder = stream_encoder(format, Tag("anna@7"))
    return [*(encoder.add(chunk, rate) for chunk in chunks), encoder.end()]


def seconds(data: bytes, format: Format) -> float:
    if format is Format.PCM:
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100])
@pytest.mark.parametrize("format", list(Format))
def test_lengths_are_right_at_every_rate(format: Format, rate: int) -> None:
    chunk = array.array("f", (0.3 * math.sin(n / 20) for n in range(rate // 2))).tobytes()
    data = b"".join(encoded(format, [chunk, chunk, chunk], rate))
    assert seconds(data, format) == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("format", list(Format))
def test_a_tenth_of_a_second_of_sound_brings_bytes(format: Format) -> None:
    encoder = stream_encoder(format, Tag())
    begun = encoder.add(tone(0.2), 16_000)
    assert encoder.add(tone(0.1), 16_000)
    assert begun, "the first piece of sound already does"


def test_no_number_is_silence() -> None:
    encoder = samples16()
    data = encoder.add(array.array("f", [math.nan, math.inf, -math.inf, 0.5, -2.0]).tobytes(), 16_000) + encoder.end()
    assert list(array.array("h", data)) == [0, 32767, -32768, 16384, -32768]


def test_nothing_heavy_comes_along() -> None:
    program = "import sys, sound.files, sound.streams; print({'numpy', 'torch', 'soundfile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
