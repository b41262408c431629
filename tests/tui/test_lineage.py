"""The tree of versions: narrow, and true."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.state.compare import metric_message
from engines.metrics import table
from engines.metrics.table import Metric
from proto import myna_pb2 as pb
from tui.dashboard.lineage import tree
from tui.metrics import change, comparable, figure, find, which

pytestmark = pytest.mark.unit
METRICS = [metric_message(info) for info in table.METRICS.values()]
BASE = pb.Version(number=0)


def drawn(parents: dict[int, int], promoted: int = 0) -> list[str]:
    versions = [
        pb.Version(number=n, parent=p, state="promoted" if n == promoted else "candidate") for n, p in parents.items()
    ]
    return [f"{row.guides}{row.version.number}" for row in tree(versions, BASE)]


def test_a_line_of_versions_does_not_wander_to_the_right() -> None:
    assert drawn({n: n - 1 for n in range(1, 5)}) == ["├ 0", "├ 1", "├ 2", "├ 3", "└ 4"]


def test_what_branched_off_stands_before_the_trunk_goes_on() -> None:
    assert drawn({1: 0, 2: 1, 3: 2, 4: 2, 5: 3}, promoted=4) == ["├ 0", "├ 1", "├ 2", "│ ├ 3", "│ └ 5", "└ 4"]


def test_without_a_promoted_version_the_trunk_leads_to_the_newest() -> None:
    assert drawn({1: 0, 2: 0, 3: 1}) == ["├ 0", "│ └ 2", "├ 1", "└ 3"]


def test_a_version_whose_parent_is_gone_hangs_on_the_base() -> None:
    assert drawn({7: 6}) == ["├ 0", "└ 7"]
    assert drawn({}) == ["└ 0"]


def test_each_knows_the_version_it_came_from() -> None:
    rows = tree([pb.Version(number=1), pb.Version(number=2, parent=1)], BASE)
    assert [row.parent.number if row.parent is not None else None for row in rows] == [None, 0, 1]


@pytest.mark.parametrize(
    ("name", "before", "after", "text", "better"),
    [
        ("similarity", 0.7, 0.75, "+0.050 better", True),
        ("similarity", 0.7, 0.65, "-0.050 worse", False),
        ("wer", 0.3, 0.2, "-0.100 better", True),
        ("wer", 0.2, 0.2, "same", None),
        ("duration_ratio", 0.8, 1.1, "+0.30 better", True),
        ("duration_ratio", 1.0, 1.2, "+0.20 worse", False),
    ],
)
def test_a_change_is_said_by_sign_and_word(
    name: str, before: float, after: float, text: str, better: bool | None
) -> None:
    told = change(find(METRICS, name), {name: before}, {name: after})
    assert (told.text, told.better) == (text, better)


def test_what_was_not_measured_is_not_judged() -> None:
    metric = find(METRICS, "wer")
    assert change(metric, {}, {"wer": 0.1}).text == ""
    assert figure(metric, {"wer": float("nan")}) == ""


def test_which_way_is_better_is_what_the_daemon_says() -> None:
    assert [(info.name, which(info)) for info in METRICS[:2]] == [("similarity", "↑"), ("wer", "↓")]
    assert which(find(METRICS, "duration_ratio")) == "≈1"


def test_a_metric_that_the_daemon_does_not_describe_is_shown_by_its_name_and_not_judged() -> None:
    info = find(METRICS, "breath_noise")
    assert (info.title, figure(info, {"breath_noise": 0.5})) == ("breath noise", "0.500")
    told = change(info, {"breath_noise": 0.5}, {"breath_noise": 0.25})
    assert (told.text, told.better) == ("-0.250", None)


def test_each_metric_is_described_once() -> None:
    """Titles, digits and directions stand in engines/metrics/table.py, and nowhere in what shows them."""
    there = {
        path: path.read_text(encoding="utf-8") for folder in ("daemon", "tui") for path in Path(folder).rglob("*.py")
    }
    # the others are words of clips and trainings, too
    titles = [f'"{table.METRICS[one].title}"' for one in (Metric.DNSMOS, Metric.DURATION_RATIO, Metric.F0_SEMITONES)]
    assert [str(path) for path, text in there.items() if any(title in text for title in titles)] == []


def test_scores_of_other_lines_are_not_held_against_a_version() -> None:
    five, six, more = (
        pb.Version(number=n, scored_on=on, metrics={"wer": wer})
        for n, on, wer in ((1, "5", 0.58), (2, "6", 0.5), (3, "6", 0.4))
    )
    assert comparable(six, five) == {}
    assert comparable(more, six) == {"wer": 0.5}
    assert comparable(six, None) == {}
