"""`myna experiment` and `myna experiments`: what is asked of the daemon, and what people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.experiments import priced
from tests.tui.stage.server import Stage
from tui.commands.experiments import limits

pytestmark = pytest.mark.integration


def test_a_voice_and_settings_are_enough_and_the_price_is_told_first(myna: Run, stage: Stage) -> None:
    ended = myna(
        "experiment", "anna", "--set", "lora_rank=8,16", "--set", "learning_rate=1e-5..1e-4", "--budget", "2h",
        "--trials", "4",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    (asked,) = stage.experiments.started
    assert [(one.name, one.values) for one in asked.space] == [
        ("lora_rank", "8,16"),
        ("learning_rate", "1e-5..1e-4"),
    ]
    assert (asked.voice, asked.trials, asked.budget_seconds, asked.dry_run) == ("anna", 4, 7_200.0, False)
    assert ended.out.splitlines() == [
        "4 trials of at most about 1 min 30 s each: about 6 min in all, within a budget of 2 h.",
        "A step took 0.2 s in the runs before.",
        "Experiment 3 of anna has begun. See it: myna experiment show anna 3",
    ]


def test_an_estimate_begins_nothing(myna: Run, stage: Stage) -> None:
    ended = myna("experiment", "--set", "steps=10,20", "--estimate", "--stop-early", "anna")
    assert (stage.experiments.started[0].dry_run, stage.experiments.started[0].stop_early) == (True, True)
    assert "has begun" not in ended.out
    found = json.loads(myna("experiment", "start", "anna", "--set", "steps=10,20", "--estimate", "--json").out)
    assert (found["number"], found["cost"]["seconds"]) == (0, 360.0)


def test_a_budget_may_be_a_sum_of_money_and_the_price_is_told_in_money_too(myna: Run, stage: Stage) -> None:
    ended = myna("experiment", "anna", "--set", "steps=10,20", "--budget", "2,50€")
    assert ended.code == 0, ended.err
    (asked,) = stage.experiments.started
    assert (asked.budget_seconds, asked.budget_money) == (0.0, pb.Money(amount=2.5, currency="€"))
    assert ended.out.splitlines()[0] == (
        "4 trials of at most about 1 min 30 s each: about 6 min in all, 0.12 €, within a budget of 2.50 €."
    )


def test_what_it_cost_is_shown_where_a_price_is_known(myna: Run, stage: Stage) -> None:
    stage.experiments.rows = [priced()]
    lines = [" ".join(line.split()) for line in myna("experiment", "show", "anna").out.splitlines()]
    assert "took 4 min 45 s, 0.10 €" in lines
    assert "budget 3.00 €" in lines
    assert "1 * recommended 8 3.1e-05 scored +0.50 +0.10 to +0.90 4,800 1 min 35 s, 0.03 € @7" in lines
    assert "4 min 45 s, 0.10 €" in " ".join(myna("experiments").out.split())
    found = json.loads(myna("experiment", "show", "anna", "--json").out)
    assert found["budget_money"] == {"amount": 3.0, "currency": "€"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [("", 0.0), ("2h", 7_200.0), ("90m", 5_400.0), ("1.5 h", 5_400.0), ("45s", 45.0), ("1d", 86_400.0)],
)
def test_a_budget_is_a_time_as_people_write_it(text: str, meant: float) -> None:
    assert limits(text) == {"budget": meant}


@pytest.mark.parametrize("text", ["2", "h", "-1h", "0m", "2 months", "nanh", "infh", "0€", "1,000€", "€"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="neither a time such as 2h, 90m or 45s nor a sum of money"):
        limits(text)


def test_it_is_shown_trial_by_trial_with_what_is_recommended(myna: Run, stage: Stage) -> None:
    shown = myna("experiment", "show", "anna", "2").out
    lines = shown.splitlines()
    assert "scored against  anna@6" in shown
    (first,) = (line for line in lines if line.lstrip().startswith("1 "))
    assert " ".join(first.split()) == "1 * recommended 8 3.1e-05 scored +0.50 +0.10 to +0.90 4,800 1 min 35 s @7"
    assert any("beyond a limit of the voice's rule" in line for line in lines)
    assert any("It was too much." in line for line in lines)
    assert any("stopped early" in line and "score -0.25 with a third of its steps" in line for line in lines)
    assert "Trial 1 is to be taken." in lines
    found = json.loads(myna("experiment", "show", "anna", "--json").out)
    assert [one["state"] for one in found["trials"]][-2:] == ["trial_failed", "trial_stopped_early"]
    assert found["recommended"] == 1


def test_score_against_cost_is_drawn_into_a_file(myna: Run, stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "front.png"
    ended = myna("experiment", "show", "anna", "--png", file)
    assert ended.code == 0, ended.err
    assert file.read_bytes().startswith(b"\x89PNG")
    del stage.experiments.rows[0].trials[:]
    assert myna("experiment", "show", "anna", "--png", file).code == 0, "without a trial, too"


def test_experiments_are_listed(myna: Run, stage: Stage) -> None:
    listed = myna("experiments", "anna").out
    assert "lora_rank=8,16, learning_rate=1e-05..0.0001" in listed
    assert "complete" in listed
    stage.experiments.rows = []
    assert "No experiments yet." in myna("experiments").out


def test_what_is_recommended_is_applied_and_one_can_be_cancelled(myna: Run, stage: Stage) -> None:
    assert myna("experiment", "apply", "anna", "2").out.splitlines() == [
        "/srv/myna/inbox/anna/voice.toml has the settings of trial 1 now: lora_rank = 8."
    ]
    assert "Experiment 2 of anna is cancelled." in myna("experiment", "cancel", "anna").out
    assert stage.experiments.changed == [("Apply", "anna", 2), ("Cancel", "anna", 0)]


def test_an_experiment_that_is_not_there_is_a_sentence(myna: Run, stage: Stage) -> None:
    ended = myna("experiment", "show", "ben")
    assert (ended.code, ended.err.strip()) == (1, "myna: ben has no experiments yet.")
