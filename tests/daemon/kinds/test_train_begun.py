"""Runs that an older Myna began, and increments on versions that one made."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import lives
import pytest
from sqlalchemy.orm import Session
from trainings import job, spec
from voice_rows import version

from daemon.database.models import Job, Run
from daemon.database.store import Store
from daemon.kinds.train import begun
from daemon.state import runs, voices
from daemon.state.values import Way, on_wire
from engines import registry
from engines.training import settings as training_settings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def increment(session: Session) -> Job:
    version(session, 1, data=1)
    voices.promote(session, "anna", 1, voices.BY_SCORE)
    return job(session, spec())


def settings(session: Session, row: Job) -> dict[str, object]:
    found: dict[str, object] = json.loads(lives.kind(session, "train").plan(session, row).train.settings_json)
    return found


def test_a_run_that_was_begun_before_parents_were_averaged_goes_on_as_it_began(anna: Store, tmp_path: Path) -> None:
    row = anna.write_now(increment)
    assert anna.write_now(settings, row) == {}

    def older(session: Session) -> Path:
        run = session.get_one(Run, row.run)
        run.steps = 77
        return tmp_path / "runs" / str(run.id)

    folder = anna.write_now(older)
    (folder / "checkpoints" / "step-000010").mkdir(parents=True)
    went_on = {"steps": 77, "parent_share": 0.0}
    assert anna.write_now(settings, row) == went_on
    (folder / begun.FILE).write_text("{}")
    assert anna.write_now(settings, row) == went_on, "at the attempt after that, too"


def test_a_run_that_was_begun_since_is_told_what_it_was_told(anna: Store, tmp_path: Path) -> None:
    row = anna.write_now(increment)
    anna.write_now(settings, row)
    folder = tmp_path / "runs" / str(row.run)
    (folder / "checkpoints" / "step-000010").mkdir(parents=True)
    (folder / begun.FILE).write_text("{}")
    assert anna.write_now(settings, row) == {}


def test_an_increment_on_a_version_that_does_not_say_its_base_takes_the_steps_of_a_first_training(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = registry.ENGINES["glow"]
    learning = dataclasses.replace(registry.learning(info), first_steps=(1, 0.5), increment_steps=(1, 1.0))
    monkeypatch.setitem(registry.ENGINES, "glow", dataclasses.replace(info, learning=learning))

    def steps(session: Session) -> int:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train).steps

    row = anna.write_now(increment)
    assert anna.read_now(steps) == 5, "half of all clips"
    anna.write_now(settings, row)
    assert anna.read_now(lambda session: session.get_one(Run, row.run).steps) == 5
    (tmp_path / "voices/anna/1").mkdir(parents=True)
    (tmp_path / "voices/anna/1/version.json").write_text('{"origin": "somewhere"}')
    assert anna.read_now(steps) == 10, "of all clips"


@pytest.mark.parametrize(
    ("kind", "said", "here", "share", "way"),
    [
        ("full", "this", "this", 0.5, Way.AVERAGED),
        ("full", "this", None, 0.5, Way.AVERAGED),
        ("full", "another", "this", 0.5, Way.BASE),
        ("full", "", "this", 0.5, Way.BASE),
        ("full", "", None, 0.5, Way.BASE),
        ("full", "another", "this", 0.0, Way.ON_TOP),
        ("lora", "another", "this", 0.5, Way.ON_TOP),
        ("merged", "this", "this", 0.5, Way.ON_TOP),
    ],
)
def test_the_way_of_an_increment_follows_from_its_parent(
    kind: str, said: str, here: str | None, share: float, way: Way
) -> None:
    chosen = begun.planned(
        registry.ENGINES["glow"], {"kind": kind, "origin": said}, here, 150, 30, {"parent_share": share}
    )
    assert chosen[0] is way
    first = training_settings.plan(registry.ENGINES["glow"], 150, 150, True, {"parent_share": share})
    assert (chosen[1] == first) is (way is Way.BASE)


@pytest.mark.parametrize(("way", "parent"), [(Way.BASE, 0), (Way.AVERAGED, 1), (Way.ON_TOP, 1)])
def test_what_a_worker_decided_is_told_of_the_run_and_of_its_version(anna: Store, way: Way, parent: int) -> None:
    row = anna.write_now(increment)
    anna.write_now(settings, row)

    def told(session: Session) -> pb.Run:
        return runs.message(session, session.get_one(Run, row.run))

    assert anna.read_now(told).way == pb.RUN_WAY_UNSPECIFIED

    def commit(session: Session, report: wire.Report) -> None:
        lives.kind(session, "train").commit(session, row, report)

    anna.write_now(commit, wire.Report(begun=wire.RunBegun(way=on_wire(Way, way), steps=33)))
    decided = anna.read_now(told)
    assert (decided.way, decided.steps) == (on_wire(Way, way), 33)
    folder = anna.read_now(lambda session: session.get_one(Run, row.run).to_version)
    result = json.dumps({"way": way, "settings": {"steps": 33}})
    made = wire.TrainResult(
        version_dir=f"voices/anna/{folder}", kind="full", steps=33, outcome=pb.VERSION_MADE, result_json=result
    )
    anna.write_now(commit, wire.Report(trained=made))
    assert anna.read_now(told).way == on_wire(Way, way)
    assert anna.read_now(lambda session: voices.version(session, "anna", folder).parent) == parent


def test_of_an_older_run_the_settings_tell(anna: Store) -> None:
    row = anna.write_now(increment)
    anna.write_now(settings, row)

    def way(session: Session, share: float) -> Way | None:
        run = session.get_one(Run, row.run)
        run.result, run.settings = {"outcome": "VERSION_MADE"}, {"parent_share": share}
        return runs.way(run)

    assert anna.write_now(way, 0.5) is Way.AVERAGED
    assert anna.write_now(way, 0.0) is Way.ON_TOP
