"""Budgets of money: what an experiment costs by the price of an hour, and that it keeps to what it may cost."""

from __future__ import annotations

import experiments as led
import lives
import pytest
import trainings
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.energy_rows import Spent
from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Run
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.kinds.experiment import cost, start
from daemon.kinds.train.server import Train
from daemon.price import Price
from daemon.state import experiments, jobs, spent
from daemon.state.status import State
from daemon.state.values import ExperimentState
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def price(store: Store, per_hour: float, currency: str = "€", **energy: float) -> None:
    """What myna.toml says from now on."""
    said = {"per_hour": per_hour, **energy}
    lines = "".join(f"{name} = {value}\n" for name, value in said.items())
    (store.path.parent / "myna.toml").write_text(f'[cost]\n{lines}currency = "{currency}"\n')


def took(session: Session, job: int, seconds: float, *, gpu: float | None = None, cpu: float | None = None) -> None:
    """A job was at work so long and took so many joules. Its own price was another one."""
    spent.put(
        session,
        [
            Spent(
                job=job, attempt=1, month="2026-11", seconds=seconds, gpu_held=0.0, gpu_metered=0.0, gpu_joules=gpu,
                gpu_error=0.0, integrated=False, cpu_metered=seconds, cpu_joules=cpu, rest_watts=0.0, per_hour=99.0,
                per_kwh=99.0, currency="$",
            )
        ],
    )  # fmt: skip


def measured_before(session: Session) -> None:
    """A training of 100 steps took 50 s and 10 kJ here."""
    row = trainings.job(session, trainings.spec())
    row.state = State.SUCCEEDED
    settings, result = {"patience": 0}, {"seconds": 50.0}
    session.add(
        Run(voice="anna", engine="glow", job=row.id, dataset=2, settings=settings, step=100, steps=100, result=result)
    )
    took(session, row.id, 50.0, cpu=10_000.0)


def money(amount: float, currency: str = "€") -> pb.Money:
    return pb.Money(amount=amount, currency=currency)


def test_a_budget_of_money_becomes_time_at_the_price_of_an_hour(anna: Store) -> None:
    price(anna, 2.0)

    def act(session: Session) -> None:
        train = lives.lifecycle(session).kinds.train
        row, takes = start.planned(session, train, led.request(budget_money=money(50.0, "EUR")))
        assert row.budget == 25 * 3_600
        told = experiments.message(session, row)
        assert (told.budget_money, told.money) == (money(50.0), money(0.0)), "in the machine's own currency"
        assert takes.message().money == money(takes.all * 2 / 3_600)

    anna.read_now(act)


def test_a_trial_that_would_cost_too_much_is_not_begun_and_what_was_spent_is_told(anna: Store) -> None:
    price(anna, 3_600.0)

    def act(session: Session) -> None:
        train = lives.lifecycle(session).kinds.train
        _, takes = start.planned(session, train, led.request(trials=3))
        led.begin(session, led.request(trials=3, budget_money=money(takes.trial * 1.01)))
        led.choose(session, steps=200)
        led.trained(session)
        led.scored(session, 0.5)
        session.scalars(select(Trial)).one().seconds = takes.trial / 2
        led.choose(session, steps=200)
        found = led.told(session)
        assert found.state == pb.EXPERIMENT_BUDGET_SPENT
        assert [one.state for one in found.trials] == [pb.TRIAL_SCORED, pb.TRIAL_LEFT_OUT]
        assert found.money == found.trials[0].money == money(takes.trial / 2)

    anna.write_now(act)


def test_the_price_of_when_it_began_holds_to_its_end(anna: Store) -> None:
    """Also for a mynad that was killed and starts with another price, or with none."""
    price(anna, 3_600.0)
    anna.write_now(lambda session: led.begin(session, led.request(budget_money=money(9_000.0))) and None)
    price(anna, 0.0, "$")

    def act(session: Session) -> None:
        led.choose(session, steps=50)
        led.trained(session)
        led.scored(session, 0.5)
        session.scalars(select(Trial)).first().seconds = 12.0  # type: ignore[union-attr]
        found = led.told(session)
        assert (found.budget_seconds, found.budget_money) == (9_000.0, money(9_000.0))
        assert (found.seconds, found.money, found.trials[0].money) == (12.0, money(12.0), money(12.0))

    anna.write_now(act)


def test_a_trial_costs_its_hours_and_its_energy_at_the_prices_of_when_the_experiment_began(anna: Store) -> None:
    price(anna, 3_600.0, per_kwh=36_000.0, rest_watts=5.0)  # a second 1 €, a joule 0.01 €

    def begin(session: Session) -> None:
        led.begin(session, led.request(stop_early=True))

    anna.write_now(begin)
    price(anna, 1.0, "$", per_kwh=1.0)

    def act(session: Session) -> None:
        led.choose(session, steps=200)
        for joules in (100.0, 200.0):  # with a third of its steps, and whole
            took(session, led.trained(session).id, 1.0, gpu=joules)
            took(session, led.scored(session, 0.5).id, 1.0, cpu=10.0)
        session.scalars(select(Trial)).one().seconds = 12.0
        found = led.told(session)
        assert found.trials[0].money.amount == pytest.approx(12.0 + 0.01 * (320.0 + 12 * 5.0))
        assert found.money == found.trials[0].money
        assert found.money.currency == "€"

    anna.write_now(act)


