"""Experiments on the screen Runs: the trials, the picture, what is recommended and how it is applied."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage.experiments import experiment, priced
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def watch(
    stage: Stage,
    home: Path,
    steps: Callable[[Viewer], Awaitable[None]],
    size: tuple[int, int] = (160, 45),
    *,
    readonly: bool = False,
) -> None:
    """Open the experiments and do the steps."""
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, size, toasts=True, readonly=readonly) as viewer:
            await viewer.press("6")
            await viewer.sees("run 12 · anna from @6")
            await viewer.press("x")
            await viewer.sees("Experiments")
            await steps(viewer)

    asyncio.run(look())


def test_trials_and_front_of_the_newest_are_seen_at_once(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("Trial 1 is to be taken.", "beyond a limit", "It was too much.", "clips heard", "┬")
        (line,) = [line for line in text.splitlines() if "★" in line]
        assert "1 ★ scored +0.50 +0.10 to +0.90 4,800 1 min 35 s @7 lora_rank=8 learning_rate=3.1e-05" in " ".join(
            line.split()
        )
        await viewer.press("escape")
        await viewer.no_longer_sees("Trial 1 is to be taken.")

    watch(stage, home, steps)


def test_what_it_cost_is_seen_where_a_price_is_known(stage: Stage, home: Path) -> None:
    stage.experiments.rows = [priced()]

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("Trial 1 is to be taken. It took 4 min 45 s, 0.10 €, within a budget of 3.00 €.")
        (line,) = [line for line in text.splitlines() if "★" in line]
        assert "4,800 1 min 35 s, 0.03 € @7" in " ".join(line.split())

    watch(stage, home, steps)


def test_the_one_under_the_cursor_is_shown(stage: Stage, home: Path) -> None:
    other = experiment()
    other.id, other.number, other.sentence = 1, 1, "An older one."
    stage.experiments.rows.append(other)

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("Trial 1 is to be taken.")
        await viewer.press("j")
        await viewer.sees("An older one.")

    watch(stage, home, steps)


def test_what_is_recommended_is_applied(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.sees("Trial 1 is to be taken.")
        await viewer.press("a")
        await viewer.sees("anna's voice.toml has the settings of trial 1 now: lora_rank = 8.")

    watch(stage, home, steps)
    assert stage.experiments.changed == [("Apply", "anna", 2)]


def test_a_readonly_dashboard_applies_nothing(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.sees("Trial 1 is to be taken.")
        await viewer.press("a", "j")

    watch(stage, home, steps, readonly=True)
    assert stage.experiments.changed == []


def test_without_experiments_it_says_how_to_begin_one_also_on_a_small_terminal(stage: Stage, home: Path) -> None:
    stage.experiments.rows = []

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("No experiments yet. `myna experiment VOICE")

    watch(stage, home, steps, (80, 24))
