"""An experiment through the real daemon: its trials, what it recommends, that this becomes the voice's own, and that
kills of mynad at any moment change none of it. The default suite kills three times in an experiment of three trials;
`make test-all` ten times in one of twelve."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tests.e2e.workshop import ANNA, PATIENCE, Workshop, bounded

#: quick to train, and no limit that a toy's noise would break: what is looked at is the course of things
OPTIONS = """\
# Anna, for experiments.
engine = "toy"
language = "fi"
[train]
steps = 12           # more than enough
checkpoint_every = 4
eval_every = 4
batch_size = 4
seed = 7
spoken_checkpoints = 0
[promotion]
takes = 1
min_lines = 0
without_wer = true
first_wer_loss = 9.0
first_similarity_gain = -2.0
dnsmos_loss = 5.0
duration_range = [0.0, 100.0]
max_failed_share = 1.0
"""
#: an hour of this machine costs 7.20 €, so a second a five-hundredth of one
COST = "[cost]\nper_hour = 7.2\n"
#: what is allowed for: an hour
BUDGET = pb.Money(amount=7.2, currency="EUR")
SPACE = {"learning_rate": "1e-4..1e-2", "steps": "4,8"}
#: what of a trial must be the same, whatever happened meanwhile
Seen = tuple[dict[str, str], int, float, float, float, int, int]

Made = Callable[[Path], Workshop]


def maker(copy: Callable[..., Workshop], options: str) -> Iterator[Made]:
    """Makes workshops in which Anna has a dataset and these options, and an hour its price; all are ended with the last
    test."""
    made: list[Workshop] = []

    def one(home: Path) -> Workshop:
        workshop = copy(home)
        (home / "inbox" / ANNA / "voice.toml").write_text(options)
        (home / "myna.toml").write_text(f"{(home / 'myna.toml').read_text()}{COST}")
        made.append(workshop)
        return workshop

    yield one
    for workshop in made:
        workshop.kill()


@pytest.fixture(scope="module")
def make(copy_of_toy_home: Callable[..., Workshop]) -> Iterator[Made]:
    """Anna is a voice of the toy."""
    yield from maker(copy_of_toy_home, OPTIONS)


@pytest.fixture(scope="module")
def make_glow(copy_of_dataset_home: Callable[..., Workshop]) -> Iterator[Made]:
    """Anna is a voice of glow, which is heard for words."""
    toys = ('engine = "toy"\n', 'language = "fi"\n', "without_wer = true\n")
    yield from maker(copy_of_dataset_home, "".join(line for line in OPTIONS.splitlines(True) if line not in toys))


@pytest.fixture(scope="module")
def calm(make: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, pb.Experiment]:
    """A workshop with an experiment of three trials that nobody disturbed; it is not up."""
    workshop = make(tmp_path_factory.mktemp("calm") / "home")
    return workshop, undisturbed(workshop, trials=3, budget_money=BUDGET)


def up(workshop: Workshop) -> Client:
    """A mynad that has read the voice's options."""
    client = workshop.up()
    assert settled(client, 12), "voice.toml was not read"
    return client


def settled(client: Client, steps: int) -> bool:
    """Whether trainings of the voice come to have so many steps."""
    return any(
        event.HasField("voice") and client.estimate(ANNA, start="base").steps == steps
        for event in bounded(client.watch(0), PATIENCE)
    )


def over(client: Client, number: int = 0) -> pb.Experiment:
    """The experiment when it has ended."""
    for event in bounded(client.watch(0, voice=ANNA), PATIENCE):
        if event.HasField("experiment") and event.experiment.state != pb.EXPERIMENT_RUNNING:
            return client.experiment(ANNA, number)
    raise AssertionError(f"it has not ended: {client.experiment(ANNA)}")


def seen(found: pb.Experiment) -> list[Seen]:
    """Its trials without what depends on time."""
    return [
        (dict(one.settings), one.state, one.score, one.low, one.high, one.clips, one.version) for one in found.trials
    ]


def undisturbed(workshop: Workshop, **asked: Any) -> pb.Experiment:
    """The experiment when nothing goes wrong."""
    with up(workshop) as client:
        client.start_experiment(ANNA, SPACE, **asked)
        found = over(client)
    workshop.kill()
    return found


def check(workshop: Workshop, found: pb.Experiment) -> None:
    """No trial came twice: one row each, one training and one scoring each. And each cost what its time is worth."""
    numbers = [one.number for one in found.trials]
    assert numbers == list(range(1, found.trials_wanted + 1))
    with sqlite3.connect(workshop.home / "myna.db") as db:
        kinds = dict(db.execute("SELECT kind, count(*) FROM jobs WHERE kind != 'ingest' GROUP BY kind").fetchall())
        states = db.execute("SELECT DISTINCT state FROM jobs").fetchall()
    assert kinds["train"] == kinds["experiment"] == len(numbers)
    assert kinds["evaluate"] == sum(one.version > 0 for one in found.trials)
    assert states == [("succeeded",)]
    assert [one.money.amount for one in found.trials] == pytest.approx([one.seconds / 500 for one in found.trials])
    assert found.money.amount == pytest.approx(sum(one.money.amount for one in found.trials))
    assert found.money.amount > 0
    assert found.money.currency == "€"


