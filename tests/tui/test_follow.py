"""`--wait`: when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client import connect
from proto.messages import state_of
from tests.tui.stage.rows import NOW, job, succeeded
from tests.tui.stage.server import Stage
from tui import follow
from tui.dashboard.run_rows import HEAD, cells

pytestmark = pytest.mark.integration


def at(seconds: int) -> Timestamp:
    return Timestamp(seconds=NOW.seconds + seconds)


def inbox(cursor: int, name: str, state: str) -> pb.Event:
    return pb.Event(cursor=cursor, time=at(cursor), inbox=pb.InboxEvent(voice="anna", name=name, state=state))


def changed(cursor: int, number: int, submitted: int, kind: pb.JobKind.ValueType = pb.DATASET) -> pb.Event:
    ended = pb.JobStatus.Succeeded(started=NOW, ended=NOW)
    row = pb.Job(id=number, kind=kind, voice="anna", submitted=at(submitted), status=pb.JobStatus(succeeded=ended))
    return pb.Event(cursor=cursor, time=at(cursor), job=row)


@pytest.mark.timeout(30)
def test_adding_is_over_with_the_dataset_that_holds_the_last_recording(stage: Stage, home: Path) -> None:
    stage.jobs.events = [
        inbox(101, "a.wav", "taken"),
        changed(102, 50, submitted=90),  # begun before a.wav was taken: it is not in there
        inbox(103, "b.wav", "refused"),
        changed(104, 51, submitted=103),
        changed(105, 52, submitted=104, kind=pb.TRAIN),
    ]
    with connect(home=home) as client:
        assert [row.id for row in follow.files(client, 100, "anna", ["a.wav", "b.wav"])] == [50, 51]


@pytest.mark.timeout(30)
def test_adding_is_over_at_once_when_nothing_was_taken(stage: Stage, home: Path) -> None:
    stage.jobs.events = [inbox(101, "a.wav", "known"), inbox(102, "b.wav", "refused")]
    with connect(home=home) as client:
        assert follow.files(client, 100, "anna", ["a.wav", "b.wav"]) == []


@pytest.mark.timeout(30)
def test_following_a_training_follows_the_evaluation_that_it_causes(stage: Stage, home: Path) -> None:
    waits, scored = job(2, queued=pb.JobStatus.Queued(since=NOW)), succeeded(2)
    waits.parent_job = scored.parent_job = 1
    stage.jobs.rows = {1: job(1, running=pb.JobStatus.Running(started=NOW)), 2: waits}
    stage.jobs.events = [pb.Event(cursor=101, time=NOW, job=succeeded(1)), pb.Event(cursor=102, time=NOW, job=scored)]
    with connect(home=home) as client:
        assert [(row.id, state_of(row)) for row in follow.job(client, 1)] == [(1, "succeeded"), (2, "succeeded")]


@pytest.mark.timeout(30)
def test_an_evaluation_that_ended_before_we_looked_is_seen_all_the_same(stage: Stage, home: Path) -> None:
    scored = succeeded(2)
    scored.parent_job = 1
    stage.jobs.rows = {1: succeeded(1), 2: scored}
    with connect(home=home) as client:
        assert [row.id for row in follow.job(client, 1)] == [1, 2]


def test_a_cancelled_job_is_not_called_a_success() -> None:
    cancelled = job(3, cancelled=pb.JobStatus.Cancelled(ended=NOW, by="a person"))
    with pytest.raises(ClientError, match="cancelled"):
        follow.check([succeeded(1), cancelled])


@pytest.mark.timeout(30)
@pytest.mark.parametrize("outcome", [pb.NOTHING_GAINED, pb.NOTHING_NEW, pb.SAME_WEIGHTS])
def test_a_training_without_a_version_says_so_and_not_what_an_older_version_came_to(
    stage: Stage, home: Path, outcome: pb.RunOutcome.ValueType
) -> None:
    trained = succeeded(1)
    trained.kind, trained.run = pb.TRAIN, 9
    trained.status.succeeded.sentence = "No version was made: anna gained nothing over version 1 in 12 steps."
    stage.runs.rows = {9: pb.Run(id=9, voice="anna", job=1, outcome=outcome)}
    with connect(home=home) as client:
        assert follow.outcome(client, "anna", [trained]) == trained.status.succeeded.sentence


@pytest.mark.parametrize(
    ("outcome", "cell"),
    [(pb.NOTHING_GAINED, "no gain"), (pb.NOTHING_NEW, "nothing new"), (pb.SAME_WEIGHTS, "no change")],
)
def test_a_run_that_no_version_came_of_says_why_in_its_row(outcome: pb.RunOutcome.ValueType, cell: str) -> None:
    run = pb.Run(id=9, voice="anna", engine="glow", ended=NOW, outcome=outcome)
    assert cells(run)[HEAD.index("made")] == cell
