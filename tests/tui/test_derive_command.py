"""`myna derive`, and how made clips are shown."""

from __future__ import annotations

import json

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.server import Stage
from tui.widgets.clip_pane import described

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("pitch", "semitones"),
    [("+2st", 2.0), ("-1.5st", -1.5), ("3", 3.0), ("2 semitones", 2.0), ("", None), ("2 Hz", None)],
)
def test_pitch_is_given_in_semitones(myna: Run, stage: Stage, pitch: str, semitones: float | None) -> None:
    ended = myna("derive", "anna", "anna-bright", "--pitch", pitch, "--pace", "1.08", "--liveliness", "1.2")
    if semitones is None:
        assert ended.code == 2
        assert "is not a number of semitones, like +2st" in " ".join(ended.err.split())
        return
    assert ended.code == 0, ended.err
    assert "Follow it: myna logs 900 -f" in ended.out
    (request,) = stage.jobs.submitted
    asked = pb.DeriveSpec(voice="anna-bright", parent="anna", pitch=semitones, pace=1.08, liveliness=1.2)
    assert request.spec.derive == asked


def test_made_clips_say_what_they_are_made_from(myna: Run, stage: Stage) -> None:
    stage.datasets.clips[0].made_from = "abc123" * 10
    stage.datasets.clips[0].quality["made_pitch"] = 2.04
    assert "a.wav 0.0 s, made from clip abc123abc123" in myna("clips", "anna").out
    assert json.loads(myna("clips", "anna", "--json").out)[0]["made_from"] == "abc123" * 10
    shown = described(stage.datasets.clips[0]).plain
    assert "made from clip abc123abc123" in shown
    assert "made +2.04 semitones higher" in shown
    stage.datasets.given[1].made_from = "abc123" * 10
    states = [line.split()[1] for line in myna("recordings", "anna").out.splitlines()[1:]]
    assert states.count("made") == 1