@pytest.mark.long
def test_three_trials_are_made_compared_and_applied(calm: tuple[Workshop, pb.Experiment]) -> None:
    workshop, found = calm
    assert found.state == pb.EXPERIMENT_COMPLETE, found
    assert (found.number, found.dataset, found.rival, getattr(found, "from")) == (1, 1, 0, "base")
    check(workshop, found)
    assert {one.state for one in found.trials} <= {pb.TRIAL_SCORED, pb.TRIAL_NOTHING_GAINED}
    assert 0 < found.seconds < 3_600.0
    assert found.recommended, found
    best = next(one for one in found.trials if one.number == found.recommended)
    with workshop.up() as client:
        assert client.voice(ANNA).promoted == 0, "nothing is promoted by an experiment"
        done = client.apply_experiment(ANNA)
        assert (done.trial, dict(done.settings)) == (best.number, dict(best.settings))
        assert Path(done.path).read_text() == OPTIONS.replace(
            "steps = 12 ", f"steps = {best.settings['steps']} "
        ).replace("checkpoints = 0\n", f"checkpoints = 0\nlearning_rate = {best.settings['learning_rate']}\n")
        assert settled(client, int(best.settings["steps"])), "the inbox did not read what was applied"
    workshop.kill()


@pytest.mark.long
def test_an_estimate_begins_nothing(make: Made, tmp_path: Path) -> None:
    with up(make(tmp_path / "home")) as client:
        priced = client.start_experiment(ANNA, SPACE, trials=3, dry_run=True)
        assert (priced.number, priced.cost.trials) == (0, 3)
        assert priced.cost.seconds > 0
        assert list(client.experiments()) == []
        with pytest.raises(ClientError, match=r"The budget of 0\.001 s|The budget of 0 s is less than one trial"):
            client.start_experiment(ANNA, SPACE, budget=0.001)


@pytest.mark.long
def test_cancelling_ends_it_with_the_trial_at_work(make: Made, tmp_path: Path) -> None:
    workshop = make(tmp_path / "home")
    with up(workshop) as client:
        client.start_experiment(ANNA, SPACE, trials=3)
        for event in bounded(client.watch(0, voice=ANNA), PATIENCE):
            if event.HasField("job") and event.job.kind == pb.TRAIN and event.job.status.HasField("running"):
                break
        client.cancel_experiment(ANNA)
        assert [job.kind for job in client.jobs(states=["queued"])] == []
        for event in bounded(client.watch(0, voice=ANNA), PATIENCE):
            if event.HasField("job") and event.job.kind == pb.TRAIN and event.job.status.HasField("cancelled"):
                break
        found = client.experiment(ANNA)
        assert [one.state for one in found.trials] == [pb.TRIAL_CANCELLED]
        assert found.state == pb.EXPERIMENT_CANCELLED
        with pytest.raises(ClientError, match="Experiment 1 of anna has ended already: it is cancelled"):
            client.cancel_experiment(ANNA)


def disturbed(workshop: Workshop, chance: random.Random, kills: int, longest: float, **asked: Any) -> pb.Experiment:
    """The experiment while mynad is killed so often, each time within so many seconds of its start."""
    client = up(workshop)
    client.start_experiment(ANNA, SPACE, **asked)
    for _ in range(kills):
        assert workshop.daemon is not None
        psutil.wait_procs([psutil.Process(workshop.daemon.pid)], timeout=chance.uniform(0.0, longest))
        client.close()
        workshop.kill()
        client = workshop.up()
    try:
        return over(client)
    finally:
        client.close()


@pytest.mark.long
def test_kills_change_neither_trials_nor_recommendation(
    make: Made, calm: tuple[Workshop, pb.Experiment], tmp_path: Path
) -> None:
    _, expected = calm
    workshop = make(tmp_path / "home")
    found = disturbed(workshop, random.Random(5), 3, 4.0, trials=3, budget_money=BUDGET)
    check(workshop, found)
    assert seen(found) == seen(expected)
    assert found.recommended == expected.recommended
    assert (found.budget_seconds, found.budget_money) == (3_600.0, pb.Money(amount=7.2, currency="€"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_change_nothing_where_losers_are_stopped_early(make_glow: Made, tmp_path: Path) -> None:
    expected = undisturbed(make_glow(tmp_path / "calm"), trials=4, stop_early=True)
    assert {one.state for one in expected.trials} >= {pb.TRIAL_SCORED, pb.TRIAL_STOPPED_EARLY}
    found = disturbed(make_glow(tmp_path / "home"), random.Random(7), 5, 8.0, trials=4, stop_early=True)
    assert found.state == pb.EXPERIMENT_COMPLETE
    assert [(*one, trial.early_score) for one, trial in zip(seen(found), found.trials, strict=True)] == [
        (*one, trial.early_score) for one, trial in zip(seen(expected), expected.trials, strict=True)
    ]
    assert found.recommended == expected.recommended


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twelve_trials_and_ten_kills(make_glow: Made, tmp_path: Path) -> None:
    expected = undisturbed(make_glow(tmp_path / "calm"), trials=12)
    workshop = make_glow(tmp_path / "home")
    found = disturbed(workshop, random.Random(20_26), 10, 20.0, trials=12)
    check(workshop, found)
    assert seen(found) == seen(expected)
    assert found.recommended == expected.recommended
