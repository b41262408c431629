"""Which run's curve stands beside a job."""

from __future__ import annotations

from typing import Any

import pytest

from proto import myna_pb2 as pb
from tui.dashboard.curve_choice import Curve, CurveChoice, curve_of

pytestmark = pytest.mark.unit


def job(number: int, kind: pb.JobKind.ValueType, state: str, **fields: Any) -> pb.Job:
    status = pb.JobStatus()
    getattr(status, state).SetInParent()
    return pb.Job(id=number, kind=kind, status=status, **fields)


JOBS = {
    each.id: each
    for each in (
        job(1, pb.TRAIN, "succeeded", run=1),
        job(2, pb.EVALUATE, "running", parent_job=1),
        job(3, pb.TRAIN, "queued"),
        job(4, pb.TRAIN, "failed"),
        job(5, pb.SPEAK, "failed"),
    )
}


@pytest.mark.parametrize(
    ("number", "choice"),
    [
        (1, CurveChoice(Curve.OWN, 1, 1)),
        (2, CurveChoice(Curve.CAUSE, 1, 2)),
        (3, CurveChoice(Curve.NOT_YET, 0, 3)),
        (4, CurveChoice(Curve.NEVER, 0, 4)),
        (5, CurveChoice(Curve.NO_TRAINING, 0, 5)),
        (0, CurveChoice(Curve.NEWEST, 7, 0)),
    ],
)
def test_a_job_has_its_own_curve_or_that_of_the_training_it_followed_from(number: int, choice: CurveChoice) -> None:
    assert curve_of(JOBS.get(number), JOBS, 7) == choice


def test_there_is_no_curve_where_nothing_ever_trained() -> None:
    assert curve_of(None, {}, 0) == CurveChoice(Curve.NONE)
