"""What waits for a notifier: rows that no event is lost between or told twice by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy.orm import Session

from daemon.database.notice_rows import NotifierRow
from daemon.database.store import Store
from daemon.notices import findings, outbox, words
from daemon.notices.outbox import Message, Wait
from daemon.notices.parcel import Answer, Outcome
from daemon.notices.times import LONGEST_PAUSE, Plan, Quiet
from daemon.notify_settings import Notifier, Notify
from daemon.state import events, occasions, recordings
from daemon.state.values import OccasionKind
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration

BOX = "box"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALL = frozenset(OccasionKind)
TAKEN, REFUSED, IN_DOUBT = (
    Answer(outcome, outcome.value) for outcome in (Outcome.TAKEN, Outcome.REFUSED, Outcome.IN_DOUBT)
)


@pytest.fixture
def box(store: Store) -> Store:
    """With a notifier that has told of everything so far."""
    store.write_now(outbox.settle_names, (BOX,))
    return store


def happen(store: Store, *kinds: OccasionKind, **facts: Any) -> None:
    for kind in kinds:
        store.write_now(lambda session, kind=kind: occasions.emit(session, kind, pb.Occasion(voice="anna", **facts)))


def read(store: Store, kinds: frozenset[OccasionKind] = ALL) -> None:
    """Read on until there is nothing more."""
    while True:
        found = store.read_now(outbox.look, BOX, kinds)
        store.write_now(outbox.take, BOX, found)
        if not found.more:
            return


def unsent(store: Store, plan: Plan, moment: datetime) -> outbox.Unsent | None:
    return store.read_now(outbox.unsent, BOX, plan, moment, UTC)


def due(store: Store, plan: Plan = Plan(), moment: datetime | None = None) -> Message | Wait:  # noqa: B008 - frozen
    return store.write_now(outbox.due, BOX, plan, moment or later(), UTC)


def message(store: Store, plan: Plan = Plan(), moment: datetime | None = None) -> Message:  # noqa: B008 - frozen
    found = due(store, plan, moment)
    assert isinstance(found, Message)
    return found


def settle(store: Store, sent: Message, answer: Answer, moment: datetime | None = None, *, repeat: bool = True) -> None:
    store.write_now(outbox.settle, BOX, sent, answer, moment or later(), repeat=repeat)


def later(seconds: float = 60.0) -> datetime:
    """After all that happened."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def kinds(sent: Message) -> list[OccasionKind]:
    return [one.kind for one in sent.notices]


def test_a_notifier_begins_with_what_happens_from_now_on(store: Store) -> None:
    happen(store, OccasionKind.DISK)
    store.write_now(outbox.settle_names, (BOX,))
    read(store)
    assert due(store) == Wait(None)
    happen(store, OccasionKind.FAILED, OccasionKind.PROMOTED)
    read(store)
    assert kinds(message(store)) == [OccasionKind.FAILED, OccasionKind.PROMOTED]


def test_it_tells_only_of_what_it_is_to_tell_of(box: Store) -> None:
    happen(box, OccasionKind.FAILED, OccasionKind.DISK)
    box.write_now(recordings.emit_inbox_event, "anna", "a.wav", "refused", "It is no sound.")
    box.write_now(recordings.emit_inbox_event, "anna", "b.wav", "taken")
    read(box, frozenset({OccasionKind.DISK, OccasionKind.REFUSED}))
    sent = message(box)
    assert kinds(sent) == [OccasionKind.DISK, OccasionKind.REFUSED]
    assert words.sentence(sent.notices[1]) == "a.wav was refused in the inbox of anna: It is no sound."


def test_a_message_stays_what_it_is_until_it_was_taken(box: Store) -> None:
    happen(box, OccasionKind.FAILED)
    read(box)
    first = message(box)
    happen(box, OccasionKind.DISK)
    read(box)
    again = message(box)
    assert (again.id, again.key, again.notices) == (first.id, first.key, first.notices)
    assert (first.known, again.known) == (False, True)
    settle(box, again, TAKEN)
    following = message(box)
    assert kinds(following) == [OccasionKind.DISK]
    assert following.key != first.key
    settle(box, following, TAKEN)
    assert due(box) == Wait(None)


