"""The benchmark of estimates over the runs that were recorded."""

from __future__ import annotations

import pytest

from benchmarks import operations_estimates, recorded_runs
from benchmarks.run import group, parse

pytestmark = pytest.mark.unit


def test_the_recorded_runs_are_whole() -> None:
    runs = recorded_runs.load()
    assert len(runs) > operations_estimates.LEARNED
    for run in runs:
        assert 0 < run.steps <= run.planned
        assert len(run.lengths) == run.clips
        assert run.ticks[-1].wall <= run.wall + 0.01
        assert [tick.wall for tick in run.ticks] == sorted(tick.wall for tick in run.ticks)
        assert {tick.step for tick in run.ticks} >= {0, run.steps}


def test_each_bar_is_a_row_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert operations_estimates.main() == 0
    rows = [parse("operations_estimates", line) for line in capsys.readouterr().out.splitlines()]
    names = [row.name for row in rows if row is not None]
    assert len(names) == 9
    assert all("%" in row.measured for row in rows if row is not None)
    assert group("operations_estimates") == "operations"
