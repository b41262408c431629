"""The queue in the order in which it will be worked off, and when each waiting job may begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proto import myna_pb2 as pb
from proto.messages import ENDED, state_of

#: state → what its group is called, in the order in which groups are shown
GROUPS = {
    "running": "running",
    "paused": "paused",
    "queued": "waiting",
    "failed": "failed",
    "cancelled": "cancelled",
    "succeeded": "done",
}
ENDED_SHOWN = 30  #: jobs that have ended and are listed


@dataclass(frozen=True)
class Start:
    """When a waiting job may begin."""

    seconds: float
    known: bool  #: False: something ahead of it cannot be estimated, so it is later than that


def ordered(jobs: Iterable[pb.Job]) -> list[pb.Job]:
    """Running, paused, waiting in the order of the queue, then the last that ended, newest first; unknown states of a
    newer daemon last."""
    groups: dict[str, list[pb.Job]] = {state: [] for state in (*GROUPS, "")}
    for job in jobs:
        groups.get(state_of(job), groups[""]).append(job)
    groups["queued"].sort(key=lambda job: (not job.gpu_lane, -job.priority, job.place, job.id))
    ended = [job for state in ("failed", "cancelled", "succeeded") for job in groups[state]]
    newest = {job.id for job in sorted(ended, key=lambda job: -job.id)[:ENDED_SHOWN]}
    for state in ("failed", "cancelled", "succeeded"):
        groups[state] = sorted((job for job in groups[state] if job.id in newest), key=lambda job: -job.id)
    return [job for state in (*GROUPS, "") for job in groups[state]]


def foremost(jobs: Sequence[pb.Job]) -> pb.Job:
    """Of jobs in this order (one at least), the one to look at first: what runs or comes next; else what ended last,
    and no old failure."""
    alive = next((job for job in jobs if state_of(job) not in ENDED), None)
    return alive or max(jobs, key=lambda job: job.id)


def summary(jobs: Iterable[pb.Job]) -> str:
    """ "1 running, 2 waiting, 1 failed": what is not dealt with yet; "nothing to do" when there is none."""
    numbers = Counter(map(state_of, jobs))
    counts = [
        f"{numbers[state]} {name}"
        for state, name in GROUPS.items()
        if numbers[state] and (state not in ENDED or state == "failed")
    ]
    return ", ".join(counts) or "nothing to do"


def starts(jobs: Iterable[pb.Job], estimates: Mapping[int, float]) -> dict[int, Start]:
    """For each job that waits for a GPU: when the ones ahead of it will be done. `estimates`: seconds of a waiting job,
    where known."""
    rows = [job for job in ordered(jobs) if job.gpu_lane]
    free = _free_from(rows)
    found = {}
    for job in rows:
        if state_of(job) == "queued":
            first = min(free, key=lambda lane: (not lane.known, lane.seconds))
            found[job.id] = first
            own = estimates.get(job.id)
            free[free.index(first)] = Start(first.seconds + (own or 0.0), first.known and own is not None)
    return found


def _free_from(rows: Iterable[pb.Job]) -> list[Start]:
    """When each GPU is done with what runs on it now. Where one lane is all there is, speech may run beside what gave
    way to it."""
    running = [job for job in rows if state_of(job) == "running"]
    lanes: dict[str, list[float]] = {}
    for job in running:
        lanes.setdefault(job.gpu.uuid, []).append(job.status.running.progress.eta_seconds)
    busy = [Start(sum(left), min(left) > 0) for left in lanes.values()]
    idle = max([job.gpu.of for job in rows], default=1) - len(busy)
    return [*busy, *[Start(0.0, True)] * max(idle, 0 if busy else 1)]
