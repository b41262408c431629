"""The vocoder learns a voice from its recordings."""

from __future__ import annotations

import json
import random
import shutil
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.audio import clip as clip_file
from engines.base import Clip, SpeechRequest
from engines.device import memory_of
from engines.errors import Cancelled, EngineError
from engines.glow import mel, model, vocoder, vocoder_tuning
from engines.glow.engine import GlowEngine
from engines.own_sound import LearnsSound

SMALL = vocoder.Settings(channels=8, layers=1)


def small(seed: int = 0) -> vocoder.HarmonicNoise:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return vocoder.HarmonicNoise(SMALL).eval()


@pytest.fixture(scope="module")
def recordings(clips: list[Clip]) -> list[vocoder_tuning.Recording]:
    found = [vocoder_tuning.recording(clip_file.read(one.path, mel.SAMPLE_RATE)) for one in clips]
    return [one for one in found if one is not None]


@pytest.fixture
def with_vocoder(tiny: Path, engine: GlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GlowEngine:
    """The engine on a tiny base that brings a tiny vocoder."""
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    vocoder.save(small(), base)
    monkeypatch.setenv(model.BASE_VARIABLE, str(base))
    monkeypatch.setattr("engines.glow.engine.SOUND_STEPS", 3)
    monkeypatch.setattr(vocoder_tuning, "GAIN", -1.0)  # three steps teach hardly anything
    return engine


def state(of: object) -> dict[str, torch.Tensor]:
    assert isinstance(of, vocoder.HarmonicNoise)
    return {name: tensor.clone() for name, tensor in of.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def nothing(done: int, total: int) -> None: ...


# --- recordings


def test_a_recording_has_its_pitch_at_each_frame_of_its_mel(recordings: list[vocoder_tuning.Recording]) -> None:
    one = recordings[0]
    assert one.f0.shape == one.voiced.shape == (one.mel.shape[-1],)
    assert one.voiced.mean() > 0.5
    assert float(one.f0[one.voiced > 0].median()) == pytest.approx(120, rel=0.01)


def test_pitch_is_drawn_through_what_has_no_voice() -> None:
    f0, voiced = vocoder_tuning.held(np.array([100.0, 55.0, 55.0, 100.0]), np.array([True, False, False, True]))
    assert f0.tolist() == pytest.approx([100.0] * 4)
    assert voiced.tolist() == [1, 0, 0, 1]


def test_what_has_no_voice_at_all_has_a_pitch_that_is_a_number() -> None:
    f0, voiced = vocoder_tuning.held(np.array([55.0, 55.0]), np.array([False, False]))
    assert torch.isfinite(f0.log()).all()
    assert not voiced.any()


def test_a_recording_shorter_than_a_piece_teaches_nothing() -> None:
    tone = np.sin(np.arange(vocoder_tuning.FRAMES * mel.HOP) / 20).astype(np.float32)
    assert vocoder_tuning.recording(tone) is None


# --- learning


@pytest.mark.long
def test_what_it_learned_is_nearer_to_recordings_it_did_not_learn_from(
    recordings: list[vocoder_tuning.Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocoder_tuning, "RATE", 3e-3)  # so small a network needs more
    network = small()

    def distance() -> float:
        batch = vocoder_tuning.pieces(recordings[:1], 4, random.Random(1))
        with torch.no_grad():
            return float(vocoder_tuning.losses(network, batch, 0.0, torch.Generator().manual_seed(1)).whole)

    before = distance()
    vocoder_tuning.tune(network, recordings[1:], 30, 0)
    assert distance() < 0.95 * before
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_random_state_alone(
    recordings: list[vocoder_tuning.Recording],
) -> None:
    found, before = [], torch.get_rng_state()
    for seed in (1, 1, 2):
        network = small()
        vocoder_tuning.tune(network, recordings, 3, seed)
        found.append(state(network))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])
    assert torch.equal(torch.get_rng_state(), before)


# --- in the engine


def test_a_version_speaks_with_what_its_vocoder_learned(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    voice, base = with_vocoder.load(None, training=True), with_vocoder.load(None)
    assert isinstance(with_vocoder, LearnsSound)
    with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, nothing)
    version = tmp_path / "version"
    version.mkdir()
    with_vocoder.save(voice, version)
    again = with_vocoder.load(version)
    request = SpeechRequest("Hello there.", seed=3)
    spoken, kept, plain = (
        np.concatenate([chunk.samples for chunk in with_vocoder.speak(one, request)]) for one in (voice, again, base)
    )
    assert np.array_equal(spoken, kept)
    assert not np.array_equal(spoken, plain)
    another = tmp_path / "another"
    another.mkdir()
    with_vocoder.save(again, another)  # a version that is trained on keeps it
    assert (another / vocoder.WEIGHTS).read_bytes() == (version / vocoder.WEIGHTS).read_bytes()


def test_what_was_learned_is_taken_from_where_it_was_kept(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    kept = tmp_path / "sound"
    first = with_vocoder.load(None, training=True)
    with_vocoder.learn_sound(first, clips, kept, 1, nothing)

    def never(done: int, total: int) -> None:
        raise AssertionError("it was learned already")

    second = with_vocoder.load(None, training=True)
    with_vocoder.learn_sound(second, clips, kept, 1, never)
    assert same(state(first.vocoder), state(second.vocoder))


def test_what_gains_too_little_leaves_the_bases_and_is_not_tried_again(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocoder_tuning, "GAIN", 0.9)
    base, steps = state(with_vocoder.load(None).vocoder), []
    for _ in range(2):
        voice = with_vocoder.load(None, training=True)
        with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, lambda done, total: steps.append(done))
        assert same(state(voice.vocoder), base)
        assert not voice.own_vocoder
    assert [step for step, _ in groupby(steps)] == [0, 1, 2]


def test_what_came_out_as_no_number_leaves_the_bases(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocoder_tuning, "RATE", 1e38)
    voice = with_vocoder.load(None, training=True)
    base = state(voice.vocoder)
    with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, nothing)
    assert same(state(voice.vocoder), base)
    assert (tmp_path / "sound").read_bytes() == b""


