"""A recording in a voice's sound the whole way: sent to a real mynad, decoded and converted in its speech worker by a
converter with a tiny base, and written as a person asks for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines.openvoice import tiny_base
from engines.openvoice.info import INFO
from proto import myna_pb2 as pb
from proto import passes
from proto.client import Client, ClientError
from proto.messages import recording_parts
from tests.e2e.workshop import ANNA, RECORDINGS, ROOT, Workshop, ended

RATE = INFO.sample_rate
SPEECH = RECORDINGS / "d01.flac"


def spec(*after: str) -> pb.SpeakSpec:
    return pb.SpeakSpec(seed=3, after=passes.read(after))


def converted(client: Client, file: Path, *after: str) -> tuple[NDArray[np.float32], list[pb.AudioChunk]]:
    chunks = list(client.convert(recording_parts(file, spec(*after))))
    return np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4"), chunks


def myna(workshop: Workshop, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", *words]
    return subprocess.run(command, cwd=ROOT, env=workshop.env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def converter(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    return once("openvoice", lambda out: tiny_base.write(out / "base")) / "base"


def refused_early(client: Client, words: str, *after: str) -> None:
    """What cannot be is refused before all of it was sent."""
    begun: list[int] = []

    def endless() -> Iterator[pb.ConvertPart]:
        yield pb.ConvertPart(spec=spec(*after))
        while len(begun) < 1_000:
            begun.append(0)
            yield pb.ConvertPart(data=bytes(1_000_000))

    with pytest.raises(ClientError, match=words):
        list(client.convert(endless()))
    assert len(begun) < 1_000


def test_a_recording_sounds_like_a_voice(with_dataset: Workshop, converter: Path) -> None:
    client = with_dataset.up()
    refused_early(client, "`myna engines fetch openvoice` gets it", "convert:anna")
    refused_early(client, "Nothing says whom the recording is to sound like", "enhance")
    ended(client, client.fetch("openvoice", str(converter)).id)

    # in stereo, of which one channel cancels the other, at another rate, louder than full scale
    original, rate = soundfile.read(SPEECH, dtype="float32")
    stereo = with_dataset.home / "stereo.wav"
    soundfile.write(stereo, np.stack((2 * original, -1.9 * original), axis=1), rate, subtype="FLOAT")
    like_anna, chunks = converted(client, stereo, "convert:anna")
    assert chunks[0].version == "anna"
    assert {chunk.sample_rate for chunk in chunks if chunk.samples} == {RATE}
    assert len(like_anna) == pytest.approx(len(original) / rate * RATE, abs=RATE / 100)
    told = [chunk.seconds for chunk in chunks if chunk.samples]
    assert told == [pytest.approx(len(original) / rate), *[0.0] * (len(told) - 1)]
    assert 1e-3 < np.abs(like_anna).max() <= 1.0
    job = client.job(chunks[0].job)
    assert (job.kind, job.voice, job.gpu_lane) == (pb.SPEAK, ANNA, True)
    assert job.title == f"convert {stereo.stat().st_size / 1e6:.1f} MB of sound to anna"
    assert job.status.succeeded.sentence == f"Converted {len(like_anna) / RATE:.1f} s to anna."
    assert np.array_equal(converted(client, stereo, "convert:anna")[0], like_anna)
    enhanced, _ = converted(client, stereo, "convert:anna", "enhance")
    assert len(enhanced) == len(like_anna)
    assert np.abs(enhanced - like_anna).max() > 1e-4
    assert list((with_dataset.home / "imports").iterdir()) == []


def test_what_is_no_recording_is_told_and_nothing_of_any_is_kept(with_dataset: Workshop, converter: Path) -> None:
    client, imports = with_dataset.up(), with_dataset.home / "imports"
    ended(client, client.fetch("openvoice", str(converter)).id)
    broken = with_dataset.home / "broken.wav"
    for data, words in (
        (b"no sound at all" * 100, "The file is not a recording"),
        (SPEECH.read_bytes()[:20_000], "The file"),
        (b"", "No sound was sent"),
    ):
        broken.write_bytes(data)
        with pytest.raises(ClientError, match=words):
            converted(client, broken, "convert:anna")
    assert list(imports.iterdir()) == []

    # who hangs up ends it
    original, rate = soundfile.read(SPEECH, dtype="float32")
    long = with_dataset.home / "long.wav"
    soundfile.write(long, np.tile(original, 200), rate)
    stream = client.convert(recording_parts(long, spec("convert:anna")))
    number = next(stream).job
    while not next(stream).samples:
        pass
    assert len(list(imports.iterdir())) == 1
    stream.close()  # type: ignore[attr-defined]
    ended(client, number, "cancelled")


@pytest.mark.long
def test_the_command_writes_it_as_say_does(with_dataset: Workshop, converter: Path) -> None:
    client = with_dataset.up()
    ended(client, client.fetch("openvoice", str(converter)).id)
    seconds = soundfile.info(SPEECH).duration
    for name in ("out.wav", "out.mp3"):
        out = with_dataset.home / name
        done = myna(
            with_dataset, "convert", str(SPEECH), "--voice", ANNA, "--after", "enhance", "--seed", "3", "-o", str(out)
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{out}: {seconds:.1f} s of anna\n"
        assert soundfile.info(out).duration == pytest.approx(seconds, abs=0.15)
        assert b"Synthetic speech of the voice anna, made by Myna" in out.read_bytes()
    own = with_dataset.home / "own.wav"
    own.write_bytes(SPEECH.read_bytes())
    refused = myna(with_dataset, "convert", str(own), "-o", str(own))
    assert (refused.returncode, "This would write over the recording itself." in refused.stderr) == (2, True)
    assert own.read_bytes() == SPEECH.read_bytes()
    refused = myna(with_dataset, "convert", str(SPEECH), "--engine", "ears", "-o", str(with_dataset.home / "not.wav"))
    assert "No engine named 'ears' converts." in refused.stderr
    assert not (with_dataset.home / "not.wav").exists()
