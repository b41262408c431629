"""In which order jobs are shown, and when waiting ones may begin."""

from __future__ import annotations

from typing import Any

import pytest

from proto import myna_pb2 as pb
from tui.dashboard.queue import Start, ordered, starts

pytestmark = pytest.mark.unit


def job(number: int, state: str, eta: float = 0.0, **fields: Any) -> pb.Job:
    """A job of the GPU lane in that state."""
    status = pb.JobStatus()
    getattr(status, state).SetInParent()
    if eta:
        status.running.progress.eta_seconds = eta
    return pb.Job(**{"id": number, "gpu_lane": True, "status": status, **fields})


def numbers(jobs: list[pb.Job]) -> list[int]:
    return [each.id for each in jobs]


def test_what_runs_comes_first_then_what_is_held_then_the_queue_then_what_ended_newest_first() -> None:
    jobs = [
        job(1, "succeeded"),
        job(2, "failed"),
        job(3, "queued"),
        job(4, "paused"),
        job(5, "running"),
        job(6, "succeeded"),
    ]
    assert numbers(ordered(jobs)) == [5, 4, 3, 2, 6, 1]


def test_the_queue_is_by_priority_then_by_place_however_jobs_were_moved() -> None:
    jobs = [
        job(1, "queued", priority=10, place=7.0),
        job(2, "queued", priority=10, place=2.5),
        job(3, "queued", priority=30, place=9.0),
    ]
    assert numbers(ordered(jobs)) == [3, 2, 1]


def test_only_the_last_that_ended_are_listed() -> None:
    assert numbers(ordered([job(number, "succeeded") for number in range(1, 101)])) == list(range(100, 70, -1))


def test_a_job_begins_when_all_ahead_of_it_are_done() -> None:
    jobs = [job(1, "running", eta=60.0), job(2, "queued", place=2.0), job(3, "queued", place=3.0)]
    assert starts(jobs, {2: 100.0}) == {2: Start(60.0, True), 3: Start(160.0, True)}


def test_what_cannot_be_estimated_makes_the_rest_later_than_that() -> None:
    jobs = [job(1, "running", eta=60.0), job(2, "queued", place=2.0), job(3, "queued", place=3.0)]
    assert starts(jobs, {}) == {2: Start(60.0, True), 3: Start(60.0, False)}


def test_the_cpu_lane_does_not_wait_for_the_gpu() -> None:
    assert starts([job(1, "running", eta=60.0), job(2, "queued", gpu_lane=False)], {}) == {}


def on(uuid: str) -> pb.GpuUse:
    return pb.GpuUse(uuid=uuid, of=2)


def test_on_two_gpus_a_job_begins_when_the_first_of_them_is_free() -> None:
    jobs = [
        job(1, "running", eta=60.0, gpu=on("a")),
        job(2, "running", eta=90.0, gpu=on("b")),
        job(3, "queued", place=3.0),
        job(4, "queued", place=4.0),
        job(5, "queued", place=5.0),
    ]
    assert starts(jobs, {3: 100.0, 4: 5.0}) == {3: Start(60.0, True), 4: Start(90.0, True), 5: Start(95.0, True)}
    assert starts(jobs[1:], {}) == {3: Start(0.0, True), 4: Start(90.0, True), 5: Start(0.0, False)}
