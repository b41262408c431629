"""What a person does not see of an answer that is theirs: who else keeps their jobs waiting. (Which answers are theirs:
`daemon.state.seen`.)"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from daemon.caller import Caller
from daemon.state.seen import OTHERS
from proto import myna_pb2 as pb

#: why a job waits that waits for jobs which may be others'
BEHIND = "waits until other jobs have ended"
#: why another's job waits whose person has used up what they may
MINUTES = "waits for GPU minutes of whoever asked for it"


def over(answer: Any, caller: Caller) -> Any:
    """The answer as the caller may see it. What is changed is a copy: others are told of the same."""
    if caller.everything or type(answer) not in _VEILS:
        return answer
    copy = type(answer)()
    copy.CopyFrom(answer)
    _VEILS[type(answer)](copy, caller)
    return copy


def sample(told: pb.SystemSample, job_of: Callable[[int], int], known: Container[int]) -> pb.SystemSample:
    """How busy the machine is, without the names of jobs that are not `known`. `job_of`: pid → job, 0: none."""
    copy = pb.SystemSample()
    copy.CopyFrom(told)
    for gpu in copy.gpus:
        for process in gpu.processes:
            if (job := job_of(process.pid)) and job not in known:
                process.owner = OTHERS
    for lane in copy.far_lanes:
        if lane.job and lane.job not in known:
            lane.holder, lane.job = OTHERS, 0
    return copy


def _job(job: pb.Job, caller: Caller) -> None:
    status = job.status
    if status.HasField("queued") and status.queued.behind:
        status.queued.why_waiting = BEHIND
    elif status.queued.waits_for == pb.WAITS_FOR_GPU_MINUTES and job.person != caller.name:
        status.queued.why_waiting = MINUTES
    elif status.HasField("paused") and not status.paused.by_person:
        status.paused.why = OTHERS


def _event(event: pb.Event, caller: Caller) -> None:
    if event.HasField("job"):
        _job(event.job, caller)


def _jobs(answer: pb.ListJobsResponse, caller: Caller) -> None:
    for job in answer.jobs:
        _job(job, caller)


_VEILS: dict[type, Callable[[Any, Caller], None]] = {pb.Job: _job, pb.Event: _event, pb.ListJobsResponse: _jobs}
