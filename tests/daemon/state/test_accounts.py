"""What people use, as rows: by day, while an attempt is at work, and after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import lives
import pytest
from plain_kind import PlainKind
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Job, Recording, Voice
from daemon.database.people_rows import Person
from daemon.database.quota_rows import Meter, Usage
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.kinds.registry import Kinds
from daemon.state import accounts, jobs, people, quota_words, quotas
from daemon.state.quotas import Resource, Use
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
NOON = datetime(2026, 11, 30, 11, 0, tzinfo=UTC)  # in Berlin


class Clock:
    """What `now` says."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def goes_on(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Of the modules that count, in Berlin."""
    found = Clock()
    for module in (accounts, jobs, quotas, quota_words):
        monkeypatch.setattr(module, "now", found)
    monkeypatch.setattr(Kinds, "__getitem__", lambda _, name: PlainKind(resumable=name != "speak"))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield found
    monkeypatch.undo()
    os.environ.setdefault("TZ", "")
    if not os.environ["TZ"]:
        del os.environ["TZ"]
    time.tzset()


def bobs_job(session: Session) -> Job:
    job = lives.submit(session, pb.JobSpec(train=pb.TrainSpec(voice="anna")))
    job.person = "bob"
    return job


def gpu(store: Store, day: str = "2026-11-30") -> float:
    return store.read_now(lambda session: (session.get(Usage, ("bob", day)) or Usage(gpu=0.0)).gpu)


def test_an_attempts_time_is_counted_while_it_works_and_not_while_it_has_given_way(store: Store, clock: Clock) -> None:
    id = store.write_now(lambda session: bobs_job(session).id)

    def change(act: object, *arguments: object) -> None:
        store.write_now(lambda session: act(session, jobs.get(session, id), *arguments))  # type: ignore[operator]

    change(jobs.start_attempt)
    clock.goes_on(10)
    assert store.write_now(accounts.tick) == [id]
    assert gpu(store) == 10
    clock.goes_on(5)
    change(jobs.preempt, "speak #2")
    clock.goes_on(100)
    assert store.write_now(accounts.tick) == []
    change(jobs.unpreempt)
    clock.goes_on(2)
    change(lives.succeed, "done")
    clock.goes_on(50)
    assert gpu(store) == 17
    assert store.read_now(lambda session: session.query(Meter).count()) == 0


def test_after_a_kill_what_was_counted_stands_and_nothing_is_added(store: Store, clock: Clock) -> None:
    id = store.write_now(lambda session: bobs_job(session).id)
    store.write_now(lambda session: jobs.start_attempt(session, jobs.get(session, id)))
    clock.goes_on(3)
    store.write_now(accounts.tick)
    clock.goes_on(3_600)  # the machine was off
    assert store.write_now(lives.recover) == [id]
    assert gpu(store) == 3
    assert store.read_now(lambda session: session.query(Meter).count()) == 0


def test_each_day_by_the_machines_clock_gets_its_own(store: Store, clock: Clock) -> None:
    clock.time = datetime(2026, 11, 30, 22, 59, 50, tzinfo=UTC)
    assert accounts.refill(clock.time) == datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    id = store.write_now(lambda session: bobs_job(session).id)
    store.write_now(lambda session: jobs.start_attempt(session, jobs.get(session, id)))
    clock.goes_on(25)
    store.write_now(accounts.tick)
    assert (gpu(store), gpu(store, "2026-12-01")) == (10, 15)


def test_the_owners_work_leaves_no_rows(store: Store, clock: Clock) -> None:
    id = store.write_now(lambda s: lives.submit(s, pb.JobSpec(train=pb.TrainSpec(voice="anna"))).id)
    store.write_now(lambda session: jobs.start_attempt(session, jobs.get(session, id)))
    clock.goes_on(3)
    assert store.write_now(accounts.tick) == []
    store.write_now(lambda session: lives.succeed(session, jobs.get(session, id), ""))
    assert store.read_now(lambda session: session.query(Usage).count() + session.query(Meter).count()) == 0


def bob(session: Session, **limits: float) -> None:
    session.add(Person(name="bob", rights=int(Right.SPEAK), created=NOON, revoked=None, **limits))


