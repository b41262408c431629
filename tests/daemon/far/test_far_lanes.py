"""Lanes of other machines, as the scheduler and people are told of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from daemon.executor_settings import Executor
from daemon.far.cluster import Cluster, FarLane
from daemon.far.errand import ERRAND, RELAY, Errand
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.far_lanes import FarLanes
from daemon.scheduling.place import Place
from daemon.services import veil
from daemon.state.seen import OTHERS
from proto import gpu_words
from proto import myna_pb2 as pb

pytestmark = pytest.mark.unit
LANES = (FarLane("a1", "box1", 0), FarLane("a1", "box1", 1), FarLane("b2", "box2", 0))


def lanes_with(attempts: Mapping[int, Place], *lanes: FarLane, kind: str = "process") -> FarLanes:
    """With attempts (by job) in these places."""
    settings = Executor(kind=kind, store="file:///mnt/shared" if kind != "local" else "")
    cluster = Cluster(cast(Any, None), settings, lambda: None)
    cluster.lanes, cluster.answers = lanes, bool(lanes)
    held = {job: SimpleNamespace(job=job, place=place, label=f"train #{job}") for job, place in attempts.items()}
    return FarLanes(cluster, settings, ("python", "-m", "daemon.worker"), cast(Mapping[int, Attempt], held))


def test_a_job_gets_a_lane_that_nobody_holds_and_its_relay_is_told_which() -> None:
    first, second, third = lanes_with({}, *LANES).free()
    left = lanes_with({4: first, 5: third}, *LANES).free()
    assert left == [second]
    errand = Errand.read(second.environment)
    assert (errand.node, errand.gpu, errand.program) == ("a1", 1, ("-m", "daemon.worker"))
    assert (errand.kind, errand.store) == ("process", "file:///mnt/shared")
    assert second.program == RELAY
    assert second.use is not None
    assert gpu_words.where(second.use) == "GPU 1 of box1"


def test_a_place_on_this_machine_has_no_relay() -> None:
    assert Place("GPU-1", "GPU-1").program is None
    assert ERRAND not in Place("GPU-1", "GPU-1").environment


def test_only_what_is_portable_goes_there_and_only_where_that_is_set() -> None:
    train, speak = cast(Any, SimpleNamespace(portable=True)), cast(Any, SimpleNamespace(portable=False))
    assert [lanes_with({}, *LANES).takes(kind) for kind in (train, speak)] == [True, False]
    assert not lanes_with({}, *LANES, kind="local").takes(train)


def test_people_are_told_who_has_which_and_not_of_others_jobs() -> None:
    first, *_ = lanes_with({}, *LANES).free()
    told = lanes_with({4: first}, *LANES).told()
    assert [(lane.node, lane.gpu, lane.holder) for lane in told] == [
        ("box1", 0, "train #4"),
        ("box1", 1, ""),
        ("box2", 0, ""),
    ]
    seen = veil.sample(pb.SystemSample(far_lanes=told), lambda pid: 0, known=())
    assert [(lane.holder, lane.job) for lane in seen.far_lanes] == [(OTHERS, 0), ("", 0), ("", 0)]
    known = veil.sample(pb.SystemSample(far_lanes=told), lambda pid: 0, known=(4,))
    assert known.far_lanes[0].holder == "train #4"


def test_a_job_that_waits_says_for_what() -> None:
    assert lanes_with({}).why() == "the Ray cluster auto does not answer"
    (only,) = lanes_with({}, FarLane("", "box1", None)).free()
    assert lanes_with({4: only}, FarLane("", "box1", None)).why() == "every lane of the cluster is held (train #4)"
    assert only.use is not None
    assert gpu_words.where(only.use) == "box1"


def test_a_line_that_does_not_end_is_the_clusters_trouble_and_not_mynads() -> None:
    async def life() -> None:
        output = asyncio.StreamReader(limit=64)
        output.feed_data(b"x" * 1_000)
        output.feed_eof()
        child = SimpleNamespace(output=output, kill=lambda number: None, close=lambda: None)
        settings = Executor(kind="process", store="file:///shared")
        words: deque[str] = deque()
        await Cluster(cast(Any, None), settings, lambda: None)._live(cast(Any, child), words)
        assert words[-1] == "It said a line that does not end."

    asyncio.run(life())
