"""Sums of money as people write and read them: the same for the daemon and for those who ask it."""

from __future__ import annotations

import math
import re

from proto import myna_pb2 as pb

#: The codes that signs stand for (ISO 4217).
CODES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
#: A currency: a sign or a code of three letters.
CURRENCY = "[$£¥\u20a0-\u20cf]|[A-Z]{3}"

#: At most two decimals, after a point or a comma: so nobody's "1,000" is taken for 1.
_AMOUNT = "[0-9]{1,12}(?:[.,][0-9]{1,2})?"
_WRITTEN = f"{CURRENCY}|{'|'.join(code.lower() for code in CODES.values())}"
#: a sum as people write it
SUM = rf"(?P<amount>{_AMOUNT})\s*(?P<after>{_WRITTEN})|(?P<before>{_WRITTEN})\s*(?P<last>{_AMOUNT})"
_SUM = re.compile(SUM)


def read(text: str) -> pb.Money | None:
    """A sum above zero as people write it ("3€", "€3", "3 EUR", "2,50€"); None: it is none."""
    if (found := _SUM.fullmatch(text.strip())) is None:
        return None
    amount = float((found["amount"] or found["last"]).replace(",", "."))
    return pb.Money(amount=amount, currency=(found["after"] or found["before"]).upper()) if amount else None


def same(one: str, other: str) -> bool:
    """Whether two currencies are the same: "€" is "EUR"."""
    return CODES.get(one, one) == CODES.get(other, other)


def said(money: pb.Money) -> str:
    """3.0, "€" → "3.00 €"; of what is less than a hundredth, two digits: "0.00034 €"."""
    small = 0 < money.amount < 0.01
    decimals = min(1 - math.floor(math.log10(money.amount)), 12) if small else 2
    return f"{money.amount:,.{decimals}f} {money.currency}"
