"""Budgets of money: what an experiment costs by the price of an hour, and that it keeps to what it may cost."""

from __future__ import annotations

import experiments as led
import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.kinds.experiment import start
from daemon.price import Price
from daemon.state import experiments
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def price(store: Store, per_hour: float, currency: str = "€") -> None:
    """What myna.toml says from now on."""
    (store.path.parent / "myna.toml").write_text(f'[cost]\nper_hour = {per_hour}\ncurrency = "{currency}"\n')


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
