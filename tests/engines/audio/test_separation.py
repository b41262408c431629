"""Music is taken out of a stream of sound by a model that hears ten seconds at a time: what comes out has the length,
the place and the level of what went in, and no seams, however long it is."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines import separators
from engines.audio import separation
from engines.audio.cleaning import Cleaner
from engines.audio.separation import RATE, Separation
from engines.errors import WeightsMissing
from engines.judging.limits import LIMITS
from tests.engines.audio.tiny_hdemucs import build
from tests.engines.speech import RATE as SPEECH_RATE
from tests.engines.speech import speech

Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that has the small model."""
    there = tmp_path_factory.mktemp("weights")
    build(separators.folder("hdemucs", there))
    return there


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is heard at a time, in place of ten."""
    monkeypatch.setattr(separation, "_HEARD", RATE)
    monkeypatch.setattr(separation, "_SHARED", RATE // 10)
    monkeypatch.setattr(separation, "_LEAST", RATE // 10)


def through(clean: Cleaner, samples: Sound, part: int) -> Sound:
    """In parts of so many samples."""
    parts = [clean.clean(samples[start : start + part]) for start in range(0, len(samples), part)]
    return np.concatenate([*parts, clean.clean(samples[:0], last=True)])


def modelled(weights: Path, rate: int) -> Cleaner:
    made = separation.separation("hdemucs", rate, weights)
    assert made is not None
    return made()


def test_the_choices_are_the_models_there_are_and_none(tmp_path: Path) -> None:
    assert set(LIMITS["separate"].choices) == {"off", *separators.PUBLISHED}
    assert LIMITS["separate"].usual == "off"
    assert separation.separation("off", RATE, tmp_path) is None


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("part", [441, 10_000])
def test_the_model_gives_as_many_samples_whatever_the_parts(weights: Path, part: int) -> None:
    sound = speech("letter")
    assert len(sound) > 2 * SPEECH_RATE, "three stretches of the model"
    once = through(modelled(weights, SPEECH_RATE), sound, len(sound))
    assert len(once) == len(sound)
    assert np.any(once != sound)
    assert np.array_equal(through(modelled(weights, SPEECH_RATE), sound, part), once)


def test_the_model_is_the_librarys_and_hears_both_channels_alike(weights: Path) -> None:
    from torchaudio.models import HDemucs

    file = separators.folder("hdemucs", weights) / separators.PUBLISHED["hdemucs"].file.name
    network = separation._network(torch.load(file, weights_only=True))
    assert isinstance(network, HDemucs)
    assert (network.depth, network.nfft, network.channels) == (6, 4096, 4)
    sound = speech("letter")[:RATE]
    with torch.inference_mode():
        both = network(torch.from_numpy(np.stack([sound, sound]))[None])
    assert np.allclose(separation._model(file)(sound), both[0, -1].mean(0).numpy(), atol=1e-6)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_what_a_model_leaves_as_it_is_keeps_its_place_and_level(rate: int) -> None:
    import soxr

    sound = soxr.resample(speech("letter"), SPEECH_RATE, rate)
    made = through(Separation(rate, lambda samples: samples), sound, 4_096)
    assert len(made) == len(sound)
    # resampling there and back takes away what lies at the very top of the band
    assert float(np.sqrt(np.mean((made - sound) ** 2))) < 0.01 * float(np.sqrt(np.mean(sound**2)))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("count", [0, 1, 700, RATE - 1, RATE, RATE + 1, 2 * RATE - RATE // 10])
def test_any_length_stays_as_it_is(count: int) -> None:
    sound = np.linspace(-0.5, 0.5, count, dtype=np.float32)
    made = through(Separation(RATE, lambda samples: samples), sound, 30_000)
    assert len(made) == count
    assert np.allclose(made, sound, atol=1e-4)


@pytest.mark.usefixtures("short")
def test_between_two_stretches_there_is_no_step() -> None:
    levels = iter([1.0, 0.0, 1.0, 0.0, 1.0])
    made = through(
        Separation(RATE, lambda samples: samples * np.float32(next(levels))), np.ones(4 * RATE, np.float32), RATE
    )
    assert float(made.max()) == pytest.approx(1.0, abs=1e-3)
    assert float(made.min()) == pytest.approx(0.0, abs=1e-3)
    assert float(np.abs(np.diff(made)).max()) < 1.5 / (RATE // 10), "a slope of a tenth of a second"


def test_ten_seconds_are_heard_at_a_time_and_a_second_twice() -> None:
    heard: list[Sound] = []

    def voice(samples: Sound) -> Sound:
        heard.append(samples)
        return samples

    sound = np.random.default_rng(0).normal(0, 0.1, 25 * RATE).astype(np.float32)
    through(Separation(RATE, voice), sound, 100_000)
    assert [len(one) / RATE for one in heard] == [10, 10, 7]
    assert all(np.array_equal(one[-RATE:], next_one[:RATE]) for one, next_one in pairwise(heard))


def test_memory_does_not_grow_with_the_length() -> None:
    def most(seconds: int) -> int:
        clean, second = Separation(RATE, lambda samples: samples), np.zeros(RATE, np.float32)
        tracemalloc.start()
        for _ in range(seconds):
            clean.clean(second)
        clean.clean(second[:0], last=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(300) < 1.1 * most(30)


def test_where_the_weights_are_missing_a_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="The weights of hdemucs, which takes music out") as missing:
        separation.separation("hdemucs", RATE, tmp_path)
    assert "`myna engines fetch hdemucs`" in missing.value.hint
    assert "`myna engines add hdemucs FOLDER`" in missing.value.hint


@pytest.mark.parametrize("wrong", ["torn", "text", "another model", "fewer sources"])
def test_another_file_is_a_sentence(tmp_path: Path, wrong: str) -> None:
    file = build(
        separators.folder("hdemucs", tmp_path), ("drums", "vocals") if wrong == "fewer sources" else separation.SOURCES
    )
    if wrong == "torn":
        file.write_bytes(file.read_bytes()[:10_000])
    elif wrong == "text":
        file.write_text("<!DOCTYPE html>")
    elif wrong == "another model":
        torch.save(torch.nn.Linear(3, 4).state_dict(), file)
    made = separation.separation("hdemucs", RATE, tmp_path)
    assert made is not None
    with pytest.raises(WeightsMissing, match=r"hdemucs_high_trained\.pt holds no model that parts voice and music"):
        made().clean(np.zeros(RATE, np.float32), last=True)
