"""One recording in which two people take turns is cut, and its clips are parted into theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.made_corpus import RATE, Voice, texts, with_noise
from benchmarks.planted_recordings import beside
from engines import registry
from engines.cutting.clips import cut_recording
from engines.judging.limits import Limits
from engines.judging.speakers import OwnBy, speakers

pytestmark = pytest.mark.integration


def test_two_who_take_turns_are_told_apart(tmp_path: Path) -> None:
    people = (Voice("one", "glow", "3"), Voice("other", "glow", "1"))
    sounds, spans, at = [], [], 0.0
    for n, text in enumerate(texts(14, 3)):
        who = 0 if n % 5 < 3 else 1
        sounds.append(np.concatenate([people[who].say(text), np.zeros(RATE, np.float32)]))
        spans.append((at, at + len(sounds[-1]) / RATE, who))
        at = spans[-1][1]
    path = tmp_path / "talk.wav"
    soundfile.write(path, with_noise(np.concatenate(sounds), 40, 1) * 0.5, RATE)
    cut = cut_recording(path, None, "en", registry.info("glow"), None, tmp_path / "clips", limits=Limits())
    whose = {n: next(who for start, end, who in spans if start <= clip.start < end) for n, clip in enumerate(cut)}
    found = speakers([beside(n, clip) for n, clip in enumerate(cut)])
    assert len(found.every) == 2
    assert [{whose[id] for id in one.clips} for one in found.every] == [{0}, {1}]
    assert found.by is OwnBy.MOST
    assert sum(len(one.clips) for one in found.every) == len(cut)
