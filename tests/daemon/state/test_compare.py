"""Comparing two versions from the scores that were kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified
from voice_rows import clip, dataset, report, sha, version

from daemon.database.models import Evaluation, now
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.state import compare
from engines.metrics.findings import Finding, Found
from engines.metrics.table import METRICS, Metric
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
HOME = Path("/home/of/myna")


def scored(
    session: Session, number: int, against: int, mine: dict[str, float], theirs: dict[str, float], **details: Any
) -> None:
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
    mine, theirs = (
        {"wer": 0.1, "similarity": 0.8, "duration_ratio": 1.1},
        {"wer": 0.2, "similarity": 0.9, "duration_ratio": 0.8},
    )
    two.write_now(lambda session: scored(session, 2, 1, mine, theirs))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert told.ready
    assert told.sentence == "It is better. On 2 held-out lines."
    assert {metric.name: metric.better for metric in told.metrics} == {
        "similarity": "b",
        "wer": "a",
        "duration_ratio": "a",
    }
    assert told.lines[0].recording == "/home/of/myna/samples/anna/recordings/one.wav"
    assert (told.lines[0].metrics_a["wer"], told.lines[0].metrics_b["wer"]) == (0.1, 0.4)


def test_why_is_told_as_values_with_the_table_of_metrics(two: Store) -> None:
    lost = Finding(Found.BEYOND_LIMIT, Metric.WER, 0.4, 0.1, 0.2)

    def given(session: Session) -> None:
        scored(session, 2, 1, {"wer": 0.4}, {"wer": 0.1})
        row = session.scalars(select(Evaluation)).one()
        row.report = {
            **row.report,
            "findings": [lost.to_json(), {"found": "of a newer Myna"}],
            "decision": "not better",
        }

    two.write_now(given)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert [(one.found, one.metric, one.limit) for one in told.findings] == [("beyond the limit", "wer", 0.2)]
    assert told.findings[0].sentence == "Its WER is 0.400, its parent's 0.100; it needed at most 0.200."
    assert told.decision == pb.DECISION_NOT_BETTER
    assert told.metrics[0].better_value == pb.PREFERENCE_B
    assert [info.name for info in told.infos] == [str(metric) for metric in METRICS]


def test_where_a_difference_surely_lies_is_told_in_the_order_asked_for(two: Store) -> None:
    def given(session: Session) -> None:
        scored(session, 2, 1, {"wer": 0.1, "similarity": 0.8}, {"wer": 0.3, "similarity": 0.7})
        row = session.scalars(select(Evaluation)).one()
        row.report = {**row.report, "spread": {"metrics": {"wer": {"low": -0.3, "high": -0.1}}}}  # 2 minus 1

    two.write_now(given)

    def told(a: int, b: int) -> list[tuple[str, float, float]]:
        found = two.read_now(lambda session: compare.versions(session, "anna", a, b, HOME)).metrics
        return [(one.name, one.low, one.high) for one in found if one.HasField("low")]

    assert told(1, 2) == [("wer", -0.3, -0.1)]
    assert told(2, 1) == [("wer", 0.1, 0.3)]


def test_the_order_asked_for_is_the_order_answered(two: Store) -> None:
    two.write_now(lambda session: scored(session, 2, 1, {"wer": 0.1}, {"wer": 0.2}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 1, 2, HOME))
    assert (told.metrics[0].a, told.metrics[0].b, told.metrics[0].better) == (0.2, 0.1, "b")


def test_versions_scored_on_the_same_lines_at_different_times_are_compared(two: Store) -> None:
    two.write_now(lambda session: on(session, 1, {"one": 0.3, "two": 0.5}))
    two.write_now(lambda session: on(session, 2, {"one": 0.1, "two": 0.3}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert told.ready
    assert told.sentence == "anna@2 is better in WER. On 2 held-out lines."


def test_what_may_be_no_difference_is_not_called_better(two: Store) -> None:
    """Scored at different times, nobody judged them against each other: the lines say how sure a difference is."""
    lines = [f"line{n}" for n in range(6)]
    two.write_now(lambda session: on(session, 1, {name: 0.2 + 0.1 * (n % 2) for n, name in enumerate(lines)}))
    two.write_now(lambda session: on(session, 2, {name: 0.2 + 0.1 * (n // 4) for n, name in enumerate(lines)}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    (wer,) = (metric for metric in told.metrics if metric.name == "wer")
    assert wer.low < 0 < wer.high
    assert told.sentence == "WER cannot be told apart. On 6 held-out lines."


def test_scores_on_other_lines_are_not_compared_and_the_answer_says_how_to_get_there(two: Store) -> None:
    two.write_now(lambda session: on(session, 1, {"three": 0.3}))
    two.write_now(lambda session: on(session, 2, {"one": 0.1, "two": 0.1}))
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert not told.ready
    assert "myna compare anna@2 anna@1 --score" in told.sentence


def on(
    session: Session, number: int, wers: dict[str, float], *, against: int = 0, theirs: float = 0.9, **texts: str
) -> None:
    """An evaluation of version `number` on lines with these word error rates; the other version has `theirs` on
    each."""
    details = report(list(wers), key=" ".join(wers))
    for line, (name, wer) in zip(details["lines"], wers.items(), strict=True):
        line["scores"], line["parent_scores"] = {"wer": wer, "similarity": 0.8}, {"wer": theirs, "similarity": 0.7}
        line["text"] = texts.get(name, "one two three four")
    mean = sum(wers.values()) / len(wers)
    session.add(
        Evaluation(
            voice="anna", version=number, against=against, job=0, metrics={"wer": mean, "similarity": 0.8},
            against_metrics={"wer": theirs, "similarity": 0.7}, recording_metrics={}, report=details, better=True,
            verdict="It is better.", time=now(),
        )
    )  # fmt: skip


def held_out(session: Session, **texts: str) -> None:
    """The lines that are held out now."""
    dataset(session, 1, [], [clip(session, name, text, held_out=True) for name, text in texts.items()])


SAME = "one two three four"


def test_versions_that_differ_by_a_line_only_one_of_them_spoke_are_the_same(two: Store) -> None:
    """v1 had 5 lines; a sixth, easy one was kept by hand, and v2, with the same weights, had 6."""
    hard = {f"line{n}": 0.6 for n in range(5)}

    def act(session: Session) -> None:
        held_out(session, **dict.fromkeys([*hard, "easy"], SAME))
        on(session, 1, hard)
        on(session, 2, {**hard, "easy": 0.0})

    two.write_now(act)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert [(metric.name, metric.a, metric.b, metric.better) for metric in told.metrics] == [("wer", 0.6, 0.6, "")]
    assert len(told.lines) == 5
    assert told.sentence.startswith(
        "anna@2 and anna@1 scored the same. On 5 of 6 held-out lines; `myna compare anna@2 anna@1 --score`"
    )


def test_scores_of_a_line_whose_text_was_changed_do_not_count(two: Store) -> None:
    def act(session: Session) -> None:
        held_out(session, one=SAME, two="corrected since")
        on(session, 2, {"one": 0.5, "two": 0.0}, against=1, theirs=0.5)

    two.write_now(act)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert {metric.name: (metric.a, metric.b) for metric in told.metrics} == {
        "similarity": (0.8, 0.7),
        "wer": (0.5, 0.5),
    }
    assert [line.clip for line in told.lines] == [sha("one")]
    assert told.sentence.startswith("anna@2 is better in similarity. On 1 of 2 held-out lines;"), (
        "its verdict was of both lines"
    )


def test_a_line_that_the_two_spoke_with_different_texts_does_not_count(two: Store) -> None:
    def act(session: Session) -> None:
        held_out(session, one=SAME, two="the new text")
        on(session, 1, {"one": 0.5, "two": 0.9}, two="the old text")
        on(session, 2, {"one": 0.5, "two": 0.0}, two="the new text")

    two.write_now(act)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    assert [(metric.name, metric.a, metric.b) for metric in told.metrics] == [("wer", 0.5, 0.5)]


def test_a_longer_line_weighs_more_and_one_that_was_not_spoken_is_all_wrong(two: Store) -> None:
    def act(session: Session) -> None:
        held_out(session, long=SAME, short="five", gone="only one of them has this")
        on(session, 1, {"long": 0.5, "short": 0.0, "gone": 0.0}, short="five")
        on(session, 2, {"long": 0.5, "short": 0.0}, short="five")
        newest = session.scalars(select(Evaluation).order_by(Evaluation.id.desc())).first()
        assert newest is not None
        lines = newest.report["lines"]
        lines[1]["scores"] = {}
        newest.report = {**newest.report, "lines": lines}
        flag_modified(newest, "report")

    two.write_now(act)
    told = two.read_now(lambda session: compare.versions(session, "anna", 2, 1, HOME))
    (wer,) = told.metrics
    assert (wer.a, wer.b) == (pytest.approx((0.5 * 4 + 1) / 5), pytest.approx(0.5 * 4 / 5))


def test_a_version_is_not_compared_with_itself(two: Store) -> None:
    with pytest.raises(BadRequest, match="itself"):
        two.read_now(lambda session: compare.versions(session, "anna", 1, 1, HOME))
