"""What `make bench-first` says of first versions."""

from __future__ import annotations

import pytest

from benchmarks import first_versions, run
from benchmarks.first_versions import First
from engines.metrics.score import Scores
from tests.benchmarks.test_learning_curve import BASE, RECORDINGS, scores

pytestmark = pytest.mark.unit


def told(capsys: pytest.CaptureFixture[str], other: Scores, seconds: float, size: float) -> list[str]:
    """Ends of the names of the bars that fall short."""
    good = First("one", RECORDINGS, RECORDINGS, BASE, scores(0.90, 0.22), 60.0, 50.0)
    worse = First("other", RECORDINGS, RECORDINGS, BASE, other, seconds, 50.0)
    first_versions.show(worse)
    first_versions.tell([good, worse], size)
    rows = (run.parse("first_versions", line) for line in capsys.readouterr().out.splitlines())
    return [row.name.split()[-1] for row in rows if row is not None and row.verdict != "holds"]


def test_what_a_versions_own_parts_bring_is_told_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    version = scores(0.90, 0.22)
    first_versions.show(First("one", RECORDINGS, RECORDINGS, BASE, version, 60.0, 50.0, {"bands": scores(0.88, 0.22)}))
    line = capsys.readouterr().out.splitlines()[-1]
    assert "of its own, bands:" in line
    assert "likeness 0.880" in line
    assert "less that +0.020" in line


def test_each_bar_is_held_against_the_worst_speaker(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, scores(0.80, 0.27), 100, 12) == []
    assert told(capsys, scores(0.78, 0.27), 100, 12) == ["likeness"]
    assert told(capsys, scores(0.80, 0.29), 100, 12) == ["recordings'"]
    assert told(capsys, scores(0.80, 0.27), 190, 12) == ["it"]
    assert told(capsys, scores(0.80, 0.27), 100, 21) == ["files"]