def test_what_was_not_taken_is_tried_again_after_growing_pauses(box: Store) -> None:
    happen(box, OccasionKind.FAILED)
    read(box)
    moment, waits = later(), []
    for _ in range(4):
        settle(box, message(box, moment=moment), REFUSED, moment)
        waiting = due(box, moment=moment)
        assert isinstance(waiting, Wait)
        assert waiting.until is not None
        waits.append((waiting.until - moment).total_seconds())
        moment = waiting.until
    assert waits == [5, 10, 20, 40]
    quiet = Plan(Quiet((moment.hour - 1) % 24 * 60, (moment.hour + 1) % 24 * 60))
    assert isinstance(due(box, quiet, moment), Wait)
    settle(box, message(box, moment=moment), TAKEN, moment)
    row = box.read_now(lambda session: session.get_one(NotifierRow, BOX))
    assert (row.failures, row.failing_since, row.next_try, row.sent, row.last_sent) == (0, None, None, 1, moment)


def test_a_clock_that_was_put_back_holds_nothing_back_for_long(box: Store) -> None:
    happen(box, OccasionKind.FAILED)
    read(box)
    wrong, right = later(9e7), later()
    settle(box, message(box, moment=wrong), REFUSED, wrong)
    waiting = due(box, moment=right)
    assert isinstance(waiting, Wait)
    assert waiting.until is not None
    assert waiting.until - right <= LONGEST_PAUSE


def test_what_was_not_sent_is_known_and_when_it_may_be(box: Store) -> None:
    plan, moment = Plan(), later()
    assert unsent(box, plan, moment) is None
    happen(box, OccasionKind.FAILED, OccasionKind.DISK)
    read(box)
    assert unsent(box, plan, moment) == outbox.Unsent(BOX, 2, 0.0)
    sent = message(box, moment=moment)
    assert unsent(box, plan, moment) == outbox.Unsent(BOX, 2, 0.0), "it may be on its way"
    settle(box, sent, REFUSED, moment)
    assert unsent(box, plan, moment) == outbox.Unsent(BOX, 2, 5.0)
    settle(box, sent, TAKEN, moment)
    assert unsent(box, plan, moment) is None
    happen(box, OccasionKind.PROMOTED)
    read(box)
    left = unsent(box, Plan(digest=timedelta(hours=1)), later(0))
    assert left is not None
    assert 3_540 < left.seconds <= 3_600, "a digest holds it back"


def test_what_may_have_arrived_is_left_alone_if_so_asked_and_said(box: Store) -> None:
    happen(box, OccasionKind.FAILED, OccasionKind.DISK)
    read(box)
    moment = later()
    settle(box, message(box, moment=moment), IN_DOUBT, moment, repeat=False)
    assert isinstance(due(box, moment=moment), Wait)  # it does not answer just now
    doubt = message(box, moment=moment + timedelta(minutes=1))
    assert kinds(doubt) == [OccasionKind.IN_DOUBT]
    settle(box, doubt, IN_DOUBT, moment + timedelta(minutes=1), repeat=False)
    doubt = message(box, moment=moment + timedelta(hours=1))
    assert words.body(doubt.notices).startswith("2 earlier notices may not have arrived")


def test_what_may_have_arrived_is_sent_again_with_the_same_key(box: Store) -> None:
    happen(box, OccasionKind.FAILED)
    read(box)
    first = message(box)
    settle(box, first, IN_DOUBT)
    assert message(box, moment=later(3_600)).key == first.key


def test_a_digest_gathers_and_what_is_urgent_takes_it_along(box: Store) -> None:
    hour = Plan(digest=timedelta(hours=1))
    happen(box, OccasionKind.PROMOTED)
    read(box)
    waiting = due(box, hour, later(0))
    assert isinstance(waiting, Wait)
    assert waiting.until is not None
    assert timedelta(minutes=59) < waiting.until - later(0) <= timedelta(hours=1)
    happen(box, OccasionKind.UNDECIDED, OccasionKind.FAILED)
    read(box)
    assert kinds(message(box, hour, later(0))) == [OccasionKind.PROMOTED, OccasionKind.UNDECIDED, OccasionKind.FAILED]


def test_many_at_once_go_in_messages_that_can_be_read(box: Store) -> None:
    for number in range(outbox.TOGETHER + 3):
        happen(box, OccasionKind.FAILED, job=number, title="x" * 300)
    read(box)
    first = message(box)
    assert len(first.notices) == outbox.TOGETHER
    text = words.body(first.notices, UTC)
    assert len(text) < words.LONGEST + 200
    shown = text.count("Job #")
    assert f"And {outbox.TOGETHER - shown} more" in text
    settle(box, first, TAKEN)
    assert [one.occasion.job for one in message(box).notices] == list(range(outbox.TOGETHER, outbox.TOGETHER + 3))


