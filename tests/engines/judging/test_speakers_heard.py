"""One recording in which two people take turns is cut, and its clips are parted into theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from engines import registry
from engines.cutting.clips import CutClip, cut_recording
from engines.judging.limits import Limits
from engines.judging.speakers import OwnBy, speakers
from engines.judging.voice_clip import VoiceClip
from tests.engines.speech import RATE, TEXTS, speech

pytestmark = pytest.mark.integration

#: The second one's voice is the first one's, slower, and as of a larger head.
LARGER = 1.3


def beside(number: int, clip: CutClip) -> VoiceClip:
    return VoiceClip(number, clip.sha256, "", clip.seconds, None, clip.voiceprint, b"", recording=1)


def test_two_who_take_turns_are_told_apart(tmp_path: Path) -> None:
    hush = np.random.default_rng(1).normal(0, 1e-4, RATE).astype(np.float32)
    parts, turns, at = [hush], [], 1.0
    for n, name in enumerate([*TEXTS] * 4):
        larger = n % 4 == 3
        sound = speech(name)
        sound = soxr.resample(sound, RATE, LARGER * RATE) if larger else sound
        turns.append((at - 0.5, larger))
        parts += [np.asarray(sound, np.float32), hush]
        at += (len(sound) + len(hush)) / RATE
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.concatenate(parts), RATE)
    cut = cut_recording(path, None, "en", registry.info("glow"), None, tmp_path / "clips", limits=Limits())
    whose = {n: [larger for begins, larger in turns if begins <= clip.start][-1] for n, clip in enumerate(cut)}
    found = speakers([beside(n, clip) for n, clip in enumerate(cut)])
    assert [{whose[id] for id in one.clips} for one in found.every] == [{False}, {True}]
    assert sum(len(one.clips) for one in found.every) == len(cut)
    assert found.by is OwnBy.MOST
