"""Two sides of a comparison: what their processes find in the environment, and how what was measured is told."""

from __future__ import annotations

import pytest

from benchmarks import sides
from benchmarks.run import parse
from benchmarks.sides import Side, Spread

pytestmark = pytest.mark.unit


def test_a_peer_finds_no_setting_of_ours_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    monkeypatch.setenv("MYNA_XTTS_BASE", "/base")
    assert not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(sides.untouched())
    assert sides.untouched()["MYNA_XTTS_BASE"] == "/base"
    assert sides.ours()["OMP_WAIT_POLICY"] == "PASSIVE", "as mynad's workers"


def test_rounds_are_told_by_their_median_with_the_least_and_the_most() -> None:
    assert str(Spread((3.0, 1.0, 2.0))) == "2 (1 to 3)"


@pytest.mark.parametrize(
    ("unit", "mine", "ratio", "verdict"),
    [("s", 5.0, "2.00 ×", "holds"), ("s", 8.0, "1.25 ×", "falls short"), ("clips/s", 20.0, "2.00 ×", "holds")],
)
def test_quicker_is_less_time_or_more_a_second(
    unit: str, mine: float, ratio: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sides.tell_times("speaking", Spread((mine,)), Spread((10.0,)), unit, 1.5, "coqui-tts")
    row = parse("x", capsys.readouterr().out.strip())
    assert row is not None
    assert row.measured.endswith(ratio)
    assert (row.bar, row.verdict) == ("≥ 1.5 × coqui-tts", verdict)


def test_a_share_holds_up_to_its_bar(capsys: pytest.CaptureFixture[str]) -> None:
    sides.tell_share("first sound", Spread((0.5,)), Spread((1.0,)), "s", 0.5, "coqui-tts")
    sides.tell_share("first sound", Spread((0.6,)), Spread((1.0,)), "s", 0.5, "coqui-tts")
    rows = [parse("x", line) for line in capsys.readouterr().out.splitlines()]
    assert [row and row.verdict for row in rows] == ["holds", "falls short"]


def test_a_side_that_ended_ends_the_benchmark() -> None:
    side = Side("no_such_module", "ours", sides.untouched())
    with pytest.raises(SystemExit):
        side.ask("anything")
