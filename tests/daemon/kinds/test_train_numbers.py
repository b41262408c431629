"""Which number, folder and identity a training's version gets, and that it keeps them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainings import job, planned, spec
from voice_rows import folder

from daemon.database.models import Home, Run, Version
from daemon.database.store import Store, opened
from daemon.home import identity
from daemon.state import events
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def laid(home: Path, number: int, mark: identity.Mark | None = None) -> Path:
    """A version's folder that no row tells of."""
    made = folder(home, Version(path=f"voices/anna/{number}"))
    if mark is not None:
        identity.write(made, mark)
    return made


def test_a_number_whose_folder_lies_there_already_is_passed_over_and_the_person_is_told(
    anna: Store, tmp_path: Path
) -> None:
    laid(tmp_path, 1)
    laid(tmp_path, 2, identity.Mark("another home", "another run"))
    (tmp_path / "samples/anna/3").mkdir(parents=True)
    told, _ = planned(anna, tmp_path, spec())
    assert (told.version, told.out_dir) == (4, str(tmp_path / "voices/anna/4"))
    notices = anna.read_now(
        lambda session: [event.notice.sentence for event in events.after(session, 0)[0] if event.HasField("notice")]
    )
    assert [sentence.partition(" is ")[0] for sentence in notices] == ["The number 1", "The number 2", "The number 3"]


def test_a_number_that_another_database_took_meanwhile_is_given_up(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        laid(tmp_path, first.version, identity.Mark("another home", "another run"))
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert (first.run_uuid, first.version, second.version) == (second.run_uuid, 1, 2)


def test_a_finished_version_of_the_run_itself_keeps_its_number(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        laid(tmp_path, first.version, identity.Mark(first.home_uuid, first.run_uuid))
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert first == second


def test_two_databases_never_give_the_same_identity(anna: Store, tmp_path: Path) -> None:
    mine, _ = planned(anna, tmp_path, spec())
    again, _ = planned(anna, tmp_path, spec())
    with opened(tmp_path / "other") as other:
        theirs = other.read_now(lambda session: session.scalars(select(Home)).one().uuid)
    assert len({mine.home_uuid, theirs, mine.run_uuid, again.run_uuid}) == 4
    assert mine.home_uuid == again.home_uuid


def test_only_a_run_that_is_older_than_marks_may_have_folders_without(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[int, int, int]:
        row = job(session, spec())
        fresh = lives.kind(session, "train").plan(session, row).train
        run = session.get_one(Run, fresh.run)
        run.started = session.scalars(select(Home)).one().since - timedelta(days=1)
        old = lives.kind(session, "train").plan(session, row).train
        return fresh.unmarked_from, old.unmarked_from, int(run.started.timestamp() * 1e9)

    fresh, old, started = anna.write_now(act)
    assert (fresh, old) == (0, started)


def test_run_and_version_number_stay_the_same_over_attempts(anna: Store, tmp_path: Path) -> None:
    def attempts(session: Session) -> list[tuple[int, int]]:
        row = job(session, spec())
        plans = [lives.kind(session, "train").plan(session, row).train for _ in range(2)]
        return [(one.run, one.version) for one in plans]

    first, second = anna.write_now(attempts)
    assert first == second


def test_two_waiting_trainings_never_get_the_same_number(anna: Store, tmp_path: Path) -> None:
    assert [planned(anna, tmp_path, spec())[0].version for _ in range(2)] == [1, 2]
