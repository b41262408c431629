"""Quiet hours and digests, as arithmetic: whatever the hours, the clock and the zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from daemon.notices import times
from daemon.notices.times import DAY, URGENT, Plan, Quiet
from daemon.state.values import OccasionKind

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = some.sampled_from([UTC, BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe")])
MOMENTS = some.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=some.just(UTC))
MINUTES = some.integers(0, DAY - 1)
QUIETS = some.builds(Quiet, MINUTES, MINUTES).filter(lambda quiet: quiet.begin != quiet.end)
DIGESTS = some.timedeltas(timedelta(seconds=1), times.LONGEST)
KINDS = some.sets(some.sampled_from(list(OccasionKind)), min_size=1)
PATIENT = frozenset(OccasionKind) - URGENT
#: how much longer than its hours say a night may be: clocks are put back by an hour
SHIFT = timedelta(hours=1)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "moment", "until"),
    [
        ("22-7", local(10, 21, 59), None),
        ("22-7", local(10, 22), local(11, 7)),
        ("22-7", local(11, 0), local(11, 7)),
        ("22-7", local(11, 6, 59), local(11, 7)),
        ("22-7", local(11, 7), None),
        ("12:30-13:15", local(10, 12, 29), None),
        ("12:30-13:15", local(10, 13), local(10, 13, 15)),
        ("12:30-13:15", local(10, 13, 15), None),
        ("22-24", local(10, 23), local(11, 0)),
        ("0-6", local(10, 0), local(10, 6)),
    ],
)
def test_quiet_hours_end_when_they_say(hours: str, moment: datetime, until: datetime | None) -> None:
    assert Quiet.read(hours).until(moment, BERLIN) == until


@pytest.mark.parametrize("text", ["", "22", "22-", "25-7", "22-7-9", "7-7", "0-24", "22:60-7", "22.5-7", "late"])
def test_what_is_no_quiet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Quiet.read(text)


@given(QUIETS)
def test_quiet_hours_are_read_as_they_are_shown(quiet: Quiet) -> None:
    assert Quiet.read(str(quiet)) == quiet


@given(QUIETS, MOMENTS, ZONES)
# the night in which clocks are put back: a quarter past two comes twice
@example(Quiet(120, 150), datetime(2026, 10, 25, 0, 15, tzinfo=UTC), BERLIN)
@example(Quiet(120, 150), datetime(2026, 10, 25, 1, 15, tzinfo=UTC), BERLIN)
# and the one in which half past two is no time at all
@example(Quiet(60, 150), datetime(2026, 3, 29, 0, 30, tzinfo=UTC), BERLIN)
def test_quiet_is_over_within_a_day_and_outside_it_nothing_waits(
    quiet: Quiet, moment: datetime, zone: ZoneInfo
) -> None:
    until = quiet.until(moment, zone)
    there = moment.astimezone(zone)
    minute = there.hour * 60 + there.minute
    inside = any(
        quiet.begin <= one < quiet.end + (DAY if quiet.end < quiet.begin else 0) for one in (minute, minute + DAY)
    )
    assert (until is not None) == inside
    if until is not None:
        assert moment < until <= moment + timedelta(days=1) + SHIFT


@given(QUIETS, some.none() | DIGESTS, MOMENTS, some.timedeltas(-timedelta(days=3), timedelta(days=9)), KINDS, ZONES)
def test_a_message_waits_no_longer_than_its_digest_and_a_night(
    quiet: Quiet, digest: timedelta | None, now: datetime, age: timedelta, kinds: set[OccasionKind], zone: ZoneInfo
) -> None:
    ready = Plan(quiet, digest).ready(now - age, kinds, now, zone)
    assert now <= ready <= now + (digest or timedelta(0)) + timedelta(days=1) + SHIFT


@given(DIGESTS, MOMENTS, some.timedeltas(timedelta(0), timedelta(days=9)), KINDS)
def test_a_digest_counts_from_the_oldest_and_holds_nothing_urgent(
    digest: timedelta, now: datetime, age: timedelta, kinds: set[OccasionKind]
) -> None:
    ready = Plan(digest=digest).ready(now - age, kinds, now, UTC)
    assert ready == (now if kinds & URGENT else max(now, now - age + digest))


@given(some.none() | DIGESTS, MOMENTS, KINDS, ZONES)
def test_nothing_is_sent_in_quiet_hours_however_urgent(
    digest: timedelta | None, now: datetime, kinds: set[OccasionKind], zone: ZoneInfo
) -> None:
    quiet = Quiet.read("22-7")
    ready = Plan(quiet, digest).ready(now, kinds, now, zone)
    assert not ready.astimezone(zone).hour >= 22
    assert ready.astimezone(zone).hour >= 7


def test_a_clock_that_was_put_back_holds_nothing_for_longer_than_a_digest() -> None:
    now, hour = local(10, 12), timedelta(hours=1)
    assert Plan(digest=hour).ready(now + timedelta(days=300), PATIENT, now, BERLIN) == now + hour


def test_without_a_zone_the_machines_clock_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert Quiet.read("22-7").until(local(10, 23)) == local(11, 7)
        summer = datetime(2026, 7, 1, 23, tzinfo=BERLIN)
        assert Quiet.read("22-7").until(summer) == datetime(2026, 7, 2, 7, tzinfo=BERLIN)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("30 m", 1800), ("90s", 90), ("15min", 900), ("1d", 86400), ("1w", 604_800)]
)
def test_lengths_of_digests(text: str, seconds: int) -> None:
    assert times.digest(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "2w", "-1h", "8d", "1,5h"])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        times.digest(text)


@given(some.integers(1, 10_000))
def test_pauses_grow_and_stay_within_a_quarter_of_an_hour(failures: int) -> None:
    assert times.FIRST_PAUSE <= times.pause(failures) <= times.pause(failures + 1) <= times.LONGEST_PAUSE
