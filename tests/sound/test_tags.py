"""What generated files say of themselves, as PyAV reads it."""

from __future__ import annotations

import io
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from daemon.services import speech
from daemon.worker import spoken
from sound.files import FORMATS, encoder
from sound.streams import Format, stream_encoder
from sound.tags import Tag, maker
from tests.tui.stage.rows import RATE, tone

pytestmark = pytest.mark.unit

REMARK = f"Synthetic speech of the voice anna@7, made by {maker()}"


def tags(data: bytes) -> dict[str, str]:
    """Of a file or of its stream, whichever the format has them on."""
    with av.open(io.BytesIO(data)) as file:
        found = {**file.metadata, **file.streams.audio[0].metadata}
        return {name.lower(): value for name, value in found.items()}


@pytest.mark.parametrize("format", [one for one in Format if one is not Format.PCM])
def test_every_stream_begins_with_its_tag(format: Format) -> None:
    stream = stream_encoder(format, Tag("anna@7"))
    found = tags(stream.add(tone(1.0), RATE) + stream.end())
    assert (found["artist"], found["comment"]) == ("anna@7", REMARK)
    assert maker() in found.values()


@pytest.mark.parametrize("ending", list(FORMATS))
def test_every_file_has_its_tag(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"speech{ending}"
    with path.open("w+b") as file:
        out = encoder(file, RATE, ending, Tag("anna@7"))
        out.write(tone(1.0))
        out.close()
    found = tags(path.read_bytes())
    assert (found["artist"], found["comment"]) == ("anna@7", REMARK)


def test_a_recording_has_none_and_a_wav_is_whole_with_one(tmp_path: Path) -> None:
    for tag in (None, Tag("anna@7 – Ä"), Tag()):
        path = tmp_path / "speech.wav"
        with path.open("w+b") as file:
            out = encoder(file, RATE, ".wav", tag)
            out.write(tone(1.0))
            out.close()
        with wave.open(str(path)) as read:
            assert read.getnframes() == RATE
        assert path.read_bytes()[4:8] == (path.stat().st_size - 8).to_bytes(4, "little")
        assert ("comment" in tags(path.read_bytes())) is (tag is not None)


def test_a_name_cannot_break_the_header() -> None:
    stream = stream_encoder(Format.MP3, Tag("anna\0\n" * 1_000))
    found = tags(stream.add(tone(0.5), RATE) + stream.end())
    assert found["artist"] == "anna" * 50


def test_a_tag_costs_the_first_byte_less_than_a_millisecond() -> None:
    maker()
    began = time.perf_counter()
    for _ in range(100):
        _ = Tag("anna@7").info(), Tag("anna@7").metadata()
    assert (time.perf_counter() - began) / 100 < 1e-3


def test_what_versions_speak_for_their_scoring_is_tagged_and_still_played(tmp_path: Path) -> None:
    path = tmp_path / "line.wav"
    samples = np.frombuffer(tone(1.0), "<f4")
    spoken.write_wav(path, samples, RATE, Tag("anna@7"))
    assert tags(path.read_bytes())["comment"] == REMARK
    rate, read = speech.read_wav(path)
    assert (rate, len(read)) == (RATE, len(samples) * 4)
    spoken.write_wav(path, samples, RATE)
    assert "comment" not in tags(path.read_bytes()), "a person's recording"
