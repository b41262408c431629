"""What comes in many blocks, or is longer than may be kept in memory, gives the same clips."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import RATE, TEXTS, recording, speech

from engines.audio import mono
from engines.audio.mono import load
from engines.cutting import clips as clips_of
from engines.cutting.clips import cut_recording
from engines.cutting.cued import Cue
from engines.glow.info import INFO


def test_a_long_stretch_without_speech_is_several_dropped_clips(tmp_path: Path) -> None:
    """None is longer than can be held in memory, and each can be heard."""
    noise = np.random.default_rng(0).normal(0, 0.05, RATE * 130)
    soundfile.write(tmp_path / "a.flac", noise, RATE)
    clips = cut_recording(tmp_path / "a.flac", "Words.", "en", INFO, None, tmp_path)
    assert [(clip.reason, clip.text, clip.path is None) for clip in clips] == [("no-speech", "", False)] * 3
    assert [clip.start for clip in clips[1:]] == [clip.end for clip in clips[:-1]]
    assert clips[-1].end == pytest.approx(130.0)


def test_parts_of_a_stretch_that_is_too_long_do_not_each_have_all_of_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who keeps one of them would have it trained on the words of all."""
    monkeypatch.setattr(clips_of, "LONGEST_HELD", 4.0)
    sound = speech("market")
    babble = sum(np.roll(sound, shift) for shift in (0, RATE // 3, RATE // 2))  # no pause to cut at
    soundfile.write(tmp_path / "a.wav", babble * 0.3, RATE)
    short = replace(INFO, clip_seconds=(0.8, 4.0))
    cues = [Cue(0.0, len(sound) / RATE, TEXTS["market"])]
    clips = cut_recording(tmp_path / "a.wav", TEXTS["market"], "en", short, None, tmp_path, cues=cues)
    assert len(clips) > 1
    assert {clip.reason for clip in clips} == {"too-long"}
    assert {clip.text for clip in clips} == {""}


def test_a_recording_too_long_to_be_kept_gives_the_same_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "market"] * 3, rate=44_100)
    kept = cut_recording(made.path, None, "xx", replace(INFO, sample_rate=24_000), None, tmp_path)
    monkeypatch.setattr(mono, "KEPT", 5.0)
    assert cut_recording(made.path, None, "xx", replace(INFO, sample_rate=24_000), None, tmp_path) == kept


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_a_clip_holds_the_samples_of_its_stretch(tmp_path: Path, rate: int) -> None:
    """Also of a recording that comes in many blocks: what is cut as it streams by is what a whole load would give."""
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "market"] * 4, rate=rate)
    clips = cut_recording(made.path, None, "xx", replace(INFO, sample_rate=24_000), None, tmp_path)
    whole = load(made.path, 24_000)
    assert len(clips) > 3
    for clip in clips:
        assert clip.path is not None
        sound, _ = soundfile.read(clip.path, dtype="float32")
        cut = whole[round(clip.start * 24_000) : round(clip.end * 24_000)]
        assert len(sound) == len(cut)
        inside = slice(200, -200)  # but for the fades
        gain = float(np.dot(sound[inside], cut[inside]) / np.dot(cut[inside], cut[inside]))
        assert np.abs(sound[inside] - gain * cut[inside]).max() < 1e-4
