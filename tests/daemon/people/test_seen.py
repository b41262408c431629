"""What a caller sees of rows, and what they move and clear."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

import lives
import pytest
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon import caller as callers
from daemon.caller import Caller, Right
from daemon.database.models import Job, Voice, now
from daemon.database.people_rows import Share
from daemon.database.store import Store
from daemon.errors import NotFound, NotNow
from daemon.state import cleared_jobs, jobs, people, queue_order, seen, voice_life, voices, waiting
from daemon.state.waiting import Note
from proto import myna_pb2 as pb

T = TypeVar("T")
BOB = Caller("bob", Right.SPEAK | Right.READ | Right.TRAIN)


def by(caller: Caller, store: Store, act: Callable[..., T], *arguments: Any) -> T:
    """What comes of it for them."""

    def work() -> T:
        callers.begin(caller)
        return store.write_now(act, *arguments)

    return copy_context().run(work)


@pytest.fixture
def both(store: Store) -> Store:
    """anna is the owner's, robin is bob's; each has data."""

    def fill(session: Session) -> None:
        people.add(session, pb.AddPersonRequest(name="bob", may=["speak", "read", "train"]))
        session.add(Voice(name="robin", language="en", engine="glow", options={}, created=now(), owner="bob"))
        session.flush()
        for voice in ("anna", "robin"):
            clips = [clip(session, f"{voice} {number}", voice=voice, seconds=10.0) for number in range(8)]
            dataset(session, 1, clips[1:], clips[:1], voice=voice)

    store.write_now(fill)
    return store


def speak(session: Session, voice: str) -> int:
    return lives.submit(session, pb.JobSpec(speak=pb.SpeakSpec(voice=voice, text="hello"))).id


def test_the_owner_is_asked_nothing(both: Store) -> None:
    assert both.read_now(seen.jobs_where) is None
    assert both.read_now(seen.readable) is None
    assert by(callers.OWNER, both, seen.jobs_where) is None
    assert by(Caller("eve", Right.ADMIN), both, seen.readable) is None
    assert by(BOB, both, seen.readable) == {"robin"}


def test_people_move_their_jobs_past_their_own(both: Store) -> None:
    first, owners, last = by(BOB, both, speak, "robin"), both.write_now(speak, "anna"), by(BOB, both, speak, "robin")

    def to_front(session: Session) -> list[int]:
        queue_order.reorder(session, jobs.get(session, last), first=True)
        session.flush()
        return [job.id for job in jobs.live(session)]

    assert by(BOB, both, to_front) == [last, first, owners]
    with pytest.raises(NotNow, match=f"Job {owners} does not wait in the same lane"):
        by(BOB, both, lambda session: queue_order.reorder(session, jobs.get(session, last), before=owners))


def test_people_clear_away_their_own(both: Store) -> None:
    hers, his = both.write_now(speak, "anna"), by(BOB, both, speak, "robin")
    for job in (hers, his):
        both.write_now(lambda session, job=job: lives.cancel(session, jobs.get(session, job)))
    assert by(BOB, both, cleared_jobs.clear, []) == 1
    assert both.read_now(lambda session: [session.get_one(Job, id).cleared is None for id in (hers, his)]) == [
        True,
        False,
    ]
    with pytest.raises(NotFound, match=f"There is no job {hers}"):
        by(BOB, both, cleared_jobs.clear, [hers])


def test_a_job_of_the_owners_that_is_in_the_way_is_not_named(both: Store) -> None:
    both.write_now(speak, "robin")
    with pytest.raises(NotNow) as refused:
        by(BOB, both, voice_life.delete, "robin")
    assert str(refused.value) == (
        "robin cannot be deleted now: another person's job is queued. Wait until it has ended, then try again."
    )


def test_what_is_shared_goes_along_when_a_voice_gets_another_name(both: Store) -> None:
    both.write_now(people.share, "anna", "bob", ["speak"])
    both.write_now(voice_life.begin_rename, "anna", "alma")
    both.write_now(voice_life.end_rename, "alma")
    assert both.read_now(lambda session: session.get(Share, ("alma", "bob"))) is not None
    assert by(BOB, both, voices.get_with_deleted, "alma").name == "alma"
    by(BOB, both, voice_life.begin_rename, "robin", "wren")
    assert by(BOB, both, seen.readable) == {"wren"}


def test_what_follows_from_a_persons_job_is_theirs(both: Store) -> None:
    def follow(session: Session) -> str:
        parent = session.get_one(Job, his)
        return lives.submit(
            session, pb.JobSpec(speak=pb.SpeakSpec(voice="robin", text="on")), parent_job=parent.id
        ).person

    his = by(BOB, both, speak, "robin")
    assert both.write_now(follow) == "bob"


def test_a_job_of_no_voice_is_seen_by_who_asked_for_it(both: Store) -> None:
    def ask(session: Session) -> int:
        job = jobs.get(session, speak(session, "robin"))
        job.kind, job.voice = "transcribe", ""
        return job.id

    bobs, owners = by(BOB, both, ask), both.write_now(ask)
    assert by(BOB, both, lambda session: jobs.get(session, bobs).id) == bobs
    assert by(BOB, both, seen.jobs, [bobs, owners]) == {bobs}
    with pytest.raises(NotFound):
        by(BOB, both, lambda session: jobs.get(session, owners))


def test_a_job_of_before_there_were_people_learns_that_others_are_named_to_it(both: Store) -> None:
    def act(session: Session) -> tuple[list[bool], pb.Job]:
        job = lives.submit(session, pb.JobSpec(train=pb.TrainSpec(voice="robin")))
        said = "CPU lane busy with train #9"
        told = [waiting.tell(session, job, Note(said)), waiting.tell(session, job, Note(said, behind=True))]
        return [*told, waiting.tell(session, job, Note(said, behind=True))], jobs.message(job)

    told, job = both.write_now(act)
    assert told == [True, True, False]
    assert job.status.queued.behind
