"""`myna cost` and `myna budget`, and what an estimate and a run tell of energy and money."""

from __future__ import annotations

import json

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.costs import spent
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_costs_are_told_by_voice_and_what_is_not_known_is_said(myna: Run, stage: Stage) -> None:
    ended = myna("cost")
    assert "anna 2 h 1.50 kWh without the CPU at least 1.20 €" in lines(ended.out)
    assert "In all: 2 h, 1.50 kWh without the CPU, at least 1.20 €." in lines(ended.out)
    assert "Only root may read what the CPUs take" in ended.err
    stage.costs.nothing = True
    ended = myna("cost")
    assert lines(ended.out) == ["Nothing was measured yet."]
    assert "no counters" in ended.err


def test_of_a_voice_there_are_jobs_runs_steps_checkpoints_and_versions(myna: Run, stage: Stage) -> None:
    told = lines(myna("cost", "anna", "--month", "2026-11").out)
    assert "#12 10 min 500 Wh without the CPU at least 0.40 € train anna from anna@6" in told
    assert "#8 1,000 10 min 500 Wh without the CPU at least 0.40 € 0.50 Wh" in told
    assert "Run #8 had taken, by step: 125 Wh at 250, 250 Wh at 500, 500 Wh at 1,000." in told
    assert any(line.startswith("@7 10 min 500 Wh") for line in told)


def test_costs_as_json_leave_out_what_is_not_known(myna: Run, stage: Stage) -> None:
    found = json.loads(myna("cost", "anna", "--json").out)
    assert found["cpu_meter"] == "cpu_meter_forbidden"
    assert found["all"]["unmetered"] == ["unmetered_cpu"]
    assert "cpu_joules" not in found["all"]


def test_a_budget_is_set_shown_and_taken_away(myna: Run, stage: Stage) -> None:
    assert lines(myna("budget", "anna").out) == ["anna has no budget."]
    told = myna("budget", "anna", "20€/month", "--stop").out
    assert "anna may cost 20.00 € a month, then trainings wait; it cost at least 1.20 € so far." in told
    assert stage.costs.limit is not None
    assert stage.costs.limit.stop
    assert "anna may cost 20.00 € a month" in myna("cost").out
    assert lines(myna("budget", "anna", "none").out) == ["anna has no budget."]
    assert stage.costs.limit is None


def test_all_budgets_are_listed_without_a_voice(myna: Run, stage: Stage) -> None:
    assert lines(myna("budget").out) == ["No voice has a budget. `myna budget VOICE 20€` gives one."]
    assert json.loads(myna("budget", "--json").out) == []
    myna("budget", "anna", "20 € a month")
    (told,) = lines(myna("budget").out)
    assert told.startswith("anna may cost 20.00 € a month")
    assert [one["voice"] for one in json.loads(myna("budget", "--json").out)] == ["anna"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("anna", "20"), "'20' is not a sum of money. Write it like 20€"),
        (("anna", "-3€"), ""),
        (("anna", "--stop"), "A budget that stops needs a sum."),
        (("--stop",), "Whose budget stops?"),
        (("anna", "none", "--stop"), "Without a budget nothing is stopped."),
    ],
)
def test_what_is_no_budget_says_what_to_write(myna: Run, stage: Stage, words: tuple[str, ...], said: str) -> None:
    ended = myna("budget", *words)
    assert ended.code == 2
    assert stage.costs.limit is None
    assert said in " ".join(ended.err.split())


def test_an_estimate_tells_time_energy_and_money_with_their_ranges(myna: Run, stage: Stage) -> None:
    one = pb.Expected(
        seconds=pb.Range(low=120, likely=180, high=240), joules=pb.Range(low=72e3, likely=90e3, high=108e3),
        money=pb.Range(low=0.1, likely=0.2, high=0.3), currency="€", unmetered=[pb.UNMETERED_CPU],
    )  # fmt: skip
    stage.system.estimate.training.CopyFrom(one)
    stage.system.estimate.scoring.CopyFrom(pb.Expected(seconds=pb.Range(low=60, likely=60, high=60)))
    told = lines(myna("train", "anna", "--estimate").out)
    assert "time about 3 min (2 min to 4 min)" in told
    assert "energy about 25 Wh (20 Wh to 30 Wh) without the CPU" in told
    assert "money about 0.20 € (0.10 € to 0.30 €)" in told
    assert "scoring after it about 1 min" in told
    assert not any(line.startswith("cutting") for line in told)


def test_a_run_tells_what_it_and_a_step_took(myna: Run, stage: Stage) -> None:
    stage.runs.rows[8] = pb.Run(id=8, voice="anna", engine="glow", steps=9, settings_json="{}")
    assert "energy" not in myna("run", 8).out
    stage.runs.rows[8].spent.CopyFrom(spent(600, 1.8e6, 0.4))
    stage.runs.rows[8].joules_per_step = 1_800.0
    told = lines(myna("run", 8).out)
    assert "energy 500 Wh without the CPU" in told
    assert "a step 0.50 Wh" in told
    assert "money at least 0.40 €" in told
