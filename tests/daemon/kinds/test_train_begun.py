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
from daemon.state import voices
from engines import registry

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


def test_an_increment_on_a_version_that_does_not_say_its_base_takes_the_steps_of_one_on_top(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = registry.ENGINES["glow"]
    learning = dataclasses.replace(registry.learning(info), increment_steps=(1, 1.0))
    monkeypatch.setitem(registry.ENGINES, "glow", dataclasses.replace(info, learning=learning))

    def steps(session: Session) -> int:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train).steps

    row = anna.write_now(increment)
    assert anna.read_now(steps) == 2, "of its new clips"
    anna.write_now(settings, row)
    assert anna.read_now(lambda session: session.get_one(Run, row.run).steps) == 2
    (tmp_path / "voices/anna/1").mkdir(parents=True)
    (tmp_path / "voices/anna/1/version.json").write_text('{"origin": "somewhere"}')
    assert anna.read_now(steps) == 10, "of all clips"
