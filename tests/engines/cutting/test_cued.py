"""Recordings whose text came with times are cut by them, with or without a recogniser."""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import TEXTS, recording

from engines.cutting.clips import cut_recording
from engines.cutting.cued import Cue, cued_pieces
from engines.cutting.power import Power
from engines.cutting.vad import Span
from engines.glow.info import INFO

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))


def power(seconds: float) -> Power:
    made = Power(round(seconds * 16_000))
    made.add(np.zeros((round(seconds * 16_000) // 512, 512), np.float32))
    return made


def test_each_clip_has_the_words_of_its_cues_without_a_recogniser(tmp_path: Path) -> None:
    names = ["harbour", "letter", "harbour", "letter"]
    made = recording(tmp_path / "a.flac", names, pause=0.4)
    off = (0.2, -0.15, 0.1, -0.2)  # as hand-made times are
    cues = [Cue(a + d, b + d, TEXTS[name]) for (a, b), d, name in zip(made.spans, off, names, strict=True)]
    clips = cut_recording(made.path, made.text, "en", SHORT, None, tmp_path, cues=cues)
    assert [(clip.text, clip.kept, clip.text_source) for clip in clips] == [
        (TEXTS[name], True, "given") for name in names
    ]
    for clip, (begin, end) in zip(clips, made.spans, strict=True):
        assert clip.start <= begin + 0.03
        assert end - 0.03 <= clip.end <= end + 0.2
    assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(clips))


def test_without_times_and_without_a_recogniser_nobody_knows_whose_words_are_whose(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"], pause=0.4)
    clips = cut_recording(made.path, made.text, "en", SHORT, None, tmp_path)
    assert [clip.reason for clip in clips] == ["no-text", "no-text"]


def test_speech_that_no_cue_tells_of_is_dropped_with_a_reason(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour"], pause=0.6)
    cues = [Cue(*made.spans[0], TEXTS["harbour"]), Cue(*made.spans[2], TEXTS["harbour"])]
    clips = cut_recording(made.path, made.text, "en", SHORT, None, tmp_path, cues=cues)
    assert [(clip.kept, clip.text) for clip in clips] == [
        (True, TEXTS["harbour"]),
        (False, ""),
        (True, TEXTS["harbour"]),
    ]
    assert clips[1].sentence


def test_cues_that_one_stretch_of_speech_runs_through_stay_together() -> None:
    speech = [Span(0.0, 3.0), Span(4.0, 5.0)]
    cues = [Cue(0.0, 1.5, "One"), Cue(1.5, 3.0, "two."), Cue(4.0, 5.0, "Three.")]
    found = cued_pieces(cues, speech, power(6.0), 0.8, 3.9)
    assert [words for _, words in found] == ["One two.", "Three."]


def test_neighbours_without_a_pause_between_do_not_overlap() -> None:
    speech = [Span(0.5, 2.0), Span(2.1, 4.0)]
    found = cued_pieces([Cue(0.5, 2.0, "One.")], speech, power(5.0), 0.8, 10.0)
    assert [words for _, words in found] == ["One.", ""]
    assert found[0][0].end <= found[1][0].start


def test_ten_thousand_cues_at_one_time_take_no_time() -> None:
    speech = [Span(n, n + 0.8) for n in range(2_000)]
    cues = [Cue(0.0, 2_000.0, f"word{n}") for n in range(10_000)]
    began = time.monotonic()
    assert cued_pieces(cues, speech, power(2_001.0), 0.8, 12.0)
    assert time.monotonic() - began < 20.0
