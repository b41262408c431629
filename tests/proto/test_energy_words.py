"""Energy and what it cost as people read it."""

from __future__ import annotations

import pytest

from proto import energy_words
from proto import myna_pb2 as pb

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("joules", "said"),
    [
        (5_400_000.0, "1.50 kWh"),
        (4.5e9, "1,250.00 kWh"),
        (90_000.0, "25 Wh"),
        (1_800.0, "0.50 Wh"),
        (12.0, "12 J"),
        (0.0, "0 J"),
    ],
)
def test_energy_has_the_unit_that_fits(joules: float, said: str) -> None:
    assert energy_words.energy(joules) == said


def test_what_is_not_known_is_said_and_is_not_nothing() -> None:
    assert energy_words.of(pb.Spent(seconds=60)) == "not known"
    assert energy_words.of(pb.Spent(joules=0.0)) == "0 J"
    known = pb.Spent(joules=90_000.0, unmetered=[pb.UNMETERED_GPU, pb.UNMETERED_CPU])
    assert energy_words.of(known) == "25 Wh without the GPU and the CPU"


def test_money_says_when_energy_lacks_in_it_and_keeps_currencies_apart() -> None:
    money = [pb.Money(amount=1.2, currency="€"), pb.Money(amount=3, currency="USD")]
    assert energy_words.cost(pb.Spent()) == ""
    assert energy_words.cost(pb.Spent(money=money)) == "1.20 € and 3.00 USD"
    assert energy_words.cost(pb.Spent(money=money[:1], money_lacks_energy=True)) == "at least 1.20 €"


def test_a_meter_has_what_is_known_so_far_and_at_the_end() -> None:
    progress = pb.Progress(done=1, total=2, unit="steps")
    assert energy_words.meter(progress) == ""
    progress.spent.CopyFrom(pb.Spent(joules=432_000, money=[pb.Money(amount=0.04, currency="€")]))
    assert energy_words.meter(progress) == "120 Wh, 0.04 €"
    progress.expected.CopyFrom(pb.Spent(joules=1_620_000, money=[pb.Money(amount=0.15, currency="€")]))
    assert energy_words.meter(progress) == "120/450 Wh, 0.04/0.15 €"
    progress.expected.joules = 5_400_000
    assert energy_words.meter(progress) == "120 Wh/1.50 kWh, 0.04/0.15 €"


def test_what_is_expected_has_its_range() -> None:
    one = pb.Expected(
        seconds=pb.Range(low=50, likely=60, high=90),
        joules=pb.Range(low=72_000, likely=90_000, high=108_000),
        money=pb.Range(low=0.1, likely=0.2, high=0.3),
        currency="€",
        unmetered=[pb.UNMETERED_CPU],
    )
    assert energy_words.expected(one) == (
        "about 25 Wh (20 Wh to 30 Wh) without the CPU",
        "about 0.20 € (0.10 € to 0.30 €)",
    )
    assert energy_words.expected(pb.Expected()) == ("", "")