def test_what_gains_too_little_over_a_version_leaves_the_versions_own(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, version, second = with_vocoder.load(None, training=True), tmp_path / "version", tmp_path / "second"
    with_vocoder.learn_sound(first, clips, tmp_path / "first-sound", 1, nothing)
    version.mkdir()
    with_vocoder.save(first, version)
    monkeypatch.setattr(vocoder_tuning, "GAIN", 0.9)
    for attempt in ("learned", "taken from where it was kept"):
        on_top = with_vocoder.load(version, training=True)
        with_vocoder.learn_sound(on_top, clips, tmp_path / "sound", 2, nothing)
        shutil.rmtree(second, ignore_errors=True)
        second.mkdir()
        with_vocoder.save(on_top, second)
        assert same(state(with_vocoder.load(second).vocoder), state(first.vocoder)), attempt


def test_a_model_goes_on_from_a_versions_own_and_keeps_its_bases_where_that_has_none(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, own, none = with_vocoder.load(None, training=True), tmp_path / "own", tmp_path / "none"
    for folder in (own, none):
        folder.mkdir()
    with_vocoder.save(first, none)
    with_vocoder.learn_sound(first, clips, tmp_path / "first-sound", 1, nothing)
    with_vocoder.save(first, own)
    begun = with_vocoder.load(None, training=True)
    base = state(begun.vocoder)
    with_vocoder.sound_like(begun, none)
    assert same(state(begun.vocoder), base)
    assert not begun.own_vocoder
    with_vocoder.sound_like(begun, own)
    assert same(state(begun.vocoder), state(first.vocoder))
    with_vocoder.learn_sound(begun, clips, tmp_path / "sound", 2, nothing)
    assert not same(state(begun.vocoder), state(first.vocoder)), "it learned on"


@pytest.mark.parametrize("damage", [b"half", "another size"])
def test_what_was_kept_and_is_none_of_this_vocoders_is_learned_again(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, damage: bytes | str
) -> None:
    kept, voice = tmp_path / "sound", with_vocoder.load(None, training=True)
    with_vocoder.learn_sound(voice, clips, kept, 1, nothing)
    whole = kept.read_bytes()
    other = vocoder.HarmonicNoise(vocoder.Settings(channels=16, layers=1))
    kept.write_bytes(damage if isinstance(damage, bytes) else vocoder.packed(other))
    again = with_vocoder.load(None, training=True)
    with_vocoder.learn_sound(again, clips, kept, 1, nothing)
    assert same(state(again.vocoder), state(voice.vocoder))
    assert kept.read_bytes() == whole


def test_it_can_be_stopped_while_recordings_are_read(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    pitched = vocoder_tuning.recording
    monkeypatch.setattr(vocoder_tuning, "recording", lambda samples: read.append(samples) or pitched(samples))

    def stop(done: int, total: int) -> None:
        if len(read) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        with_vocoder.learn_sound(with_vocoder.load(None, training=True), clips, tmp_path / "sound", 1, stop)
    assert len(read) == 2


def test_what_a_voice_holds_counts_its_vocoder(with_vocoder: GlowEngine) -> None:
    voice = with_vocoder.load(None)
    assert isinstance(voice.vocoder, vocoder.HarmonicNoise)
    own = sum(tensor.nbytes for tensor in state(voice.vocoder).values())
    assert memory_of(voice) == sum(tensor.nbytes for tensor in voice.module.state_dict().values()) + own


def test_what_it_gained_is_heard_on_recordings_that_it_did_not_learn_from(
    recordings: list[vocoder_tuning.Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[vocoder_tuning.Recording] = []
    monkeypatch.setattr(vocoder_tuning, "tune", lambda network, some, *rest: taught.extend(some))
    assert not vocoder_tuning.improved(small(), recordings, 1, 0)
    assert [one is two for one, two in zip(taught, recordings[1:], strict=True)] == [True] * len(taught)


def test_it_can_be_stopped_between_steps_and_keeps_nothing_half(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled("enough")

    voice = with_vocoder.load(None, training=True)
    with pytest.raises(Cancelled):
        with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, stop)
    assert not (tmp_path / "sound").exists()


def test_a_base_without_a_vocoder_has_nothing_to_learn(engine: GlowEngine, clips: list[Clip], tmp_path: Path) -> None:
    voice = engine.load(None, training=True)
    engine.learn_sound(voice, clips, tmp_path / "sound", 1, nothing)
    assert not (tmp_path / "sound").exists()
    assert not voice.own_vocoder


def test_clips_too_short_to_learn_from_leave_the_bases(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocoder_tuning, "recording", lambda samples: None)
    voice = with_vocoder.load(None, training=True)
    with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, nothing)
    assert not voice.own_vocoder


def test_a_version_whose_vocoder_is_damaged_is_a_sentence(
    with_vocoder: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    voice, version = with_vocoder.load(None, training=True), tmp_path / "version"
    with_vocoder.learn_sound(voice, clips, tmp_path / "sound", 1, nothing)
    version.mkdir()
    with_vocoder.save(voice, version)
    (version / vocoder.WEIGHTS).write_bytes(b"half")
    with pytest.raises(EngineError, match="vocoder"):
        with_vocoder.load(version)


@pytest.mark.parametrize(
    "wrong", [{"lowest": 500.0, "highest": 55.0}, {"lowest": 0.0}, {"lowest": "low"}, {"highest": float("nan")}]
)
def test_a_version_whose_vocoder_names_no_pitch_is_a_sentence(tmp_path: Path, wrong: dict[str, object]) -> None:
    vocoder.save(small(), tmp_path)
    told = json.loads((tmp_path / vocoder.SETTINGS).read_text())
    (tmp_path / vocoder.SETTINGS).write_text(json.dumps(told | wrong))
    with pytest.raises(EngineError, match="vocoder"):
        vocoder.load(tmp_path)
