"""Comparing two versions from the scores that were kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import report, version

from daemon.database.models import Evaluation, now
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.state import compare
from engines.metrics.findings import Finding, Found
from engines.metrics.table import METRICS, Metric
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
HOME = Path("/home/of/myna")


def scored(session: Session, number: int, against: int, mine: dict[str, float], theirs: dict[str, float], **details: Any) -> None:
    session.add(
        Evaluation(
            voice="anna",
            version=number,
            against=against,
            job=0,
            metrics=mine,
            against_metrics=theirs,
            recording_metrics={"wer": 0.02},
            report=report(["one", "two"], **details),
            better=True,
            verdict="It is better.",
            time=now(),
        )
    )


@pytest.fixture
def two(store: Store) -> Store:
    store.write_now(lambda session: [version(session, 1), version(session, 2, parent=1)])
    return store


def test_versions_scored_against_each_other_are_compared_line_by_line(two: Store) -> None:
    mine, theirs = {"wer": 0.1, "similarity": 0.8, "duration_ratio": 1.1}, {"wer": 0.2, "similarity": 0.9, "duration_ratio": 0.8}
    two.write_now(lambda session: scored(session, 2, 1, mine, theirs))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert told.ready
    assert told.sentence == "It is better."
    assert {metric.name: metric.better for metric in told.metrics} == {"similarity": "b", "wer": "a", "duration_ratio": "a"}
    assert told.lines[0].recording == "/home/of/myna/samples/anna/recordings/one.wav"
    assert (told.lines[0].metrics_a["wer"], told.lines[0].metrics_b["wer"]) == (0.1, 0.4)


def test_why_is_told_as_values_with_the_table_of_metrics(two: Store) -> None:
    lost = Finding(Found.BEYOND_LIMIT, Metric.WER, 0.4, 0.1, 0.2)

    def given(session: Session) -> None:
        scored(session, 2, 1, {"wer": 0.4}, {"wer": 0.1})
        row = session.scalars(select(Evaluation)).one()
        row.report = {**row.report, "findings": [lost.to_json(), {"found": "of a newer Myna"}], "decision": "not better"}

    two.write_now(given)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert [(one.found, one.metric, one.limit) for one in told.findings] == [("beyond the limit", "wer", 0.2)]
    assert told.findings[0].sentence == "Its WER is 0.400, its parent's 0.100; it needed at most 0.200."
    assert told.decision == pb.DECISION_NOT_BETTER
    assert told.metrics[0].better_value == pb.PREFERENCE_B
    assert [info.name for info in told.infos] == [str(metric) for metric in METRICS]


def test_the_order_asked_for_is_the_order_answered(two: Store) -> None:
    two.write_now(lambda session: scored(session, 2, 1, {"wer": 0.1}, {"wer": 0.2}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 1, 2, HOME))
    assert (told.metrics[0].a, told.metrics[0].b, told.metrics[0].better) == (0.2, 0.1, "b")


def test_versions_scored_on_the_same_lines_at_different_times_are_compared(two: Store) -> None:
    two.write_now(lambda session: scored(session, 1, 0, {"wer": 0.3}, {"wer": 0.9}))
    two.write_now(lambda session: scored(session, 2, 0, {"wer": 0.1}, {"wer": 0.9}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert told.ready
    assert told.sentence == "v2 is better in WER."


def test_scores_on_other_lines_are_not_compared_and_the_answer_says_how_to_get_there(two: Store) -> None:
    two.write_now(lambda session: scored(session, 1, 0, {"wer": 0.3}, {"wer": 0.9}, key="fewer lines"))
    two.write_now(lambda session: scored(session, 2, 0, {"wer": 0.1}, {"wer": 0.9}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert not told.ready
    assert "myna compare anna@2 anna@1 --score" in told.sentence


def test_a_version_is_not_compared_with_itself(two: Store) -> None:
    with pytest.raises(BadRequest, match="itself"):
        two.read_now(lambda session: compare.versions(session, "anna", 1, 1, HOME))
