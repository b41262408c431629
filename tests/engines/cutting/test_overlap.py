"""Whether two speak at once: what the detector hears, what it finds, and that NumPy works its network out as torch
does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from engines.cutting import overlap
from engines.cutting.overlap import features, network
from engines.judging.doubt import OVERLAPPED
from tests.engines.speech import RATE, speech

pytestmark = pytest.mark.unit
Samples = NDArray[np.float32]


def level(sound: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def other(below: float) -> Samples:
    """Somebody with a longer mouth and a lower voice, so many dB quieter than `speech("market")`."""
    lower = soxr.resample(np.concatenate([speech("letter"), speech("harbour"), speech("letter")]), RATE, RATE * 1.5)
    return np.asarray(lower * (10 ** (-below / 20) * level(speech("market")) / level(lower)), np.float32)


def at_once(below: float) -> Samples:
    first, second = speech("market"), other(below)
    size = min(len(first), len(second))
    return first[:size] + second[:size]


def share(sound: Samples) -> float:
    found = overlap.share(sound)
    assert found is not None
    return found


def test_what_is_heard_is_fifty_moments_a_second_and_no_matter_how_loud() -> None:
    sound = speech("market")
    heard = features.heard(sound)
    assert heard.shape == ((len(sound) - features.LONG) // features.HOP + 1, features.SIZE)
    assert np.abs(heard - features.heard(sound * np.float32(0.01))).max() < 0.01
    assert -2.001 < heard.min() < heard.max() < 3


@pytest.mark.parametrize("size", [0, 100, features.LONG - 1, features.LONG, features.LONG + features.HOP])
def test_too_little_sound_and_silence_tell_nothing(size: int) -> None:
    assert overlap.share(np.zeros(size, np.float32)) is None
    assert overlap.share(np.ones(size, np.float32)) is None


def test_numpy_works_the_network_out_as_torch_does() -> None:
    import torch

    from engines.cutting.overlap.recipe.train import Trained

    torch.manual_seed(1)
    trained = Trained().eval()
    tensors = {name: tensor.astype(np.float32) for name, tensor in trained.tensors().items()}
    heard = np.random.default_rng(2).normal(size=(3, 41, features.SIZE)).astype(np.float32)
    with torch.no_grad():
        told = torch.sigmoid(trained(torch.from_numpy(heard).transpose(1, 2))).numpy()
    for one, expected in zip(heard, told, strict=True):
        assert network.Network(tensors).chances(one) == pytest.approx(expected, abs=2e-3)
    few = network.Network(tensors).chances(heard[0, :3])
    assert few.shape == (3,)


def test_a_mixture_tells_when_two_speak_and_is_the_same_for_its_seed() -> None:
    from engines.cutting.overlap.recipe import mixtures

    voices = {"one": [speech("market")], "other": [other(0.0)]}
    made = [mixtures.example(voices, seed) for seed in (*range(8), 3)]
    assert np.array_equal(made[3].sound, made[-1].sound)
    for one in made:
        assert len(one.sound) == len(one.overlap) * features.HOP
        assert np.all(np.isfinite(one.sound))
        assert (one.share > 0) == (one.below is not None)


def test_two_at_once_are_found_and_one_who_speaks_is_not() -> None:
    none, whole = OVERLAPPED
    assert share(speech("market")) < none < whole < share(at_once(3.0))
    assert share(speech("market")) < share(at_once(9.0))


def test_noise_and_another_level_do_not_make_one_who_speaks_two() -> None:
    sound = speech("market")
    noise = np.random.default_rng(3).normal(0, level(sound) * 10 ** (-12 / 20), len(sound))
    assert share((sound + noise).astype(np.float32)) < OVERLAPPED[0]
    assert share(sound * np.float32(0.05)) == pytest.approx(share(sound), abs=0.01)


def test_two_who_speak_in_turn_are_not_two_at_once() -> None:
    first, second = speech("market"), other(0.0)
    assert share(np.concatenate([first[: 2 * RATE], second[: 2 * RATE]])) < OVERLAPPED[0]


@pytest.mark.parametrize("name", ["Front_Center", "Rear_Right", "Side_Left"])
def test_people_are_not_taken_for_two(name: str) -> None:
    path = Path("/usr/share/sounds/alsa") / f"{name}.wav"
    if not path.exists():
        pytest.skip("The sounds of alsa-utils are not installed here.")
    sound, rate = soundfile.read(path, dtype="float32")
    assert share(soxr.resample(sound, rate, RATE)) < OVERLAPPED[0]
