"""Whatever people, workers and restarts do to jobs, in any order: a job's status is always one of the six, nothing is
stuck, nobody jumps the queue, and whoever watches the events knows what the database knows."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lives
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from plain_kind import PlainKind
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Attempt, Job
from daemon.database.store import Store
from daemon.errors import NotNow
from daemon.kinds.registry import Kinds
from daemon.state import events, jobs, queue_order, waiting
from daemon.state.status import ENDED, Cancelled, Error, Failed
from daemon.state.waiting import Note
from proto import myna_pb2 as pb

PRIORITIES = (0, 1, 2)


class JobLife(RuleBasedStateMachine):
    """The jobs of one lane beside a plain list that says in which order they should be."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(Kinds, "__getitem__", lambda _, name: PlainKind(resumable=name != "speak"))
        self.home = Path(tempfile.mkdtemp())
        self.store = Store(self.home)
        self.line: list[int] = []  #: all jobs ever, as they should stand within their priority
        self.told: dict[int, str] = {}  #: what a watcher of the events believes
        self.cursor = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.home)
        self.patch.undo()

    def rows(self, *states: str) -> list[Job]:
        return self.store.read_now(lambda s: list(s.scalars(select(Job).where(Job.state.in_(states)).order_by(Job.id))))

    def change(self, id: int, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return self.store.write_now(lambda s: act(s, jobs.get(s, id), *args, **options))

    def at_work(self) -> list[int]:
        """Jobs with a worker."""
        return self.store.read_now(
            lambda s: list(s.scalars(select(Attempt.job).where(Attempt.ended.is_(None)).order_by(Attempt.job)))
        )

    def queue(self) -> list[Job]:
        return [job for job in self.store.read_now(jobs.live) if job.state == "queued"]

    # ------------------------------------------------------------------------------------------------ what people do

    @precondition(lambda self: len(self.line) < 6)
    @rule(speak=st.booleans(), priority=st.sampled_from(PRIORITIES))
    def submit(self, speak: bool, priority: int) -> None:
        spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna")) if speak else pb.JobSpec(train=pb.TrainSpec(voice="anna"))
        self.line.append(self.store.write_now(lambda s: lives.submit(s, spec, priority=priority).id))

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def submit_with_a_known_key_adds_nothing(self, data: st.DataObject) -> None:
        key = f"key {data.draw(st.integers(0, 1))}"
        spec = pb.JobSpec(train=pb.TrainSpec(voice="anna"))
        id = self.store.write_now(lambda s: lives.submit(s, spec, key=key).id)
        if id not in self.line:
            self.line.append(id)
        assert self.store.write_now(lambda s: lives.submit(s, spec, key=key).id) == id

    @precondition(lambda self: self.line)
    @rule(data=st.data(), what=st.sampled_from([lives.cancel, jobs.pause, jobs.resume, jobs.retry]))
    def ask(self, data: st.DataObject, what: Callable[..., Any]) -> None:
        """Any request about any job: it is done, or refused with a sentence and nothing changed."""
        id = data.draw(st.sampled_from(self.line))
        before = self.store.read_now(lambda s: (jobs.get(s, id).state, jobs.get(s, id).place))
        try:
            self.change(id, what)
        except NotNow:
            assert self.store.read_now(lambda s: (jobs.get(s, id).state, jobs.get(s, id).place)) == before
            return
        if what is jobs.retry:
            assert self.store.read_now(lambda s: jobs.get(s, id).place) == before[1], "its old place"
            self.take_over_place_of(id)

    @precondition(lambda self: self.at_work())
    @rule(data=st.data(), what=st.sampled_from([lives.cancel, jobs.pause]))
    def interrupt_a_worker(self, data: st.DataObject, what: Callable[..., Any]) -> None:
        id = data.draw(st.sampled_from(self.at_work()))
        with contextlib.suppress(NotNow):
            self.change(id, what)
            job = self.store.read_now(jobs.get, id)
            assert jobs.transition_of(job) is not None or job.state == "paused", (
                "what was asked is shown until it has happened"
            )

    @precondition(lambda self: len(self.rows("queued")) > 1)
    @rule(data=st.data(), where=st.sampled_from(["before", "first", "last"]))
    def move(self, data: st.DataObject, where: str) -> None:
        queue = self.queue()
        job = data.draw(st.sampled_from(queue))
        others = [other for other in queue if other.id != job.id]
        if where == "before":
            target = data.draw(st.sampled_from(others))
            self.change(job.id, queue_order.reorder, before=target.id)
        else:
            target = others[0] if where == "first" else others[-1]
            self.change(job.id, queue_order.reorder, **{where: True})
        after = [other.id for other in self.queue()]
        others_after = [id for id in after if id != job.id]
        assert others_after == [other.id for other in others], "nobody else moved"
        if where == "first":
            assert after[0] == job.id
        elif where == "last":
            assert after[-1] == job.id
        else:
            assert after.index(job.id) == after.index(target.id) - 1
        self.take_over_place_of(job.id)

    # ---------------------------------------------------------------------------------------- what mynad and workers do

    @precondition(lambda self: self.rows("queued"))
    @rule()
    def a_worker_takes_the_first(self) -> None:
        use = pb.GpuUse(indices=[1], uuid="GPU-b", needs=3, free=2)
        self.change(self.queue()[0].id, jobs.start_attempt, 4711, use)

    @precondition(lambda self: self.at_work())
    @rule(
        data=st.data(),
        what=st.sampled_from(
            ["yielded", "go on", "progress", "done", "failed", "stopped", "stopped", "crashed", "crashed", "cancelled"]
        ),
    )
    def hear_of_a_worker(self, data: st.DataObject, what: str) -> None:
        id = data.draw(st.sampled_from(self.at_work()))
        wanted_dead = bool(self.store.read_now(lambda s: jobs.get(s, id).cancelled_by))
        match what:
            case "yielded":
                self.change(id, jobs.preempt, "speak #9")
            case "go on":
                self.change(id, jobs.unpreempt)
            case "progress":
                self.change(id, jobs.progressed)
            case "done":
                self.change(id, lives.succeed, "done")
            case "failed":
                self.change(id, lives.fail, Error("engine", "It broke.", "Mend it.", "last words"))
            case "stopped":
                self.change(id, lives.requeue, "goes on later")
            case "crashed":
                self.change(id, lives.crashed, "it was killed.", "", "")
            case "cancelled" if wanted_dead:
                self.change(id, lives.cancelled)
        if wanted_dead and what in ("stopped", "crashed", "cancelled"):
            assert self.store.read_now(lambda s: jobs.get(s, id).state) == "cancelled", "a cancel is never lost"

    @precondition(lambda self: self.rows("queued"))
    @rule(why=st.sampled_from(["GPU held by train #1 (anna)", "needs 14 s more audio"]))
    def say_why_it_waits(self, why: str) -> None:
        id = self.queue()[-1].id
        self.change(id, waiting.tell, Note(why))
        newest = self.store.read_now(events.newest)
        assert not self.change(id, waiting.tell, Note(why))
        assert self.store.read_now(events.newest) == newest, "saying the same again tells nobody"

    @rule()
    def mynad_is_killed_and_starts_again(self) -> None:
        held = {
            job.id
            for job in self.rows("paused")
            if job.paused_by_person and not job.cancelled_by and job.kind == "train"
        }
        self.store.close()
        self.store = Store(self.home)
        self.store.write_now(lives.recover)
        assert not self.at_work()
        assert not self.rows("running")
        assert held <= {job.id for job in self.rows("paused")}, "what a person holds stays held"

    # ------------------------------------------------------------------------------------------------ what always holds

    @invariant()
    def which_gpu_a_job_is_on_is_known_while_a_worker_is_at_it(self) -> None:
        at_work = self.at_work()
        for job in self.rows("queued", "running", "paused"):
            assert jobs.message(job).gpu.uuid == ("GPU-b" if job.id in at_work else "")

    @invariant()
    def all_is_well(self) -> None:
        def look(s: Session) -> tuple[list[Job], list[int], list[pb.Event], int]:
            every = list(s.scalars(select(Job).order_by(Job.priority.desc(), Job.place, Job.id)))
            at_work = list(s.scalars(select(Attempt.job).where(Attempt.ended.is_(None))))
            return every, at_work, *events.after(s, self.cursor)

        every, at_work, happened, self.cursor = self.store.read_now(look)
        assert {job.id for job in every} == set(self.line)
        for job in every:
            self.has_a_whole_status(job)
            self.is_not_stuck(job, at_work.count(job.id))
        waiting = [job for job in every if job.state == "queued"]
        assert waiting == sorted(waiting, key=lambda job: (-job.priority, self.line.index(job.id))), (
            "nobody jumps the queue"
        )
        self.told |= {event.job.id: str(event.job.status.WhichOneof("status")) for event in happened}
        assert self.told == {job.id: job.state for job in every}, "a watcher knows what the database knows"

    def has_a_whole_status(self, job: Job) -> None:
        status = jobs.status_of(job)
        assert jobs.message(job).status.WhichOneof("status") == job.state
        if isinstance(status, Failed):
            assert status.error.kind
            assert status.error.sentence
        if isinstance(status, Cancelled):
            assert status.by

    def is_not_stuck(self, job: Job, workers: int) -> None:
        """A job waits in the queue, or has exactly one worker, or a person holds it, or it has ended."""
        if workers:
            assert workers == 1
            assert job.state in ("running", "paused")
        else:
            assert job.state in ("queued", *ENDED) or (job.state == "paused" and job.paused_by_person)

    def take_over_place_of(self, id: int) -> None:
        """A job was moved by a person: the list learns where it now stands, and from here on it must stay there."""

        def of_its_priority(s: Session) -> list[int]:
            # those that run or have ended too: they may come back, and then to their old place
            return list(
                s.scalars(select(Job.id).where(Job.priority == jobs.get(s, id).priority).order_by(Job.place, Job.id))
            )

        order = self.store.read_now(of_its_priority)
        behind = next(iter(order[order.index(id) + 1 :]), None)
        self.line.remove(id)
        self.line.insert(self.line.index(behind) if behind is not None else len(self.line), id)


TestJobLife = JobLife.TestCase
# the same histories every time: a suite that fails on one seed in many tells nothing of the change it runs for
TestJobLife.settings = settings(max_examples=4, stateful_step_count=30, deadline=None, derandomize=True)


@pytest.mark.long
class TestManyJobLives(JobLife.TestCase):  # type: ignore[misc]  # hypothesis makes the class
    settings = settings(max_examples=24, stateful_step_count=30, deadline=None, derandomize=True)
