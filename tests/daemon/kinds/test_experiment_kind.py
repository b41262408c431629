"""An experiment goes from trial to trial, whatever becomes of each; what it begins with, and when it ends."""

from __future__ import annotations

import json

import experiments as led
import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Job, Voice
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.kinds.experiment import start
from daemon.state import experiments, jobs, voices
from daemon.state.status import Error
from daemon.state.values import ExperimentState, TrialState
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def test_each_trial_is_trained_scored_against_the_rival_and_never_promoted(anna: Store) -> None:
    def first(session: Session) -> None:
        version(session, 1)
        voices.promote(session, "anna", 1, voices.BY_SCORE)
        led.begin(session, led.request(trials=2))
        led.choose(session, steps=100)
        job = led.live(session, "train")
        asked = pb.JobSpec.FromString(job.spec).train
        assert (asked.dataset, getattr(asked, "from"), asked.options.steps) == (2, "base", 100)
        assert job.title == "train anna from the base on dataset #2 (trial 1 of experiment 1)"

    def second(session: Session) -> None:
        job = led.live(session, "train")
        led.run_of(session, job)
        row = version(session, 2, data=2)
        job.run = row.run
        lives.succeed(session, job, "trained")
        asked = pb.JobSpec.FromString(led.live(session, "evaluate").spec).evaluate
        assert (asked.version, asked.against, asked.promote_if_better) == (2, 1, False)
        led.scored(session, 0.5, low=0.1, high=0.9)
        trial = session.scalars(select(Trial)).one()
        assert (trial.state, trial.version, trial.score, trial.low, trial.high) == ("scored", 2, 0.5, 0.1, 0.9)
        assert session.get_one(Voice, "anna").promoted == 1, "it was better, and is not promoted all the same"
        following = pb.JobSpec.FromString(led.live(session, "experiment").spec).experiment
        assert following.trial == 2

    anna.write_now(first)
    anna.write_now(second)


def test_it_ends_when_all_trials_were_made_and_recommends_the_cheapest_of_the_best(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request(trials=3))
        for steps, score, high in ((50, 0.1, 0.2), (100, 0.7, 0.9), (200, 0.8, 1.0)):
            led.choose(session, steps=steps)
            led.trained(session, steps=steps)
            led.scored(session, score, low=score - 0.1, high=high)
        found = led.told(session)
        assert found.state == pb.EXPERIMENT_COMPLETE
        assert found.recommended == 2, "trial 3 is not surely better, and cost twice as much"
        assert [one.clips for one in found.trials] == [500, 1_000, 2_000]
        assert [one.on_front for one in found.trials] == [True, True, True]
        assert found.sentence.startswith(
            "Trial 2 (score +0.70) cannot be told from the best, trial 3 (+0.80), and costs least: steps = 100."
        )
        assert led.none_live(session)

    anna.write_now(act)


def test_a_trial_that_fails_is_cancelled_or_gains_nothing_lets_the_next_one_follow(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request(trials=4, space={"steps": "50,100,200,300"}))
        led.choose(session, steps=50)
        job = led.live(session, "train")
        led.run_of(session, job)
        lives.fail(session, job, Error("out-of-memory", "It was too much.", "", ""))
        led.choose(session, steps=100)
        lives.cancel(session, led.live(session, "train"))
        led.choose(session, steps=200)
        led.trained(session, made=False)
        led.choose(session, steps=300)
        led.trained(session)
        led.scored(session, 2.0, beyond=True)
        assert led.states(session) == ["failed", "cancelled", "nothing gained", "scored"]
        found = led.told(session)
        assert [one.why for one in found.trials] == ["It was too much.", "", "It is over.", ""]
        assert found.state == pb.EXPERIMENT_COMPLETE
        assert found.recommended == 0, "what breaks a limit is never recommended"
        assert "No settings are recommended" in found.sentence

    anna.write_now(act)


