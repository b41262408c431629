"""Single rules of the queue, each with its reason. What holds whatever happens is in test_job_life.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lives
import pytest
from plain_kind import PlainKind

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.kinds.registry import Kinds
from daemon.state import jobs, queue_order
from daemon.state.status import Error, Transition
from proto import myna_pb2 as pb

TRAIN = pb.JobSpec(train=pb.TrainSpec(voice="anna"))
SPEAK = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text="Hello."))


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds with nothing to them; a speak job cannot go on after its worker died."""
    monkeypatch.setattr(Kinds, "__getitem__", lambda self, name: PlainKind(resumable=name != "speak"))


def submit(store: Store, count: int = 1, spec: pb.JobSpec = TRAIN, **options: Any) -> list[int]:
    return store.write_now(lambda s: [lives.submit(s, spec, **options).id for _ in range(count)])


def change(store: Store, id: int, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return store.write_now(lambda s: act(s, jobs.get(s, id), *args, **options))


def job(store: Store, id: int) -> Job:
    return store.read_now(jobs.get, id)


def queue(store: Store) -> list[int]:
    return [each.id for each in store.read_now(jobs.live) if each.state == "queued"]


def test_the_same_key_is_the_same_job_also_when_it_has_ended(store: Store) -> None:
    (first,) = submit(store, key="nightly 21")
    change(store, first, lives.cancel)
    assert submit(store, key="nightly 21") == [first]
    assert submit(store, key="nightly 22") != [first]


def test_a_job_that_says_nothing_to_do_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest, match="The job is empty"):
        submit(store, spec=pb.JobSpec())


def test_a_cancel_asked_for_while_the_worker_stops_is_not_lost(store: Store) -> None:
    (id,) = submit(store)
    change(store, id, jobs.start_attempt)
    change(store, id, lives.cancel)
    assert jobs.transition_of(job(store, id)) is Transition.CANCELLING, "its worker is to be told"
    with pytest.raises(NotNow, match="still being cancelled"):
        change(store, id, jobs.retry)
    change(store, id, lives.requeue, "goes on later")
    assert job(store, id).state == "cancelled"


def test_three_crashes_in_a_row_are_enough_and_the_error_has_the_last_words(store: Store) -> None:
    (id,) = submit(store)
    for _ in range(3):
        assert job(store, id).state == "queued"
        change(store, id, jobs.start_attempt)
        change(store, id, lives.crashed, "it was killed.", "See whether memory ran out.", "step 12\nstep 13")
    error = jobs.message(job(store, id)).status.failed.error
    assert error.kind == pb.CRASHED
    assert "3 times in a row" in error.sentence
    assert error.log_tail == "step 12\nstep 13"


def test_crashes_with_progress_between_them_do_not_add_up(store: Store) -> None:
    (id,) = submit(store)
    for _ in range(10):
        change(store, id, jobs.start_attempt)
        change(store, id, jobs.progressed)
        change(store, id, lives.crashed, "it was killed.", "", "")
    assert job(store, id).state == "queued"


def test_what_cannot_go_on_fails_at_its_first_crash(store: Store) -> None:
    (id,) = submit(store, spec=SPEAK)
    change(store, id, jobs.start_attempt)
    change(store, id, lives.crashed, "it was killed.", "", "")
    assert job(store, id).state == "failed"


def test_a_job_whose_worker_died_waits_at_its_old_place(store: Store) -> None:
    first, second, third = submit(store, 3)
    for id in (first, second):
        change(store, id, jobs.start_attempt)
    change(store, second, lives.crashed, "it was killed.", "", "")
    change(store, first, lives.crashed, "it was killed.", "", "")
    assert queue(store) == [first, second, third]


def test_retry_takes_the_old_place_and_forgets_the_error(store: Store) -> None:
    first, second = submit(store, 2)
    change(store, first, jobs.start_attempt)
    change(store, first, lives.fail, Error("engine", "It broke.", "Mend it.", "last words"))
    change(store, first, jobs.retry)
    assert queue(store) == [first, second]
    assert (job(store, first).error_kind, job(store, first).log_tail) == ("", "")
    with pytest.raises(NotNow, match="only failed and cancelled"):
        change(store, second, jobs.retry)


