"""Sums of money as people write and read them."""

from __future__ import annotations

import pytest

from proto import money
from proto import myna_pb2 as pb

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("3€", 3.0, "€"),
        ("€3", 3.0, "€"),
        (" 3 EUR ", 3.0, "EUR"),
        ("3 eur", 3.0, "EUR"),
        ("EUR 3", 3.0, "EUR"),
        ("2.50€", 2.5, "€"),
        ("2,50 €", 2.5, "€"),
        ("2,5€", 2.5, "€"),
        ("$12", 12.0, "$"),
        ("0.01£", 0.01, "£"),
        ("40 CHF", 40.0, "CHF"),
    ],
)
def test_a_sum_is_read_as_people_write_it(text: str, amount: float, currency: str) -> None:
    assert money.read(text) == pb.Money(amount=amount, currency=currency)


@pytest.mark.parametrize(
    "text",
    ["", "3", "€", "2h", "90m", "3 min", "0€", "0.00€", "-3€", "1,000€", "1.000€", "3€€", "€3€", "3 hrs", "٣€", "nan€"],
)
def test_what_is_no_sum_or_could_be_two_is_none(text: str) -> None:
    assert money.read(text) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.00 €"),
        (3.0, "3.00 €"),
        (0.819, "0.82 €"),
        (1_234.5, "1,234.50 €"),
        (0.01, "0.01 €"),
        (0.000342, "0.00034 €"),
    ],
)
def test_a_sum_is_said_in_hundredths_and_a_very_small_one_in_two_digits(amount: float, text: str) -> None:
    assert money.said(pb.Money(amount=amount, currency="€")) == text


def test_a_sign_and_its_code_are_the_same_currency() -> None:
    assert money.same("€", "EUR")
    assert money.same("CHF", "CHF")
    assert not money.same("€", "USD")
