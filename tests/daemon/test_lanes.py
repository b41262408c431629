"""What the GPUs do next, as a decision: single cases, and any life of a machine with several GPUs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.scheduling.lanes import GiveWay, GoOn, Holder, Lane, Ready, Start, decide, fits, waits_for

pytestmark = pytest.mark.unit
GB = 1_000_000_000
A, B = Lane("GPU-a", total=24 * GB, free=20 * GB), Lane("GPU-b", total=24 * GB, free=20 * GB)
TRAINING = Holder(1, preempts=False, yields_in_steps=True)
SCORING = Holder(2, preempts=False, yields_in_steps=False)


def started(lanes: list[Lane], *ready: Ready, speaking: bool = False) -> dict[int, str]:
    """Job → the GPU that it is started on; asserts that nothing else is done."""
    actions = decide(lanes, ready, speaking=speaking)
    assert all(isinstance(action, Start) for action in actions)
    return {action.job: action.gpu for action in actions if isinstance(action, Start)}


def test_jobs_start_in_the_order_of_the_queue_one_on_each_gpu() -> None:
    assert started([A, B], Ready(5, False), Ready(6, False), Ready(7, False)) == {5: "GPU-a", 6: "GPU-b"}


def test_speech_takes_the_gpu_that_is_free_and_interrupts_nobody() -> None:
    assert started([replace(A, holder=TRAINING), B], Ready(5, True)) == {5: "GPU-b"}


def test_speech_leaves_its_own_gpu_when_that_one_works_and_another_does_not() -> None:
    assert started([replace(A, holder=TRAINING, speech=True), B], Ready(5, True)) == {5: "GPU-b"}


def test_speech_prefers_its_own_gpu_and_others_leave_it_to_speech() -> None:
    lanes = [A, replace(B, speech=True)]
    assert started(lanes, Ready(5, True)) == {5: "GPU-b"}
    assert started([replace(A, speech=True), B], Ready(6, False)) == {6: "GPU-b"}
    assert started([replace(A, speech=True), replace(B, holder=TRAINING)], Ready(6, False)) == {6: "GPU-a"}


def test_where_all_are_held_a_training_gives_way_sooner_than_a_scoring() -> None:
    lanes = [replace(A, holder=SCORING, speech=True), replace(B, holder=TRAINING)]
    assert decide(lanes, [Ready(5, True)], speaking=False) == [GiveWay(1, 5, offload=False)]
    asked = replace(SCORING, asked=True)
    assert decide([replace(A, holder=asked), lanes[1]], [Ready(5, True)], speaking=False) == [GiveWay(2, 5, False)]


def test_nobody_else_speaks_while_the_speaker_is_at_work() -> None:
    speaker = Holder(4, preempts=True, yields_in_steps=False)
    assert decide([replace(A, holder=speaker), B], [Ready(5, True)], speaking=True) == []


def test_who_gave_way_goes_on_where_it_was_while_speech_is_elsewhere() -> None:
    actions = decide([replace(A, back=1), B], [Ready(5, True)], speaking=False)
    assert actions == [GoOn(1, "GPU-a", turn=False), Start(5, "GPU-b", short=False, speaks=True)]


def test_a_job_waits_for_the_gpu_that_can_hold_it() -> None:
    small = replace(B, total=8 * GB, free=8 * GB)
    big = Ready(5, False, 12 * GB)
    assert started([replace(A, holder=TRAINING), small], big) == {}
    assert [lane.gpu for lane in waits_for([A, small], big)] == ["GPU-a"]
    assert started([replace(A, holder=TRAINING), small], big, Ready(6, False, 4 * GB)) == {6: "GPU-b"}
    assert started([small], big) == {5: "GPU-b"}, "there is no other: smaller pieces may do"


def test_where_too_little_is_free_it_is_said_and_another_gpu_is_preferred() -> None:
    full = replace(A, free=2 * GB)
    assert decide([full], [Ready(5, False, 9 * GB)], speaking=False) == [Start(5, "GPU-a", short=True, speaks=False)]
    assert started([full, B], Ready(5, False, 9 * GB)) == {5: "GPU-b"}


def test_nothing_starts_on_a_gpu_that_does_not_answer_and_what_gave_way_there_goes_on() -> None:
    lost = replace(A, open=False, back=1)
    assert decide([lost], [Ready(5, False), Ready(6, True)], speaking=False) == [GoOn(1, "GPU-a", turn=False)]
    assert waits_for([lost], Ready(5, False)) == []


def test_the_cpu_in_place_of_a_gpu_is_not_waited_for_by_speech_when_it_scores() -> None:
    actions = decide([Lane("", holder=SCORING)], [Ready(5, True)], speaking=False)
    assert actions == [GiveWay(2, 5, offload=False), Start(5, "", short=False, speaks=True, beside=True)]


@dataclass
class Work:
    """A job at work on a GPU."""

    job: int
    gpu: str
    speaks: bool
    yielded: bool = False
    asked: bool = False


@dataclass
class Card:
    """A GPU of the machine."""

    gpu: str
    total: int
    answers: bool = True
    speech: bool = False
    strangers: int = 0  #: bytes that other programs hold


@dataclass
class Queue:
    """Jobs that wait, in order; trainings behind speech."""

    jobs: list[Ready] = field(default_factory=list)

    def ordered(self) -> list[Ready]:
        return sorted(self.jobs, key=lambda one: (not one.preempts, one.job))


class Machine(RuleBasedStateMachine):
    """Jobs come, end, are cancelled, yield and crash; GPUs fill up, stop answering and come back. After each event the
    decisions are carried out as the scheduler does it."""

    def __init__(self) -> None:
        super().__init__()
        self.cards = [Card("GPU-a", 24 * GB), Card("GPU-b", 8 * GB), Card("GPU-c", 24 * GB)]
        self.queue = Queue()
        self.work: dict[int, Work] = {}
        self.next = 1

    # ------------------------------------------------------------------------------------------------- what is seen

    def lanes(self) -> list[Lane]:
        return [self.lane(card) for card in self.cards]

    def lane(self, card: Card) -> Lane:
        inside = [one for one in self.work.values() if one.gpu == card.gpu]
        busy = sorted((one for one in inside if not one.yielded), key=lambda one: not one.speaks)
        back = next((one.job for one in inside if one.yielded), 0)
        holder = busy[0] if busy else None
        return Lane(
            card.gpu, card.answers, card.total, card.total - card.strangers if card.answers else None,
            None if holder is None else Holder(holder.job, holder.speaks, not holder.speaks, holder.asked),
            back, speech=card.speech,
        )  # fmt: skip

    def decided(self) -> None:
        speaking = any(one.speaks for one in self.work.values())
        lanes = self.lanes()
        for action in decide(lanes, self.queue.ordered(), speaking=speaking):
            match action:
                case Start():
                    lane = next(lane for lane in lanes if lane.gpu == action.gpu)
                    assert lane.open, "nothing starts on a GPU that does not answer"
                    one = next(one for one in self.queue.jobs if one.job == action.job)
                    assert fits(lane, lanes, one.need)
                    self.queue.jobs.remove(one)
                    self.work[one.job] = Work(one.job, action.gpu, one.preempts)
                    if one.preempts:
                        for card in self.cards:
                            card.speech = card.gpu == action.gpu
                case GoOn():
                    self.work[action.job].yielded = False
                    self.work[action.job].asked = False
                case GiveWay():
                    assert not self.work[action.job].speaks
                    self.work[action.job].asked = True

    # ------------------------------------------------------------------------------------------------- what happens

    @rule(need=st.sampled_from([0, 4 * GB, 12 * GB, 40 * GB]), speaks=st.booleans())
    def a_job_is_submitted(self, need: int, speaks: bool) -> None:
        self.queue.jobs.append(Ready(self.next, speaks, need))
        self.next += 1
        self.decided()

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def a_job_ends_or_is_killed(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.work)))
        del self.work[job]
        self.decided()

    @precondition(lambda self: any(one.asked and not one.yielded for one in self.work.values()))
    @rule(data=st.data())
    def a_training_that_was_asked_gives_way(self, data: st.DataObject) -> None:
        asked = sorted(one.job for one in self.work.values() if one.asked and not one.yielded)
        self.work[data.draw(st.sampled_from(asked))].yielded = True
        self.decided()

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def a_worker_crashes_and_its_job_waits_again(self, data: st.DataObject) -> None:
        one = self.work.pop(data.draw(st.sampled_from(sorted(self.work))))
        self.queue.jobs.append(Ready(one.job, one.speaks))
        self.decided()

    @rule(place=st.integers(0, 2), answers=st.booleans(), strangers=st.sampled_from([0, 7 * GB]))
    def a_gpu_changes(self, place: int, answers: bool, strangers: int) -> None:
        self.cards[place].answers, self.cards[place].strangers = answers, strangers
        self.decided()

    # ------------------------------------------------------------------------------------------------- what holds

    @invariant()
    def one_job_works_on_each_gpu(self) -> None:
        for card in self.cards:
            assert len([one for one in self.work.values() if one.gpu == card.gpu and not one.yielded]) <= 1

    @invariant()
    def one_speaks(self) -> None:
        assert sum(one.speaks for one in self.work.values()) <= 1

    @invariant()
    def no_gpu_idles_while_a_job_could_use_it(self) -> None:
        lanes = self.lanes()
        idle = [lane for lane in lanes if lane.open and lane.holder is None and not lane.back]
        waiting = [one for one in self.queue.jobs if not one.preempts]
        assert not any(fits(lane, lanes, one.need) for lane in idle for one in waiting)

    def teardown(self) -> None:
        """Nobody starves: with GPUs that answer, and jobs that end, the queue runs dry."""
        for card in self.cards:
            card.answers = True
        rounds = 4 * (len(self.queue.jobs) + len(self.work)) + 4
        for _ in range(rounds):
            self.decided()
            self.one_job_works_on_each_gpu()
            for one in list(self.work.values()):
                if one.asked and not one.yielded:
                    one.yielded = True
                elif not one.yielded:
                    del self.work[one.job]
        assert not self.queue.jobs, "somebody waits for ever"
        assert not self.work, "somebody that gave way never went on"


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