def test_a_job_that_has_ended_is_refused_in_plain_words(store: Store) -> None:
    (first,) = submit(store, 1)
    change(store, first, jobs.start_attempt)
    change(store, first, lives.succeed, "It is done.")
    for act in (jobs.retry, jobs.resume, queue_order.reorder):
        with pytest.raises(NotNow, match=f"Job {first} has succeeded; only"):
            change(store, first, act)


def test_eighty_moves_before_the_same_job_keep_their_order(store: Store) -> None:
    """Between two neighbours there are only some fifty floating-point numbers."""
    first, target, *others = submit(store, 82)
    for id in others:
        change(store, id, queue_order.reorder, before=target)
    assert queue(store) == [first, *others, target]


def test_moved_to_the_end_is_still_before_what_comes_later(store: Store) -> None:
    a, b, c = submit(store, 3)
    change(store, a, queue_order.reorder, last=True)
    change(store, b, queue_order.reorder, last=True)
    later = submit(store, 2)
    assert queue(store) == [c, a, b, *later]


def test_moving_past_another_priority_takes_it_over(store: Store) -> None:
    (low,) = submit(store)
    (high,) = submit(store, priority=5)
    change(store, low, queue_order.reorder, first=True)
    assert queue(store) == [low, high]
    assert job(store, low).priority == job(store, high).priority


def test_a_move_to_nowhere_is_refused(store: Store) -> None:
    a, b = submit(store, 2)
    change(store, b, jobs.start_attempt)
    with pytest.raises(BadRequest, match="does not say where"):
        change(store, a, queue_order.reorder)
    with pytest.raises(NotNow, match="does not wait"):
        change(store, a, queue_order.reorder, before=b)
    with pytest.raises(NotNow, match="only waiting"):
        change(store, b, queue_order.reorder, first=True)


def test_a_pause_lasts_over_a_restart_and_a_resume_ends_it(store: Store) -> None:
    for spec in (TRAIN, SPEAK):
        (id,) = submit(store, spec=spec)
        change(store, id, jobs.pause)
        assert store.write_now(lives.recover) == []
        assert job(store, id).state == "paused"
        change(store, id, jobs.resume)
        assert job(store, id).state == "queued"


def test_a_job_that_gave_way_is_not_resumed_by_hand(store: Store) -> None:
    (id,) = submit(store)
    change(store, id, jobs.start_attempt)
    change(store, id, jobs.preempt, "speak #9")
    with pytest.raises(NotNow, match="speak #9"):
        change(store, id, jobs.resume)


def test_the_list_pages_newest_first_without_gaps(store: Store) -> None:
    every = submit(store, 7)
    seen: list[int] = []
    token = ""
    while True:
        rows, token = store.read_now(jobs.page, token=token, size=3)
        seen += [row.id for row in rows]
        if not token:
            break
    assert seen == every[::-1]


def test_the_list_can_be_narrowed(store: Store) -> None:
    train, (speak,) = submit(store, 2), submit(store, spec=SPEAK)
    change(store, train[0], lives.cancel)
    assert [row.id for row in store.read_now(jobs.page, states=["queued"])[0]] == [speak, train[1]]
    assert [row.id for row in store.read_now(jobs.page, kinds=["speak"])[0]] == [speak]
    assert store.read_now(jobs.page, voice="bob")[0] == []
    assert store.read_now(jobs.counts)["cancelled"] == 1


@pytest.mark.parametrize("token", ["²", "9" * 30, "-1", "x"])
def test_a_token_that_is_none_is_refused(store: Store, token: str) -> None:
    with pytest.raises(BadRequest, match="no page token"):
        store.read_now(jobs.page, token=token)


def test_what_is_unknown_is_said(store: Store) -> None:
    with pytest.raises(NotFound, match="no job 77"):
        store.read_now(jobs.get, 77)
    with pytest.raises(BadRequest, match="no job state 'sleeping'"):
        store.read_now(jobs.page, states=["sleeping"])
    with pytest.raises(BadRequest, match="no job kind"):
        jobs.kind_name(pb.JOB_KIND_UNSPECIFIED)
