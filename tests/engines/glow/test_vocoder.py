"""From mels to samples: lengths, pitch, repeatability; and that both vocoders keep what was said at its pitch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engines.glow import mel, vocoder


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=["griffin-lim", "harmonic-noise"])
def any_vocoder(request: pytest.FixtureRequest) -> vocoder.Vocoder:
    torch.manual_seed(0)
    small = vocoder.Settings(channels=16, layers=1)
    return vocoder.GriffinLim(iterations=4) if request.param == "griffin-lim" else vocoder.HarmonicNoise(small).eval()


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_a_frame_is_a_hop_of_samples(any_vocoder: vocoder.Vocoder, frames: int) -> None:
    assert any_vocoder.sound(torch.zeros(mel.N_MELS, frames), generator()).shape == (frames * mel.HOP,)


def test_the_same_generator_gives_the_same_samples(any_vocoder: vocoder.Vocoder) -> None:
    features = torch.randn(mel.N_MELS, 20, generator=generator())
    assert torch.equal(any_vocoder.sound(features, generator(1)), any_vocoder.sound(features, generator(1)))


@pytest.mark.parametrize("hertz", [80.0, 120.0, 233.0, 410.0])
def test_pulses_have_the_pitch_and_unit_power(hertz: float) -> None:
    frames = 62
    samples = vocoder.pulses(torch.full((1, frames), hertz), torch.ones(1, frames))[0].numpy()
    spectrum = np.abs(np.fft.rfft(samples[: mel.SAMPLE_RATE // 2] * np.hanning(mel.SAMPLE_RATE // 2)))
    lowest = np.argmax(spectrum[: int(hertz)]) * 2  # bins of 2 Hz, up to twice the pitch
    assert lowest == pytest.approx(hertz, abs=2)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(1, rel=0.1)


def test_unvoiced_frames_have_no_pulses() -> None:
    assert not vocoder.pulses(torch.full((1, 10), 100.0), torch.zeros(1, 10)).any()


def test_pitch_is_held_through_unvoiced_frames_and_slips_are_voted_out() -> None:
    f0 = torch.tensor([100.0, 100, 200, 100, 300, 300, 300, 120, 120, 120])
    voicing = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    cleaned, voiced = vocoder.contour(f0, voicing)
    assert voiced.tolist() == [1, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    assert cleaned[2] == pytest.approx(100, rel=0.01)
    assert bool((cleaned[4:7] < 121).all())


def parts_heard_as(voicing: list[float]) -> vocoder.Parts:
    """What a network might read: random filters, and these voicing logits."""
    frames, bins = len(voicing), vocoder.N_FFT // 2 + 1
    filters = (torch.randn(1, bins, 2 * frames, generator=generator(seed)) for seed in (1, 2))
    return vocoder.Parts(torch.zeros(1, 160, frames), torch.tensor([voicing]), *filters)


def test_where_a_voiced_sound_was_heard_as_breath_the_breath_becomes_voice_as_loud_as_before() -> None:
    heard = parts_heard_as([5.0, 5, -5, -5, -5, -5, -5, -5])
    given = vocoder.given_voice(heard, torch.tensor([1, 1, 1, 1, 1, 0, 0, 0]).bool())
    assert (given.voicing[0] > 0).tolist() == [True] * 5 + [False] * 3
    power = [(2 * one.harmonic).exp() + (2 * one.noise).exp() for one in (heard, given)]
    torch.testing.assert_close(power[0], power[1])
    changed = slice(4, 10)  # two columns a frame
    share = (given.noise - given.harmonic)[..., changed].exp()
    assert float(share[0, 0].max()) < 0.06 < 0.5 < float(share[0, -1].min()) < 0.6, "more breath higher up"
    for before, after in ((heard.harmonic, given.harmonic), (heard.noise, given.noise)):
        assert torch.equal(before[..., :4], after[..., :4]), "what was heard as voiced stays as it was heard"
        assert torch.equal(before[..., 10:], after[..., 10:]), "and so does what need not have a voice"


def test_a_voice_that_is_voted_out_takes_no_breath_away() -> None:
    heard = parts_heard_as([-5.0] * 5)
    given = vocoder.given_voice(heard, torch.tensor([0, 0, 1, 0, 0]).bool())
    assert torch.equal(heard.noise, given.noise)


def test_a_voice_that_is_heard_everywhere_sounds_the_same_whatever_is_said() -> None:
    torch.manual_seed(0)
    made = vocoder.HarmonicNoise(vocoder.Settings(channels=16, layers=1)).eval()
    with torch.no_grad():
        made.pitch.bias[-1] = 50.0
    features = torch.randn(mel.N_MELS, 20, generator=generator())
    known = made.sound(features, generator(), torch.ones(20).bool())
    assert torch.equal(known, made.sound(features, generator()))
    with torch.no_grad():
        made.pitch.bias[-1] = -50.0
    whispered = made.sound(features, generator())
    assert not torch.equal(whispered, made.sound(features, generator(), torch.ones(20).bool()))


def test_pitch_classes_name_the_pitch_between_them() -> None:
    network = vocoder.HarmonicNoise(vocoder.Settings(channels=16, layers=1))
    classes = network.frequencies()
    wanted = float((classes[70] * classes[71]) ** 0.5)
    logits = -0.5 * ((torch.log(torch.tensor(wanted)) - classes.log()) / 0.02) ** 2
    assert float(network.f0(logits[None, :, None])) == pytest.approx(wanted, rel=0.002)


def test_a_saved_vocoder_sounds_the_same(tmp_path: Path) -> None:
    made = vocoder.HarmonicNoise(vocoder.Settings(channels=16, layers=1)).eval()
    vocoder.save(made, tmp_path, torch.float32)
    features = torch.randn(mel.N_MELS, 20, generator=generator())
    assert torch.equal(made.sound(features, generator()), vocoder.load(tmp_path).sound(features, generator()))


def test_a_base_without_a_vocoder_speaks_through_griffin_lim(tmp_path: Path) -> None:
    assert isinstance(vocoder.load(tmp_path), vocoder.GriffinLim)