def test_what_a_trial_costs_is_foreseen_with_its_energy_and_a_budget_counts_it(anna: Store) -> None:
    anna.write_now(measured_before)
    alone, with_energy = [], []
    for found, energy in ((alone, {}), (with_energy, {"per_kwh": 36_000.0})):
        price(anna, 3_600.0, **energy)
        found += anna.read_now(lambda session: start.planned(session, _train(session), led.request(trials=3))[1:])
    (hours,), (whole,) = alone, with_energy
    assert hours.trial_money.amount == pytest.approx(hours.trial)
    assert whole.trial_money.amount == pytest.approx(hours.trial + 0.01 * hours.trial * 200.0), "200 W"
    assert whole.message().money.amount == pytest.approx(3 * whole.trial_money.amount)
    asked = led.request(budget_money=money(hours.trial * 1.5))
    with pytest.raises(NotNow, match="is less than one trial"):
        anna.read_now(lambda session: start.planned(session, _train(session), asked))
    enough = led.request(budget_money=money(whole.trial_money.amount * 2))
    row, _ = anna.read_now(lambda session: start.planned(session, _train(session), enough))
    assert row.budget == pytest.approx(2 * whole.trial), "what that pays for, energy and all"


def test_energy_that_a_trial_took_leaves_less_of_the_budget(anna: Store) -> None:
    anna.write_now(measured_before)
    price(anna, 3_600.0, per_kwh=36_000.0)

    def act(session: Session, joules: float) -> pb.Experiment:
        _, takes = start.planned(session, _train(session), led.request())
        led.begin(session, led.request(budget_money=money(2.1 * takes.trial_money.amount)))
        led.choose(session, steps=200)
        took(session, led.trained(session).id, 1.0, gpu=joules)
        led.scored(session, 0.5)
        led.choose(session, steps=200)
        return led.told(session)

    few = anna.write_now(lambda session: act(session, 1_000.0))
    assert few.trials[1].state == pb.TRIAL_TRAINING

    def another(session: Session) -> pb.Experiment:
        experiments.end(session, experiments.get(session, "anna"), ExperimentState.CANCELLED)
        for job in jobs.live(session):
            lives.succeed(session, job, "over")
        return act(session, 50_000.0)

    much = anna.write_now(another)
    assert much.state == pb.EXPERIMENT_BUDGET_SPENT
    assert much.trials[1].state == pb.TRIAL_LEFT_OUT


def test_where_no_energy_was_measured_a_budget_is_kept_by_the_hour_and_that_is_said(anna: Store) -> None:
    price(anna, 2.0, per_kwh=0.3)
    row, takes = anna.read_now(
        lambda session: start.planned(session, _train(session), led.request(budget_money=money(50.0)))
    )
    assert row.budget == 25 * 3_600
    assert takes.sentences[-1] == cost.UNMEASURED
    price(anna, 0.0, per_kwh=0.3)
    with pytest.raises(NotNow, match=r"what energy a training takes was not measured yet") as caught:
        anna.read_now(lambda session: start.planned(session, _train(session), led.request(budget_money=money(50.0))))
    assert caught.match("Set per_hour")


def _train(session: Session) -> Train:
    return lives.lifecycle(session).kinds.train


def test_without_a_price_nothing_is_said_of_money(anna: Store) -> None:
    def act(session: Session) -> None:
        led.begin(session, led.request(budget_seconds=9_000.0))
        led.choose(session, steps=50)
        led.trained(session)
        found = led.told(session)
        assert not found.HasField("money")
        assert not found.HasField("budget_money")
        assert not found.trials[0].HasField("money")
        _, takes = start.planned(session, lives.lifecycle(session).kinds.train, led.request())
        assert not takes.message().HasField("money")

    anna.write_now(act)


def test_a_budget_of_less_than_a_trial_is_told_in_money(anna: Store) -> None:
    price(anna, 3_600.0)
    with pytest.raises(NotNow, match=r"The budget of 1\.00 € is less than one trial, which costs about \d+\.\d\d €\."):
        anna.write_now(lambda session: led.begin(session, led.request(budget_money=money(1.0))) and None)
    assert anna.read_now(lambda session: session.scalars(select(Experiment)).first()) is None


@pytest.mark.parametrize(
    ("per_hour", "asked", "error", "sentence", "hint"),
    [
        (0.0, money(3.0), NotNow, "Myna does not know what an hour costs here", r"Set per_hour in \[cost\]"),
        (2.0, money(3.0, "$"), BadRequest, r"is in \$, and what an hour costs here is known in €", "in €, or"),
        (2.0, money(3.0, "hours"), BadRequest, "currency must be a sign or a code", "Give it as 3€"),
        (2.0, money(0.0), BadRequest, "The budget is no sum of money", "above 0"),
        (2.0, money(float("nan")), BadRequest, "The budget is no sum of money", "above 0"),
        (1e-300, money(1e300), BadRequest, "is too large", "Leave it out"),
    ],
)  # fmt: skip
def test_a_budget_that_cannot_be_kept_to_is_refused_with_what_to_do(
    anna: Store, per_hour: float, asked: pb.Money, error: type[MynaError], sentence: str, hint: str
) -> None:
    price(anna, per_hour)
    with pytest.raises(error, match=sentence) as caught:
        anna.write_now(lambda session: led.begin(session, led.request(budget_money=asked)) and None)
    assert caught.match(hint)


def test_a_budget_is_a_time_or_a_sum_and_not_both(anna: Store) -> None:
    price(anna, 2.0)
    with pytest.raises(BadRequest, match="The budget is given twice"):
        anna.write_now(
            lambda session: led.begin(session, led.request(budget_money=money(3.0), budget_seconds=9.0)) and None
        )


def test_seconds_and_money_are_each_others_inverse() -> None:
    price = Price(1.5, "CHF")
    assert price.of(price.seconds(money(3.0, "CHF"))) == money(3.0, "CHF")
    assert Price().of(100.0) is None
