"""Speech through the converter: a stream is what converting the whole at once would be, as long as what went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from engines import interruption
from engines.base import Clip
from engines.errors import BadInput, Cancelled
from engines.openvoice import conversion, network
from engines.openvoice.conversion import Conversion
from engines.openvoice.engine import OpenVoiceEngine
from engines.openvoice.model import OpenVoiceModel

RATE = 22_050
Samples = NDArray[np.float32]


@pytest.fixture
def model(engine: OpenVoiceEngine, clips: list[Clip]) -> OpenVoiceModel:
    return engine.load(None, reference=clips[1:2])


@pytest.fixture(scope="module")
def said(clips: list[Clip]) -> Samples:
    """Nine seconds of speech: several blocks. A whole number of frames."""
    samples, rate = soundfile.read(clips[0].path, dtype="float32")
    sound = np.concatenate([np.asarray(soxr.resample(samples, rate, RATE), np.float32)] * 3)
    return sound[: 9 * RATE // 256 * 256]


def through(made: Conversion, samples: Samples, *sizes: int) -> Samples:
    """The samples, given in pieces of these sizes in turns."""
    parts, done = [], 0
    while done < len(samples):
        for size in sizes:
            parts.append(made.add(samples[done : done + size]))
            done += size
    return np.concatenate([*parts, made.end()])


def test_blocks_put_together_are_what_the_librarys_own_class_makes_of_the_whole(
    model: OpenVoiceModel, said: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.module, "tau", 0.0)  # what it draws is ours
    ours = through(Conversion(model, RATE, 1), said, 5_000)
    begin = next(  # what the stream took for the speech's own voice
        said[: round(look * conversion.LOOK * RATE)]
        for look in range(1, 100)
        if conversion._spoken(said[: round(look * conversion.LOOK * RATE)], RATE) >= conversion.LISTENS
    )
    stock = model.module
    with torch.inference_mode():
        own, _ = stock.extract_se(torch.from_numpy(begin))
        _, spectrum = stock.extract_se(torch.from_numpy(said))
        whole = stock.inference(spectrum, {"g_src": own, "g_tgt": model.target})["model_outputs"][0, 0].numpy()
    assert len(whole) == len(ours) == len(said)
    assert np.abs(whole).max() > 0.01
    assert np.abs(ours - whole).max() < 1e-4


@pytest.mark.parametrize(("part", "frames"), [("reach", 20), ("vocoder_reach", 2)])
def test_less_sound_around_a_block_would_be_heard(
    model: OpenVoiceModel, said: Samples, monkeypatch: pytest.MonkeyPatch, part: str, frames: int
) -> None:
    monkeypatch.setattr(model.module, "tau", 0.0)
    whole = through(Conversion(model, RATE, 1), said, 5_000)
    monkeypatch.setattr(conversion, part, lambda _: frames)
    assert np.abs(through(Conversion(model, RATE, 1), said, 5_000) - whole).max() > 1e-3


def test_the_same_seed_makes_the_same_however_the_sound_is_parted(model: OpenVoiceModel, said: Samples) -> None:
    once = through(Conversion(model, 16_000, 7), said, len(said))
    for sizes in ((1_000,), (1, 30_000, 77)):
        assert np.array_equal(through(Conversion(model, 16_000, 7), said, *sizes), once)
    assert not np.array_equal(through(Conversion(model, 16_000, 8), said, 5_000), once)
    assert not np.array_equal(
        through(Conversion(model, 16_000, None), said, 5_000), through(Conversion(model, 16_000, None), said, 5_000)
    )


@pytest.mark.parametrize("rate", [16_000, RATE, 44_100])
@pytest.mark.parametrize("count", [0, 1, 300, 5_000, 123_457])
def test_as_many_samples_come_out_as_went_in(model: OpenVoiceModel, said: Samples, rate: int, count: int) -> None:
    made = through(Conversion(model, rate, 1), said[:count], 4_321)
    assert len(made) == count
    assert np.isfinite(made).all()


def test_nothing_is_said_of_silence_that_is_no_number(model: OpenVoiceModel) -> None:
    assert np.isfinite(through(Conversion(model, RATE, 1), np.zeros(20 * RATE, np.float32), RATE)).all()


def test_its_first_sound_comes_once_enough_was_heard_and_what_it_holds_does_not_grow(
    model: OpenVoiceModel, said: Samples
) -> None:
    stream, given, told = Conversion(model, RATE, 1), 0, 0
    first, most = 0.0, 0
    for start in range(0, 3 * len(said), RATE // 2):
        piece = np.take(said, np.arange(start, start + RATE // 2), mode="wrap")
        given += len(piece)
        told += len(stream.add(piece))
        first = first or (given / RATE if told else 0.0)
        most = max(most, len(stream._sound))
    assert conversion.LISTENS <= first <= conversion.LISTENS + 3
    assert most < 15 * RATE < given


def test_two_voices_sound_different_and_share_the_base(
    engine: OpenVoiceEngine, model: OpenVoiceModel, clips: list[Clip], said: Samples
) -> None:
    other = engine.load(None, reference=clips[2:])
    assert other.module is model.module
    assert not torch.equal(other.target, model.target)
    sound = said[: 3 * RATE]
    one, two = (through(Conversion(each, RATE, 1), sound, len(sound)) for each in (model, other))
    assert np.abs(one - two).max() > 1e-3


def test_how_a_voice_sounds_does_not_depend_on_the_order_of_its_clips(
    engine: OpenVoiceEngine, clips: list[Clip]
) -> None:
    assert torch.equal(engine.load(None, reference=clips).target, engine.load(None, reference=clips[::-1]).target)


def test_a_voice_without_a_clip_that_can_be_heard_is_a_sentence(
    engine: OpenVoiceEngine, clips: list[Clip], tmp_path: Path
) -> None:
    (tmp_path / "broken.flac").write_bytes(b"fLaC")
    for reference in ([], [Clip("x", tmp_path / "broken.flac", "", "en", 2.0)]):
        with pytest.raises(BadInput, match="no clip of this voice that can be heard"):
            engine.load(None, reference=reference)
    mixed = engine.load(None, reference=[Clip("x", tmp_path / "broken.flac", "", "en", 2.0), clips[0]])
    assert torch.equal(mixed.target, engine.load(None, reference=clips[:1]).target)


def test_it_has_no_versions(engine: OpenVoiceEngine, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no versions"):
        engine.load(tmp_path)


def test_it_can_be_stopped_between_blocks(model: OpenVoiceModel, said: Samples) -> None:
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise Cancelled("Cancelled.")

    with interruption.checked_by(check), pytest.raises(Cancelled):
        through(Conversion(model, RATE, 1), said, len(said))
    assert len(looks) == 2


def test_the_published_sizes_reach_as_far_as_their_layers_say() -> None:
    """Sixteen layers of five, four couplings of four there and back, and the vocoder's: 109 frames and a little."""
    from engines.openvoice import tiny_base, weights

    shape = weights.Shape(RATE, 1_024, 1_024, 256, tiny_base.PUBLISHED)
    assert 109 <= conversion.reach(network.build(shape)) <= 120
