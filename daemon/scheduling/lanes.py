"""What the GPUs do next: one job at a time on each. A pure decision; the scheduler looks, asks, and acts.

Without a GPU there is one lane, of the CPU in place of a GPU (its `gpu` is empty). Rules:

- A job starts on a lane that nobody holds. Who gave way in a lane goes on there before anybody but speech starts.
- There is one speaker. It takes a lane that nobody holds and nobody waits in; else it has somebody give way: a training
  sooner than anything else, and nobody while a training works off the time that it is owed.
- Other jobs leave speech its GPU, and a GPU that has too little free memory, as long as they can.
- A job that needs more memory than some GPU has waits for a bigger one, if there is one.
- On a GPU that does not answer nothing starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Holder:
    """The job that works in a lane."""

    job: int
    preempts: bool  #: others give way to it
    yields_in_steps: bool  #: it gives way within seconds
    asked: bool = False  #: to give way
    late: bool = False  #: it was asked long ago


@dataclass(frozen=True)
class Lane:
    """One GPU (or the CPU in place of one), as it is now."""

    gpu: str  #: UUID; empty: the CPU
    open: bool = True  #: jobs may start
    total: int = 0  #: bytes of its memory; 0: nobody knows
    free: int | None = None  #: bytes of it; None: nobody knows
    holder: Holder | None = None
    back: int = 0  #: the job that gave way here and would go on; 0: none
    turn_due: bool = False  #: `back` is owed a turn before speech goes on
    in_turn: bool = False  #: the holder works off what it was owed
    speech: bool = False  #: the speech worker lives here

    def short(self, need: int) -> bool:
        """It has less free memory than is needed."""
        return self.free is not None and self.free < need


@dataclass(frozen=True)
class Ready:
    """A waiting job that could start."""

    job: int
    preempts: bool
    need: int = 0  #: bytes of GPU memory; 0: nobody knows


@dataclass(frozen=True)
class Start:
    """Start the job on that lane; `beside`: somebody still holds it."""

    job: int
    gpu: str
    short: bool  #: it needs more memory than is free there
    speaks: bool
    beside: bool = False


@dataclass(frozen=True)
class GoOn:
    """Let a job go on that gave way; `turn`: it takes the turn that it is owed, although somebody would speak."""

    job: int
    gpu: str
    turn: bool


@dataclass(frozen=True)
class GiveWay:
    """Ask a job to give way to another one."""

    job: int
    to: int
    offload: bool  #: its memory is needed, too


Action = Start | GoOn | GiveWay


def decide(lanes: Sequence[Lane], ready: Sequence[Ready], *, speaking: bool) -> list[Action]:
    """What is to be done now. `ready`: in the order of the queue; `speaking`: the speaker is at work."""
    urgent = None if speaking else next((one for one in ready if one.preempts), None)
    target = _for_speech(lanes, urgent) if urgent is not None else None
    actions: list[Action] = []
    free: list[Lane] = []
    for lane in lanes:
        wants = urgent if lane is target else None
        if lane.holder is not None:
            actions += _interrupted(lane, lane.holder, wants) if wants is not None else ()
        elif lane.back and (wants is None or lane.turn_due):
            actions.append(GoOn(lane.back, lane.gpu, turn=wants is not None))
        elif wants is not None:
            actions.append(Start(wants.job, lane.gpu, lane.short(wants.need), speaks=True))
        elif lane.open:
            free.append(lane)
    for one in ready:
        lanes_left = [lane for lane in free if fits(lane, lanes, one.need)]
        if not one.preempts and lanes_left:
            taken = min(lanes_left, key=lambda lane: (lane.short(one.need), lane.speech))  # the first among equals
            free.remove(taken)
            actions.append(Start(one.job, taken.gpu, taken.short(one.need), speaks=False))
    return actions


def fits(lane: Lane, lanes: Sequence[Lane], need: int) -> bool:
    """The GPU could hold the job if it were empty, or no GPU could and this is one of the biggest."""
    most = max((other.total for other in lanes if other.open), default=0)
    return lane.open and (not lane.total or lane.total >= min(need, most))


def waits_for(lanes: Sequence[Lane], one: Ready) -> list[Lane]:
    """Any of these will do for the job."""
    return [lane for lane in lanes if fits(lane, lanes, one.need)]


def _for_speech(lanes: Sequence[Lane], urgent: Ready) -> Lane | None:
    """The lane to speak on, held or not; None: there is none."""

    def worse(lane: Lane) -> tuple[bool, ...]:
        holder = lane.holder
        room = lane.short(urgent.need) and not lane.speech  # what fills its own GPU may be its own voices
        if holder is None:
            return (False, bool(lane.back), lane.turn_due, room, not lane.speech)
        return (True, not holder.asked, lane.in_turn, not holder.yields_in_steps, not lane.speech, room)

    fitting = waits_for(lanes, urgent)
    return min(fitting, key=worse) if fitting else None


def _interrupted(lane: Lane, holder: Holder, urgent: Ready) -> list[Action]:
    """A lane that is held and wanted by speech. Where the CPU stands in for a GPU there is no memory to wait for, and a
    holder that may take longer over its piece of work is not waited for either."""
    if lane.in_turn or holder.preempts:
        return []
    actions: list[Action] = [GiveWay(holder.job, urgent.job, offload=lane.short(urgent.need))]
    if holder.late or (not holder.yields_in_steps and not lane.gpu):
        actions.append(Start(urgent.job, lane.gpu, lane.short(urgent.need), speaks=True, beside=True))
    return actions
