"""What happens is an occasion once, in the transaction in which it happens, and nothing else is one."""

from __future__ import annotations

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from test_evaluate_kind import anna, job, scores  # noqa: F401  (a fixture)

from daemon.database.models import EventRow
from daemon.database.store import Store
from daemon.state import jobs, listening, voices
from daemon.state.status import Error
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

PROMOTED, REJECTED, UNDECIDED = pb.OCCASION_PROMOTED, pb.OCCASION_REJECTED, pb.OCCASION_UNDECIDED


def told(store: Store) -> list[pb.Occasion]:
    """All but the promotion that the fixture begins with."""

    def read(session: Session) -> list[pb.Occasion]:
        rows = session.scalars(select(EventRow).order_by(EventRow.cursor))
        return [event.occasion for event in map(_event, rows) if event.HasField("occasion")][1:]

    return store.read_now(read)


def _event(row: EventRow) -> pb.Event:
    return pb.Event.FromString(row.payload)


@pytest.mark.parametrize(
    ("outcome", "asked", "kinds"),
    [
        (wire.EvaluateResult.BETTER, True, [PROMOTED]),
        (wire.EvaluateResult.BETTER, False, []),
        (wire.EvaluateResult.WORSE, True, [REJECTED]),
        (wire.EvaluateResult.BROKEN, True, [REJECTED]),
        (wire.EvaluateResult.WORSE, False, []),
        (wire.EvaluateResult.UNDECIDED, True, [UNDECIDED]),
        (wire.EvaluateResult.UNDECIDED, False, []),
    ],
)
def test_what_becomes_of_a_version_that_was_to_be_promoted(
    anna: Store,  # noqa: F811
    outcome: wire.EvaluateResult.Outcome.ValueType,
    asked: bool,
    kinds: list[pb.OccasionKind.ValueType],
) -> None:
    def act(session: Session) -> None:
        row = job(session, promote=asked)
        for _ in range(2):  # the same report again changes nothing
            lives.kind(session, "evaluate").commit(session, row, scores(outcome))

    anna.write_now(act)
    found = told(anna)
    assert [one.kind for one in found] == kinds
    for one in found:
        assert (one.voice, one.version) == ("anna", 2)
        assert one.why
        assert (one.before == 1) == (one.kind == PROMOTED)


def test_listeners_who_decide_are_one_occasion(anna: Store) -> None:  # noqa: F811
    undecided = scores(wire.EvaluateResult.UNDECIDED)
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), undecided))
    for _ in range(12):
        rating = pb.Rating(voice="anna", a=1, b=2, preferred="a", text="Hello.", blind=True)
        anna.write_now(lambda session, rating=rating: listening.rate(session, rating))
    assert [(one.kind, one.decision) for one in told(anna)] == [
        (UNDECIDED, pb.DECISION_UNDECIDED),
        (REJECTED, pb.DECISION_NOT_PREFERRED),
    ]


def test_going_back_is_told_as_such_and_promoting_what_speaks_is_nothing(anna: Store) -> None:  # noqa: F811
    anna.write_now(voices.promote, "anna", 1, voices.BY_PERSON)
    anna.write_now(voices.promote, "anna", 2, voices.BY_PERSON)
    anna.write_now(voices.rollback, "anna")
    anna.write_now(voices.rollback, "anna")
    assert [(one.version, one.before, one.rolled_back) for one in told(anna)] == [
        (2, 1, False),
        (1, 2, True),
        (0, 1, True),
    ]


def test_a_failed_job_is_told_unless_somebody_waits_for_its_answer(anna: Store) -> None:  # noqa: F811
    def fail(session: Session, spec: pb.JobSpec) -> int:
        row = lives.submit(session, spec)
        session.flush()
        jobs.start_attempt(session, row)
        lives.fail(session, row, Error("engine", "It broke.", "Mend it.", "a log of many lines"))
        return row.id

    anna.write_now(fail, pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="Hello.")))
    failed = anna.write_now(fail, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
    (one,) = told(anna)
    assert (one.kind, one.job, one.job_kind, one.voice) == (pb.OCCASION_FAILED, failed, pb.DATASET, "anna")
    assert (one.error.sentence, one.error.hint, one.error.log_tail) == ("It broke.", "Mend it.", "")
