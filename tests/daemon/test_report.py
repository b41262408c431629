"""A version's report as a person reads it."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from daemon.report import curves_svg, markdown, sparkline

pytestmark = pytest.mark.unit


def details(**changed: Any) -> dict[str, Any]:
    summary = {"similarity": 0.8, "wer": 0.25, "lines": 1, "failed": 0}
    made: dict[str, Any] = {
        "lineage": {
            "voice": "anna", "version": 3, "engine": "glow", "kind": "full", "against": 2, "ancestors": [2, 1], "run": 9, "steps": 150,
            "best_step": 120, "licence": "Apache-2.0", "created": "2026-01-01", "size": 20_000_000, "settings": {"learning_rate": 3e-4},
            "dataset": {
                "number": 4, "clips": 40, "new_clips": 6, "seconds": 160.0, "held_out": 5, "held_out_seconds": 20.0,
                "dropped": {"too-short": 2, "silent": 0},
            },
            "training": {"seconds": 61.0, "machine": "CPU", "ended": "All 150 steps done."},
            "curves": {"train/loss": [[step, 10.0 / step] for step in range(1, 151)], "held_out/loss": []},
        },
        "verdict": {"better": False, "reasons": ["Its wer is 0.250, its parent's 0.100; it needed at most 0.120."], "score": None},
        "table": [{"metric": "wer", "candidate": 0.25, "limit": 0.12, "ok": False}],
        "summaries": {"candidate": summary, "parent": {**summary, "wer": 0.1}, "recordings": {**summary, "similarity": None}},
        "recogniser": "Words are heard by somebody.",
        "lines": [
            {
                "text": "A line | with a bar", "recording": "samples/anna/recordings/x.wav", "spoken": "", "spoken_by_parent": "",
                "scores": {"error": "It is silent."}, "parent_scores": {"wer": 0.1, "similarity": 0.8}, "recording_scores": {},
            }
        ],
        "cost": {"scoring_seconds": 12.0, "machine": "CPU"},
    }  # fmt: skip
    return {**made, **changed}


def test_it_tells_where_a_version_comes_from_what_it_scored_and_why_it_was_kept() -> None:
    text = markdown(details())
    for told in (
        "# anna v3",
        "**Not better than v2.** Its wer is 0.250",
        "base of glow → v1 → v2 → v3",
        "#4: 40 clips (6 new), 160 s; held out 5 clips, 20 s",
        "| dropped clips | 2 too-short |",
        "| WER | 0.100 | 0.250 | 0.250 | lower |",
        "| wer | 0.250 | 0.120 | **no** |",
        "150 steps, best at 120, 61 s",
        "| learning_rate | 0.0003 |",
        "It is silent.",
    ):
        assert told in text


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    (row,) = [line for line in markdown(details()).splitlines() if line.startswith("| A line")]
    assert "A line \\| with a bar" in row


def test_what_was_not_measured_is_a_dash() -> None:
    assert "| speaker similarity | 0.800 | 0.800 | – | higher |" in markdown(details())


def test_a_falling_curve_falls() -> None:
    bars = sparkline([10.0 / step for step in range(1, 100)], width=5)
    assert len(bars) == 5
    assert list(bars) == sorted(bars, reverse=True)
    assert sparkline([1.0, math.nan, 1.0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize("curves", [{"train/loss": [[1, 2.0], [2, 1.0]]}, {"train/loss": [[0, 1.0]]}, {"train/loss": []}, {}])
def test_curves_are_drawn_whatever_there_is_of_them(curves: dict[str, Any]) -> None:
    drawn = curves_svg({"lineage": {"curves": curves}})
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
