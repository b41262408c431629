"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from proto import length


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20 min", 1_200.0),
        ("1h", 3_600.0),
        ("90 s", 90.0),
        (" 30M ", 1_800.0),
        ("1.5 h", 5_400.0),
        ("1 h 30 min", 5_400.0),
        ("1h30m", 5_400.0),
        ("2 days", 172_800.0),
        ("3 hrs", 10_800.0),
        ("4w", 2_419_200.0),
        ("0 min", 0.0),
    ],
)
def test_a_length_of_time_as_people_write_it(text: str, seconds: float) -> None:
    assert length.read(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "20", "h", "-1h", "1,5 h", "1e9 s", "nan h", "inf h", "٣ h", "1 month", "1h 30", "1 h, 2 min"]
)
def test_what_is_none(text: str) -> None:
    assert length.read(text) is None