def test_the_choice_is_told_how_trials_ended(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request(trials=3))
        led.choose(session, steps=50)
        led.trained(session)
        led.scored(session, 0.5)
        led.choose(session, steps=100)
        led.trained(session, made=False)
        plan = lives.kind(session, "experiment").plan(session, led.live(session, "experiment")).experiment
        assert (plan.trial, plan.trials) == (3, 3)
        assert [(json.loads(one.settings_json), one.outcome, one.score) for one in plan.before] == [
            ({"steps": 50}, 1, 0.5),
            ({"steps": 100}, 2, 0.0),
        ]

    anna.write_now(act)


def test_a_trial_that_would_not_fit_is_not_begun(anna: Store) -> None:
    def act(session: Session) -> None:
        train = lives.lifecycle(session).kinds.train
        _, price = start.planned(session, train, led.request(trials=3))
        led.begin(session, led.request(trials=3, budget_seconds=price.trial * 1.01))
        led.choose(session, steps=200)
        led.trained(session)
        session.flush()
        led.scored(session, 0.5)
        session.scalars(select(Trial)).one().seconds = price.trial / 2
        led.choose(session, steps=200)
        found = led.told(session)
        assert found.state == pb.EXPERIMENT_BUDGET_SPENT
        assert [one.state for one in found.trials] == [pb.TRIAL_SCORED, pb.TRIAL_LEFT_OUT]
        assert found.recommended == 1
        assert led.none_live(session)

    anna.write_now(act)


def test_losing_trials_are_stopped_early_where_that_is_asked_for(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request({"steps": "60,90,120"}, trials=3, stop_early=True))
        steps = {1: (60, 20), 2: (90, 30), 3: (120, 40)}
        for number, early_score in ((1, 0.3), (2, 0.2), (3, 0.4)):
            whole, early = steps[number]
            led.choose(session, steps=whole)
            assert led.steps_of(session) == early, "a third of them first"
            led.trained(session, steps=early)
            led.scored(session, early_score)
            if number != 2:
                assert led.steps_of(session) == whole
                led.trained(session, steps=whole)
                led.scored(session, early_score + 1, low=0.1, high=early_score + 1.1)
        found = led.told(session)
        assert led.states(session) == ["scored", "stopped early", "scored"]
        assert [one.early_score for one in found.trials] == [0.3, 0.2, 0.4]
        assert [one.clips for one in found.trials if one.HasField("score")] == [600, 1_200]
        assert [one.version for one in found.trials] == [2, 3, 5]
        assert found.state == pb.EXPERIMENT_COMPLETE
        assert led.none_live(session)

    anna.write_now(act)


def test_the_choice_is_told_early_scores(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request({"steps": "60,90,120"}, trials=3, stop_early=True))
        led.choose(session, steps=60)
        led.trained(session, steps=20)
        led.scored(session, 0.5)
        job = led.live(session, "train")
        led.run_of(session, job)
        lives.fail(session, job, Error("engine", "No.", "", ""))
        led.choose(session, steps=90)
        led.trained(session, steps=30)
        led.scored(session, 0.25)
        plan = lives.kind(session, "experiment").plan(session, led.live(session, "experiment")).experiment
        assert [(one.outcome, one.early) for one in plan.before] == [(3, 0.5), (2, 0.25)]

    anna.write_now(act)


def test_a_budget_of_less_than_a_trial_begins_nothing(anna: Store) -> None:
    with pytest.raises(NotNow, match="The budget of 1 s is less than one trial, which takes about"):
        anna.write_now(lambda session: led.begin(session, led.request(budget_seconds=1.0)) and None)
    assert anna.read_now(lambda session: session.scalars(select(Experiment)).first()) is None


def test_only_different_trials_are_asked_for(anna: Store) -> None:
    assert anna.write_now(lambda session: led.begin(session, led.request(trials=12)).trials) == 3