def test_who_lags_behind_what_is_kept_is_told_how_many_were_forgotten(box: Store) -> None:
    happen(box, *[OccasionKind.FAILED] * 7)
    box.write_now(events.prune, 2)
    read(box)
    sent = message(box)
    assert kinds(sent) == [OccasionKind.MISSED, OccasionKind.FAILED, OccasionKind.FAILED]
    assert words.sentence(sent.notices[0]).startswith("5 events were forgotten before this notifier read them")


def test_beyond_what_is_kept_notices_are_counted(box: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_WAITING", 3)
    happen(box, *[OccasionKind.FAILED] * 5)
    read(box)
    happen(box, *[OccasionKind.FAILED] * 4)
    read(box)
    sent = message(box)
    assert kinds(sent) == [*[OccasionKind.FAILED] * 3, OccasionKind.MISSED]
    assert words.sentence(sent.notices[3]) == "6 further notices were left out: too many wait for this service."


def test_a_notifier_that_is_gone_leaves_nothing_and_says_what_was_lost(box: Store) -> None:
    happen(box, OccasionKind.FAILED, OccasionKind.DISK)
    read(box)
    message(box)
    assert box.write_now(outbox.settle_names, ("other",)) == {BOX: 2}
    assert box.write_now(outbox.settle_names, (BOX,)) == {}
    read(box)
    assert due(box) == Wait(None)


def test_how_it_stands_is_told_and_doctor_names_who_fails_for_long(box: Store) -> None:
    happen(box, OccasionKind.FAILED)
    read(box)
    moment = later()
    settle(box, message(box, moment=moment), Answer(Outcome.REFUSED, "HTTP 401 Unauthorized."), moment)
    notifier = Notifier(BOX, "json://secret", Notify(url="json://secret", quiet="22-7", digest="1h"))
    told = box.read_now(outbox.state, notifier)
    assert (told.waiting, told.quiet, told.digest_seconds, told.answer) == (1, "22-7", 3600, "HTTP 401 Unauthorized.")
    assert told.failing_since.ToDatetime(UTC) == moment
    assert "secret" not in str(told) + repr(notifier)
    for age, state in ((timedelta(minutes=1), "note"), (timedelta(hours=2), "problem")):
        (found,) = box.read_now(findings.of, moment + age)
        assert (found.name, found.state) == ("notify box", state)
        assert "HTTP 401" in found.sentence
    settle(box, message(box, moment=moment + timedelta(hours=1)), TAKEN)
    (found,) = box.read_now(findings.of)
    assert found.state == "ok"


STEPS = some.lists(some.sampled_from(["happen", "read", "due", TAKEN, REFUSED, IN_DOUBT]), min_size=3, max_size=12)


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_whatever_comes_between_each_is_taken_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    """The steps of a notifier, in any order and cut off anywhere; a service has what it answered that it took."""
    store = Store(tmp_path_factory.mktemp("home"))
    try:
        store.write_now(outbox.settle_names, (BOX,))
        number, got, moment, sent = 0, [], later(), None
        drain: Iterator[Any] = itertools.cycle(("read", "due", TAKEN))
        for step in itertools.chain(steps, drain):
            moment += timedelta(hours=1)
            if step == "happen":
                number += 1
                happen(store, OccasionKind.FAILED, job=number)
            elif step == "read":
                read(store)
            elif step == "due":
                found = due(store, moment=moment)
                sent = found if isinstance(found, Message) else None
                if sent is None and len(got) == number:
                    break
            elif sent is not None:
                got += [one.occasion.job for one in sent.notices] if step is TAKEN else []
                settle(store, sent, step, moment)
                sent = None
        assert got == list(range(1, number + 1))
    finally:
        store.close()


def test_a_persons_events_have_no_occasions(store: Store) -> None:
    """They are told to the owner's notifiers, and say more than a person may know."""
    from daemon.caller import Caller, Right

    happen(store, OccasionKind.FAILED)

    def seen(session: Session) -> list[pb.Event]:
        session.info["caller"] = Caller(name="bea", rights=Right.READ)
        return events.after(session, 0)[0]

    assert not any(event.HasField("occasion") for event in store.read_now(seen))