def test_limits_are_values_with_what_is_used_and_the_hour_when_it_refills(store: Store, clock: Clock) -> None:
    store.write_now(bob, minutes_a_day=1.0, disk=1_000)
    store.write_now(accounts.spoke, "bob", 59.0)

    def reached(what: Resource, more: float = 0.0) -> Use | None:
        return store.read_now(lambda session: quotas.reached(session, "bob", what, more))

    assert [reached(what) for what in Resource] == [None] * 6
    store.write_now(accounts.spoke, "bob", 3.0)
    midnight = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    use = reached(Resource.SPEECH)
    assert use == Use("bob", Resource.SPEECH, 62.0, 60.0, refills=midnight)
    refused = quota_words.refusal(use)
    assert str(refused).startswith("bob has used 1.0 of 1 minutes of speech today. There are more at 00:00,")
    assert (refused.code, refused.retry_after) == ("RESOURCE_EXHAUSTED", 12 * 3600)
    clock.time = midnight
    assert reached(Resource.SPEECH) is None

    def records(session: Session) -> None:
        session.get_one(Voice, "anna").owner = "bob"
        session.add(
            Recording(
                voice="anna", sha256="0" * 64, name="a.wav", path="a", size=900, seconds=1.0, sample_rate=16_000,
                channels=1, codec="pcm", text=None, added=NOON, cut=None, removed=None,
            )
        )  # fmt: skip

    store.write_now(records)
    store.write_now(accounts.measured, "anna", 50)
    assert reached(Resource.DISK, 50) is None
    assert reached(Resource.DISK, 51) == Use("bob", Resource.DISK, 950, 1_000, 51)
    store.write_now(lambda s: setattr(s.get_one(Person, "bob"), "rights", int(Right.ADMIN)))
    assert reached(Resource.DISK, 51) is None, "admins have no limits"


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 25.0),  # the day on which clocks go back
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 23.0),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 22.5),  # half past two, for the first time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 21.5),  # and for the second
        (datetime(2026, 11, 30, 22, 59, tzinfo=UTC), 1 / 60),  # the last minute of a month
        (datetime(2026, 12, 31, 22, 0, tzinfo=UTC), 1.0),
        (datetime(2028, 2, 28, 23, 0, tzinfo=UTC), 24.0),  # the 29th
    ],
)
def test_a_day_ends_at_midnight_whatever_its_length(clock: Clock, moment: datetime, hours: float) -> None:
    assert (accounts.refill(moment) - moment).total_seconds() == pytest.approx(hours * 3600)
    just_before = accounts.refill(moment) - timedelta(microseconds=1)
    assert accounts.day_of(just_before) == accounts.day_of(moment) < accounts.day_of(accounts.refill(moment))


def test_who_is_revoked_and_added_again_has_used_what_they_used(store: Store, clock: Clock) -> None:
    request = pb.AddPersonRequest(name="bob", may=["speak"], limits=pb.Limits(minutes_a_day=1.0))
    store.write_now(people.add, request)
    store.write_now(accounts.spoke, "bob", 61.0)
    store.write_now(people.revoke, "bob", 0)
    store.write_now(people.add, request)
    assert store.read_now(quotas.reached, "bob", Resource.SPEECH) is not None


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 2.0**62])
@pytest.mark.parametrize("name", ["minutes_a_day", "gpu_minutes_a_day"])
def test_limits_that_are_none_are_refused(store: Store, name: str, value: float) -> None:
    with pytest.raises(BadRequest, match=f"{name} cannot be"):
        store.write_now(people.add, pb.AddPersonRequest(name="bob", may=["speak"], limits=pb.Limits(**{name: value})))
    assert store.read_now(lambda session: session.get(Person, "bob")) is None


def test_the_largest_limits_are_limits(store: Store, clock: Clock) -> None:
    largest = pb.Limits(minutes_a_day=2.0**61, gpu_minutes_a_day=0.0, disk=2**62 - 1, waiting=2**32 - 1)
    store.write_now(people.add, pb.AddPersonRequest(name="bob", may=["speak"], limits=largest))
    found = [store.read_now(quotas.reached, "bob", what, 1.0) for what in Resource]
    assert [use.what for use in found if use is not None] == [Resource.GPU], "nothing is less than no minutes at all"