def test_one_experiment_of_a_voice_at_a_time(anna: Store) -> None:
    anna.write_now(lambda session: led.begin(session, led.request()) and None)
    with pytest.raises(NotNow, match="Experiment 1 of anna has not ended"):
        anna.write_now(lambda session: led.begin(session, led.request()) and None)


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({"stesp": "1,2"}, "There is no training setting named 'stesp'"),
        ({"lora_rank": "8,16"}, "adapters"),
        ({"steps": "10,100", "warmup": "5,50"}, "With steps=10, warmup=50: warmup must not be longer than the run"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_begins(
    anna: Store, space: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        anna.write_now(lambda session: led.begin(session, led.request(space)) and None)


def test_a_setting_that_is_given_twice_is_refused(anna: Store) -> None:
    asked = led.request()
    asked.space.append(pb.SearchSetting(name="steps", values="7,8"))
    with pytest.raises(BadRequest, match="steps is given twice"):
        anna.write_now(lambda session: led.begin(session, asked) and None)


def test_without_held_out_clips_nothing_begins(store: Store) -> None:
    store.write_now(lambda session: dataset(session, 1, [clip(session, f"c{i}") for i in range(8)], []) and None)
    with pytest.raises(NotNow, match="so trials cannot be scored"):
        store.write_now(lambda session: led.begin(session, led.request()) and None)


def test_a_choice_that_fails_ends_the_experiment_with_its_sentence(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request())
        job = led.live(session, "experiment")
        led.run_of(session, job)
        lives.fail(session, job, Error("engine", "Optuna is not installed.", "", ""))
        found = led.told(session)
        assert (found.state, found.why) == (pb.EXPERIMENT_FAILED, "Optuna is not installed.")

    anna.write_now(act)


def test_a_trial_tried_again_by_a_person_changes_nothing_of_the_experiment(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request(trials=3))
        trial = led.choose(session, steps=50)
        job = led.live(session, "train")
        led.run_of(session, job)
        lives.fail(session, job, Error("engine", "No.", "", ""))
        jobs.retry(session, job)
        row = version(session, 1, data=2)
        led.run_of(session, job)
        job.run = row.run
        lives.succeed(session, job, "trained")
        assert trial.state == TrialState.FAILED
        asked = session.scalars(select(Job).where(Job.kind == "evaluate")).one()
        assert not pb.JobSpec.FromString(asked.spec).evaluate.promote_if_better
        led.run_of(session, asked)
        lives.fail(session, asked, Error("engine", "No.", "", ""))
        assert len(session.scalars(select(Job).where(Job.kind == "experiment")).all()) == 2

    anna.write_now(act)


def test_a_trial_whose_choice_is_cancelled_between_its_row_and_its_end_is_cancelled(anna: Store) -> None:
    def act(session: Session) -> None:
        row = led.begin(session, led.request())
        job = led.live(session, "experiment")
        led.run_of(session, job)
        led.chosen(session, job, steps=50)
        experiments.end(session, row, ExperimentState.CANCELLED)
        lives.cancel(session, job)
        lives.cancelled(session, job)
        assert led.states(session) == ["cancelled"]

    anna.write_now(act)


def test_an_attempt_keeps_the_trial_in_the_title_of_its_training(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request())
        led.choose(session, steps=100)
        job = led.live(session, "train")
        led.run_of(session, job)
        lives.kind(session, "train").plan(session, job)
        assert job.title == "train anna from the base on dataset #2 (trial 1 of experiment 1)"

    anna.write_now(act)


def test_a_choice_that_is_not_the_next_is_refused(anna: Store) -> None:
    def ask(session: Session, trial: int) -> None:
        row = session.scalars(select(Experiment)).one()
        spec = pb.JobSpec(experiment=pb.ExperimentSpec(experiment=row.id, trial=trial))
        lives.submit(session, spec)

    anna.write_now(lambda session: led.begin(session, led.request()) and None)
    with pytest.raises(MynaError, match="Trial 3 of experiment 1 is not the next one"):
        anna.write_now(ask, 3)
    anna.write_now(
        lambda session: experiments.end(session, experiments.get(session, "anna"), ExperimentState.CANCELLED)
    )
    with pytest.raises(NotNow, match="Experiment 1 of anna is cancelled"):
        anna.write_now(ask, 1)
