"""What the demo tells of the version that it made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from demo import run
from demo.run import arrow
from proto import myna_pb2 as pb
from proto.client import Client

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("lower", "nearer_one", "sign"), [(True, False, "↓"), (False, False, "↑"), (False, True, "≈1"), (True, True, "≈1")]
)
def test_each_metric_says_which_way_it_is_better(lower: bool, nearer_one: bool, sign: str) -> None:
    """Of a duration ratio neither high nor low is best, but 1."""
    assert arrow({"lower_is_better": lower, "nearer_one_is_better": nearer_one}) == sign


class Told:
    """A client that is told of a training and a scoring; the clock goes on by a minute with each."""

    def __init__(self) -> None:
        self.clock = 1_000.0

    def watch(self, cursor: int, *, progress: bool) -> Iterator[pb.Event]:
        done = pb.JobStatus(succeeded=pb.JobStatus.Succeeded(sentence="done"))
        kinds = (
            (pb.DATASET, pb.JobSpec()),
            (pb.TRAIN, pb.JobSpec()),
            (pb.EVALUATE, pb.JobSpec(evaluate=pb.EvaluateSpec(version=1))),
        )
        for number, (kind, spec) in enumerate(kinds, start=1):
            self.clock += 60.0
            yield pb.Event(job=pb.Job(id=number, kind=kind, spec=spec, status=done))


def test_the_first_version_is_there_when_its_training_ends_and_not_when_it_was_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Told()
    monkeypatch.setattr("time.monotonic", lambda: client.clock)
    assert run.follow(cast(Client, client), 1_000.0) == (1, 1_120.0)
