"""The watermark in speech: it is found, it is the package's own, and a stream is marked as the whole would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines import watermarks
from engines.audio import find_watermark, passing, perth, watermark
from engines.base import AudioChunk, WordTime
from engines.errors import BadInput

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("compiled_librosa")]

DEMO = Path(__file__).parents[3] / "demo" / "recordings"

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def speech() -> tuple[Samples, int]:
    return soundfile.read(DEMO / "d01.flac", dtype="float32")


def marked(samples: Samples, rate: int, *sizes: int) -> Samples:
    """The samples, given in pieces of these sizes in turns."""
    marking, done, parts = perth.Marking(rate), 0, []
    while done < len(samples):
        for size in sizes:
            parts.append(marking.add(samples[done : done + size]))
            done += size
    return np.concatenate([*parts, marking.end()])


def test_speech_is_found_with_it_and_not_without_it(speech: tuple[Samples, int], tmp_path: Path) -> None:
    samples, rate = speech
    for name, sound in (("plain", samples), ("marked", marked(samples, rate, rate // 2))):
        soundfile.write(tmp_path / f"{name}.wav", sound, rate, subtype="PCM_16")
    plain, with_it = watermark.look(tmp_path / "plain.wav"), watermark.look(tmp_path / "marked.wav")
    assert (plain.carries, with_it.carries) == (False, True)
    assert plain.confidence < 0.1 < 0.9 < with_it.confidence
    assert with_it.marked == with_it.seconds == pytest.approx(len(samples) / rate, abs=0.01)


def test_a_stream_is_marked_as_the_whole_would_be_however_it_comes(speech: tuple[Samples, int]) -> None:
    samples, rate = speech
    whole = marked(samples, rate, len(samples))
    assert len(whole) == len(samples)
    for sizes in ((rate // 10,), (1, rate, 7, 4_000), (1_999,)):
        assert np.abs(marked(samples, rate, *sizes) - whole).max() < 1e-5


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100])
@pytest.mark.parametrize("count", [0, 1, 500, 3_000, 9_999])
def test_nothing_is_lost_and_nothing_is_late(rate: int, count: int) -> None:
    samples = np.sin(np.arange(count) / 20).astype(np.float32) * 0.3
    assert len(marked(samples, rate, 700)) == count


def test_silence_stays_silence() -> None:
    assert not marked(np.zeros(48_000, np.float32), 24_000, 5_000).any()


@pytest.mark.long
def test_it_is_the_packages_own(speech: tuple[Samples, int], monkeypatch: pytest.MonkeyPatch) -> None:
    import soxr

    from engines import coqui

    stand_in = types.ModuleType("pkg_resources")  # the package asks it where its own files are
    stand_in.resource_filename = lambda name, sub: os.path.join(os.path.dirname(sys.modules[name].__file__), sub)  # type: ignore[attr-defined,type-var]
    monkeypatch.setitem(sys.modules, "pkg_resources", stand_in)
    coqui.prepare()
    import perth as package

    theirs = package.PerthImplicitWatermarker()
    samples = soxr.resample(*speech, perth.RATE)[: 3 * perth.RATE]
    of_theirs = theirs.apply_watermark(samples, perth.RATE)
    ours = marked(samples, perth.RATE, len(samples))
    assert np.abs(of_theirs - ours[: len(of_theirs)]).max() < 1e-4
    for sound in (samples, of_theirs):
        said = float(theirs.get_watermark(sound, perth.RATE, round=False))
        assert perth.confidence(sound) == pytest.approx(said, abs=1e-4)


def chunks(rate: int) -> Iterator[AudioChunk]:
    for sentence, count in ((0, 9_000), (0, 0), (0, 30_000), (1, 2_000), (2, 12_000)):
        samples = np.full(count, 0.1 * (sentence + 1), np.float32)
        words = (WordTime("word", 0.0, 0.1),) if count in (9_000, 2_000, 12_000) else ()
        yield AudioChunk(samples, rate, sentence, f"sentence {sentence}", words)


class Late:
    """A marking that changes nothing, and gives everything back half a second late."""

    def __init__(self, rate: int) -> None:
        self.kept, self.late = np.zeros(0, np.float32), rate // 2

    def add(self, samples: Samples) -> Samples:
        self.kept = np.concatenate((self.kept, samples))
        ready = max(0, len(self.kept) - self.late)
        out, self.kept = self.kept[:ready], self.kept[ready:]
        return out

    def end(self) -> Samples:
        out, self.kept = self.kept, self.kept[:0]
        return out


def test_sound_stays_in_its_sentence_and_words_come_once_with_its_first() -> None:
    given, told = list(chunks(16_000)), list(passing.passed(chunks(16_000), Late))
    for sentence in (0, 1, 2):
        of = [chunk for chunk in told if chunk.sentence == sentence]
        size = sum(len(chunk.samples) for chunk in given if chunk.sentence == sentence)
        assert np.array_equal(
            np.concatenate([chunk.samples for chunk in of]), np.full(size, 0.1 * (sentence + 1), "f4")
        )
        assert [bool(chunk.words) for chunk in of] == [True] + [False] * (len(of) - 1)
        assert {chunk.text for chunk in of} == {f"sentence {sentence}"}


def test_another_rate_begins_anew() -> None:
    def two() -> Iterator[AudioChunk]:
        yield AudioChunk(np.ones(100, np.float32), 16_000, 0, "")
        yield AudioChunk(np.ones(50, np.float32), 24_000, 1, "")

    told = list(passing.passed(two(), Late))
    assert [(len(chunk.samples), chunk.sample_rate) for chunk in told] == [(100, 16_000), (50, 24_000)]


def test_without_one_the_chunks_are_left_alone_and_nothing_is_loaded() -> None:
    program = (
        "import sys; from engines.audio import watermark; x = iter([]); "
        "print(watermark.marked(x, '') is x, watermark.marked(x, 'off') is x, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


def test_the_program_tells_of_each_file(
    speech: tuple[Samples, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, rate = speech
    twice = np.concatenate([samples, samples, marked(np.tile(samples, 2), rate, rate)])
    soundfile.write(tmp_path / "half.flac", twice, rate)
    (tmp_path / "none.wav").write_text("no sound")
    names = [str(tmp_path / name) for name in ("half.flac", "none.wav", "gone.wav")]
    assert find_watermark.main(names) == 1
    half, none, gone = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert half["carries"]
    assert 0.3 < half["marked_seconds"] / half["seconds"] < 0.7
    assert none["error"]
    assert gone["error"]


def test_its_absence_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermarks, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="resemble-perth") as found:
        watermarks.weights()
    assert found.value.hint == 'Install it: pip install "myna-voice[watermark]".'
