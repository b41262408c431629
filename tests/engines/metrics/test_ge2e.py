"""The speaker embedder says what Resemblyzer says, by the same weights, and loads nothing of what Resemblyzer does."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from resemblyzer import VoiceEncoder, preprocess_wav, wav_to_mel_spectrogram

sys.path.insert(0, str(Path(__file__).parents[1]))
from speech import RATE, TEXTS, speech

from engines.errors import BadInput
from engines.metrics import similarity
from engines.metrics.ge2e import features, network, weights

pytestmark = pytest.mark.usefixtures("compiled_librosa")

Sound = NDArray[np.float32]


def noisy(sound: Sound) -> Sound:
    return sound + np.random.default_rng(0).normal(0, 0.03, len(sound)).astype(np.float32)


def clips() -> dict[str, Sound]:
    """Speech as it comes to be measured: clean, quiet, loud, with noise, with long silences, short and long."""
    sounds = {name: speech(name) for name in TEXTS}
    letter = sounds["letter"]
    hush = np.zeros(2 * RATE, np.float32)
    click = np.zeros(RATE, np.float32)
    click[100] = 1.0
    return sounds | {
        "quiet": 0.003 * letter,
        "loud": np.clip(20 * letter, -1, 1),
        "noisy": noisy(letter),
        "with silences": np.concatenate([hush, letter, hush, sounds["harbour"], hush]),
        "beside a click": np.concatenate([click, 0.01 * letter]),
        "one part": letter[:RATE],
        "no whole number of parts": letter[: round(1.9 * RATE)],
        "many parts": np.concatenate([sounds["market"], noisy(letter)]),
    }


CLIPS = clips()
EVERY_CLIP = pytest.mark.parametrize("name", CLIPS)


@pytest.fixture(scope="module")
def resemblyzer() -> Any:
    return VoiceEncoder("cpu", verbose=False)


def spoken(name: str) -> Sound:
    return features.spoken(np.clip(similarity._levelled(CLIPS[name]), -1, 1))


@EVERY_CLIP
def test_the_same_silences_are_taken_out(name: str) -> None:
    theirs = preprocess_wav(np.clip(similarity._levelled(CLIPS[name]), -1, 1), RATE)
    assert np.array_equal(spoken(name), theirs)
    quiet = 0.01 * CLIPS[name]
    assert np.allclose(features.spoken(quiet), preprocess_wav(quiet, RATE), rtol=1e-5, atol=0)


@EVERY_CLIP
def test_the_same_mel_spectra_are_heard(name: str) -> None:
    theirs = wav_to_mel_spectrogram(CLIPS[name])
    ours = features.mel(CLIPS[name])
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    assert float(np.abs(ours - theirs).max()) < 1e-5 * float(theirs.max())


@EVERY_CLIP
def test_the_embedding_is_the_same(name: str, resemblyzer: Any) -> None:
    sound = similarity._levelled(spoken(name))
    theirs = resemblyzer.embed_utterance(sound)
    ours = network.load().embed(sound)
    assert (ours.shape, str(ours.dtype)) == ((256,), "float32")
    assert float(np.abs(ours - theirs).max()) < 1e-5
    assert similarity.cosine(ours, theirs) > 0.999_99
    assert np.array_equal(similarity.embed(CLIPS[name]), ours)


def test_two_voices_are_as_alike_as_resemblyzer_says(resemblyzer: Any) -> None:
    names = ("harbour", "letter", "noisy")
    ours = [similarity.embed(CLIPS[name]) for name in names]
    theirs = [resemblyzer.embed_utterance(similarity._levelled(spoken(name))) for name in names]
    alike = np.array([similarity.cosine(one, similarity.mean_embedding(ours)) for one in ours])
    as_alike = np.array([similarity.cosine(one, similarity.mean_embedding(theirs)) for one in theirs])
    assert np.allclose(alike, as_alike, rtol=0, atol=1e-5)


def test_no_speech_is_told() -> None:
    for silent in (np.zeros(0, np.float32), np.zeros(RATE, np.float32)):
        with pytest.raises(BadInput, match="no sound"):
            similarity.embed(silent)
    for short in (np.full(100, 0.1, np.float32), speech("letter")[: RATE // 5]):
        with pytest.raises(BadInput, match="too little speech"):
            similarity.embed(short)


def test_the_weights_are_those_in_the_wheel() -> None:
    ours = weights.read(weights.installed())
    theirs = torch.load(weights.installed(), map_location="cpu", weights_only=True)["model_state"]
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert np.array_equal(ours[name], tensor.numpy())


class Harmful:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


def test_nothing_that_a_file_of_weights_names_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pretrained.pt").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(Harmful(), 2))
    with pytest.raises(BadInput, match="cannot be read"):
        weights.read(tmp_path / "pretrained.pt")
    assert not Path("harm").exists()


@pytest.mark.parametrize("kept", [0, 100, 4_000, 1_000_000])
def test_weights_that_are_cut_off_are_told(tmp_path: Path, kept: int) -> None:
    (tmp_path / "pretrained.pt").write_bytes(weights.installed().read_bytes()[:kept])
    with pytest.raises(BadInput, match="cannot be read"):
        weights.read(tmp_path / "pretrained.pt")


def test_weights_of_another_format_are_told(tmp_path: Path) -> None:
    torch.save({"model_state": {}}, tmp_path / "pretrained.pt")
    with pytest.raises(BadInput, match="cannot be read"):
        weights.read(tmp_path / "pretrained.pt")
