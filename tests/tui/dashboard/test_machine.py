"""The machine with one GPU, two and eight: on the smallest terminal each is told of, and ours is marked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scenes import GB, set_scene, two_gpus
from tests.tui.stage.server import Stage
from tui.widgets.machine_pane import lines_of

pytestmark = pytest.mark.integration


def machine(count: int, own: int = 1) -> pb.SystemSample:
    """A sample of a machine with so many GPUs, each busier than the one before."""
    gpus = [
        pb.Gpu(
            index=n, name="NVIDIA H100 80GB HBM3", memory_total=80 * GB, memory_used=9 * n * GB + GB,
            utilisation=0.1 * n + 0.05, temperature=50 + n, owned=n == own,
        )
        for n in range(count)
    ]  # fmt: skip
    gpus[own].processes.add(pid=4242, memory=8 * GB, owner="train #12", ours=True)
    return pb.SystemSample(gpus=gpus, cpu=0.3, memory_total=64 * GB, memory_used=23 * GB, disk_total=9, disk_free=5)


def drawn(sample: pb.SystemSample, width: int, height: int) -> list[str]:
    """What the pane shows in so many cells."""
    return [line.truncate(width, ellipsis=True).plain.rstrip() for line in lines_of([sample], width, height)[:height]]


def test_two_gpus_have_a_line_each_and_ours_is_marked() -> None:
    assert drawn(machine(2), 36, 3) == [
        "  0 H100 80G… 1 of 80 GB   5%  50 °C",
        "● 1 H100 80… 10 of 80 GB  15%  51 °C",
        "■ train #12 8.0 GB  ■ others 2.0 GB",
    ]


def test_of_eight_gpus_in_three_lines_ours_has_one_and_the_others_their_fullness_and_load() -> None:
    assert drawn(machine(8), 36, 3) == [
        "● 1 H100 80… 10 of 80 GB  15%  51 °C",
        "0 ▁   5% 2 ▃  25% 3 ▃  35% 4 ▄  45%",
        "5 ▅  55% 6 ▆  65% 7 ▇  75%",
    ]


def test_what_there_is_no_room_for_is_counted_and_a_key_shows_it() -> None:
    assert drawn(machine(8), 20, 3)[1:] == ["0 ▁   5% 2 ▃  25%", "3 ▃  35% +4: z"]


def test_lanes_of_other_machines_have_a_line_each_and_with_little_room_one_for_all() -> None:
    sample = machine(1, own=0)
    sample.far_lanes.add(node="box1", gpu=0, holder="train #12")
    sample.far_lanes.add(node="box1", gpu=1)
    sample.far_lanes.add(node="box2")
    assert [line for line in drawn(sample, 36, 12) if "box" in line] == [
        "● box1 GPU 0  train #12",
        "○ box1 GPU 1  free",
        "○ box2 CPU  free",
    ]
    assert [line for line in drawn(sample, 50, 6) if "lanes" in line] == ["cluster  1 of 3 lanes at work: train #12"]


@pytest.mark.parametrize("height", [8, 16, 22, 24, 27, 80])
def test_with_room_every_gpu_is_told_of_in_full(height: int) -> None:
    text = "\n".join(drawn(machine(8), 76, height))
    for n in range(8):
        assert f"{'●' if n == 1 else ' '} {n} " in text
        assert f"{5 + 10 * n}%" in text
        assert f"{50 + n} °C" in text
    assert text.count("H100 80GB HBM3") == 8


def test_where_both_are_ours_it_is_said_who_is_on_which() -> None:
    sample = machine(2)
    for gpu in sample.gpus:
        gpu.owned = True
    sample.gpus[0].processes.add(pid=1, memory=GB, owner="speech", ours=True)
    assert drawn(sample, 40, 3) == [
        "● 0 H100 80GB HB… 1 of 80 GB   5%  50 °C",
        "● 1 H100 80GB H… 10 of 80 GB  15%  51 °C",
        "0 speech 1.0 GB  1 train #12 8.0 GB",
    ]


@pytest.mark.parametrize(("height", "told"), [(3, "● 1 does not answer  NVIDIA H100"), (40, "● 1 does not answer")])
def test_a_gpu_that_is_lost_is_told(height: int, told: str) -> None:
    sample = machine(2, own=0)
    sample.gpus[1].owned = sample.gpus[1].lost = True
    assert any(line.startswith(told) for line in drawn(sample, 36, height))


def test_of_eight_the_lost_one_is_marked() -> None:
    sample = machine(8)
    sample.gpus[4].lost = True
    assert "4 ! lost" in "\n".join(drawn(sample, 36, 3))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_two_gpus_at_work_look_as_drawn(stage: Stage, home: Path, size: tuple[int, int]) -> None:
    two_gpus(stage)

    async def look() -> str:
        async with looking(home, size) as viewer:
            return await looks_like(viewer, f"two-gpus-now-{size[0]}x{size[1]}", home)

    if difference := asyncio.run(look()):
        pytest.fail(difference, pytrace=False)


def watch(home: Path, steps: Callable[[Viewer], Awaitable[None]]) -> None:
    """Open the dashboard on a small terminal and do the steps."""

    async def look() -> None:
        async with looking(home, (80, 24)) as viewer:
            await steps(viewer)

    asyncio.run(asyncio.wait_for(look(), 60))


@pytest.mark.parametrize("count", [2, 8])
def test_every_gpu_is_seen_on_a_small_terminal(stage: Stage, home: Path, count: int) -> None:
    set_scene(stage, "busy")
    sample = machine(count)
    sample.time.CopyFrom(stage.system.samples[-1].time)
    stage.system.samples.append(sample)
    stage.system.info.sample.CopyFrom(sample)

    async def steps(viewer: Viewer) -> None:
        last = "10 of 80 GB" if count == 2 else "7 ▇  75%"
        await viewer.sees("Machine held by train #12", "● 1 H100", last)
        await viewer.press("tab", "tab", "z")
        brand = "NVIDIA " if count == 2 else ""
        await viewer.sees(
            *(f"{n} {brand}H100 80GB HBM3" for n in range(count)), *(f"{50 + n} °C" for n in range(count))
        )

    watch(home, steps)
