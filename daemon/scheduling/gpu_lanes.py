"""The GPUs as lanes: who is on which, what each training is owed, and what jobs that wait for one are told. What
happens next is decided in `daemon.scheduling.lanes`.

A job that no longer needs the GPU says so (an evaluation that has spoken its lines and now listens on the CPU). It
leaves its lane to the next job and goes on beside it; only one job at a time may, so that slow listeners do not pile
up. Where the CPU stands in for a GPU no job says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Mapping, Sequence

from daemon.database.models import Job
from daemon.kinds.kind import GpuNeed
from daemon.machine.gpu import Device, Gpus
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.lanes import Holder, Lane, Ready, waits_for
from daemon.scheduling.place import Place
from daemon.scheduling.share import Doing, Share
from daemon.scheduling.speech import Speech
from daemon.state.seen import OTHERS
from proto import myna_pb2 as pb

YIELD_TIMEOUT = 20.0  #: seconds a job gets to give way; then speech starts beside it
NAMED_HOLDERS = 3  #: that a waiting job's reason names


class GpuLanes:
    """Of one scheduler, whose `attempts` (by job) it reads. `part`: of its GPU's time, what a training keeps."""

    def __init__(self, gpus: Gpus, speech: Speech, attempts: Mapping[int, Attempt], part: float) -> None:
        self._gpus = gpus
        self._speech = speech
        self._attempts = attempts
        self._part = part
        self._shares: dict[str, Share] = {}  #: by GPU
        self._seen = asyncio.Event()

    @property
    def any(self) -> bool:
        """Myna has a GPU, as far as is known."""
        return bool(self._gpus.devices)

    def inside(self) -> list[Attempt]:
        """The attempts that hold a lane or gave way in it: all but the first of those that no longer need it."""
        beside = next((a for a in self._attempts.values() if a.lane_free), None)
        return [a for a in self._attempts.values() if a.gpu_lane and a.place.errand is None and a is not beside]

    def holder(self, gpu: str) -> Attempt | None:
        """The attempt that holds that lane; speech, where another is still finishing a step beside it."""
        busy = [a for a in self.inside() if a.place.gpu == gpu and not a.yielded]
        return next((a for a in busy if a.kind.preempts), busy[0] if busy else None)

    def holders(self, known: Container[int] | None = None) -> str:
        """Who has which: "train #12", of several GPUs "train #12 (GPU 0), speak #15 (GPU 1)"; or empty. Jobs that are
        not `known` (None: all are) are not named."""
        held = [(self.holder(gpu), gpu) for gpu in dict.fromkeys(a.place.gpu for a in self.inside())]
        several = len(self._gpus.devices) > 1
        return ", ".join(
            (one.label if known is None or one.job in known else OTHERS) + (f" ({self.name(gpu)})" if several else "")
            for one, gpu in held
            if one is not None
        )

    def name(self, gpu: str) -> str:
        """What people call it."""
        if not gpu:
            return "CPU, in place of a GPU,"
        device = self._device(gpu)
        alone = len(self._gpus.devices) == 1 and device is not None
        return "GPU" if alone else f"GPU {device.index}" if device is not None else "a GPU that is gone"

    # ------------------------------------------------------------------------------------------------ for decisions

    def see(self, live: Mapping[int, Job]) -> list[Lane]:
        """Every lane, as it is now; the preferred one first. None: nobody knows yet what GPUs there are."""
        if not self._gpus.looked:
            return []
        there = {a.place.gpu for a in self.inside()}
        devices = {device.uuid: device for device in self._gpus.devices}
        # what began before a GPU was seen may be on any of them: nothing begins beside it
        usual = [""] if "" in there or not devices else list(devices)
        return [self._lane(gpu, devices.get(gpu), live, gpu in usual) for gpu in dict.fromkeys([*usual, *there])]

    def _lane(self, gpu: str, device: Device | None, live: Mapping[int, Job], usual: bool) -> Lane:
        share = self._share(gpu)
        share.count(time.monotonic())
        holder = self.holder(gpu)
        aside = [a for a in self.inside() if a.place.gpu == gpu and a.yielded and a.job in live]
        return Lane(
            gpu=gpu,
            open=usual and (device is None or not device.lost),
            total=device.total if device is not None else 0,
            free=device.free if device is not None else None,
            holder=None
            if holder is None
            else Holder(
                holder.job,
                preempts=holder.kind.preempts,
                yields_in_steps=holder.kind.yields_in_steps,
                asked=holder.asked_at is not None,
                late=self.late(holder),
            ),
            back=next((a.job for a in aside if not live[a.job].paused_by_person), 0),
            turn_due=share.due,
            in_turn=share.in_turn,
            speech=self._speech.gpu == gpu,
        )

    def late(self, holder: Attempt) -> bool:
        """It was asked to give way long ago."""
        return holder.asked_at is not None and time.monotonic() - holder.asked_at > YIELD_TIMEOUT

    def note(self, lanes: Sequence[Lane], live: Mapping[int, Job]) -> None:
        """What the trainings do from now on, as far as their share goes."""
        for lane in lanes:
            self._share(lane.gpu).note(self._doing(lane.gpu, live))

    def take_turn(self, gpu: str) -> None:
        """The training of that lane goes on although somebody would speak."""
        self._share(gpu).take_turn()

    def owed(self, lanes: Sequence[Lane]) -> float:
        """Seconds until a training has worked off what it is owed; 0: none works it off."""
        return min((self._share(lane.gpu).owed for lane in lanes if lane.in_turn), default=0.0)

    def aside(self, gpu: str, live: Mapping[int, Job]) -> list[Attempt]:
        """Those that gave way in that lane."""
        return [a for a in self.inside() if a.place.gpu == gpu and a.yielded and a.job in live]

    def _doing(self, gpu: str, live: Mapping[int, Job]) -> Doing:
        trainings = [
            a
            for a in self._attempts.values()
            if a.gpu_lane and a.place.errand is None and a.place.gpu == gpu and a.kind.yields_in_steps and a.job in live
        ]
        if any(not a.yielded for a in trainings):
            return Doing.WORKING
        return Doing.WAITING if any(not live[a.job].paused_by_person for a in trainings) else Doing.NOTHING

    def _share(self, gpu: str) -> Share:
        if gpu not in self._shares:
            self._shares[gpu] = Share(self._part, time.monotonic())
        return self._shares[gpu]

    def _device(self, gpu: str) -> Device | None:
        return next((device for device in self._gpus.devices if device.uuid == gpu), None)

    # ------------------------------------------------------------------------------------ for people and workers

    def place(self, gpu: str, need: GpuNeed) -> Place:
        """Where a job that starts on that lane is."""
        device = self._device(gpu)
        if device is None:
            return Place("", "" if self._gpus.none_wanted else None)
        ours = sum(voice.bytes for voice in self._speech.loaded) if self._speech.gpu == gpu else 0
        use = self._use([device.index], need)
        use.uuid, use.total = gpu, device.total
        use.free = min(device.total, (device.total if device.free is None else device.free) + ours)
        return Place(gpu, gpu, use)

    def seen(self) -> None:
        """It is known now which GPUs there are."""
        self._seen.set()

    async def for_speech(self) -> Place:
        """Where a worker waits for somebody who asks for speech: on the last GPU that answers, since trainings take the
        first ones. Known once GPUs were looked at."""
        await self._seen.wait()
        answer = [device.uuid for device in self._gpus.devices if not device.lost]
        return self.place(answer[-1] if answer else "", GpuNeed())

    def beside(self) -> Place:
        """Where a job of the CPU lane is: it sees no GPU, so that none is used by two."""
        return Place("", "" if self._gpus.devices or self._gpus.none_wanted else None)

    def waiting(self, lanes: Sequence[Lane], one: Ready, need: GpuNeed) -> pb.GpuUse | None:
        """Which GPUs the job waits for; None: there is none to tell of."""
        devices = [self._device(lane.gpu) for lane in waits_for(lanes, one)]
        indices = sorted(device.index for device in devices if device is not None)
        return self._use(indices, need) if indices else None

    def _use(self, indices: Sequence[int], need: GpuNeed) -> pb.GpuUse:
        of = len(self._gpus.devices)
        return pb.GpuUse(indices=indices, needs=need.bytes, measured=need.measured, of=of)

    def why(self, lanes: Sequence[Lane], one: Ready) -> str:
        """Why the job waits, in a sentence; empty: it will start soon."""
        if not lanes:
            return "the driver of the GPUs has not answered yet"
        fitting = waits_for(lanes, one)
        if not fitting:
            return "no GPU of Myna's answers: `myna doctor`"
        held = [(lane.gpu, holder) for lane in fitting if (holder := self.holder(lane.gpu)) is not None]
        speaker = [(gpu, holder) for gpu, holder in held if holder.kind.preempts]
        named = speaker if one.preempts and speaker else held
        said = [f"{self.name(gpu)} held by {holder.label} ({holder.voice})" for gpu, holder in named[:NAMED_HOLDERS]]
        more = len(named) - len(said)
        return ", ".join([*said, *([f"{more} more held"] if more else [])])
