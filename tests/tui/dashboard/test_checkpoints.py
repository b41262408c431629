"""Checkpoint by checkpoint on the screen Runs: the table, and lines to hear at each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.runs import heard
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def watch(
    stage: Stage,
    home: Path,
    steps: Callable[[Viewer], Awaitable[None]],
    size: tuple[int, int] = (160, 45),
    *,
    down: int = 2,
) -> None:
    """Open the checkpoints of the run that many rows down and do the steps."""
    set_scene(stage, "busy")
    stage.runs.checkpoints[8] = heard()

    async def look() -> None:
        async with looking(home, size, toasts=True) as viewer:
            await viewer.press("6")
            await viewer.sees("run 12 · anna from @6")
            await viewer.press(*["j"] * down, "c")
            await viewer.sees("Checkpoints of run #")
            await steps(viewer)

    asyncio.run(look())


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_table_looks_as_drawn(stage: Stage, home: Path, size: tuple[int, int]) -> None:
    differences: list[str] = []

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("2,600")
        differences.append(await looks_like(viewer, f"checkpoints-{size[0]}x{size[1]}", home))

    watch(stage, home, steps, size)
    if text := "".join(differences):
        pytest.fail(text, pytrace=False)


def test_each_checkpoint_has_its_loss_gain_and_scores(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("2,000", "Step 2000 sounds better", "shortest way to the harbour")
        (line,) = [line for line in text.splitlines() if "★ " in line and "2,000" in line]
        assert "2,000 ★ 0.8700 +33.6 % 0.843 0.080 3.15 0.60 +0.70 +0.30 to +1.10" in " ".join(line.split())

    watch(stage, home, steps)


def test_a_line_is_heard_as_the_checkpoint_under_the_cursor_said_it(stage: Stage, home: Path, card: Card) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.sees("2,000")
        await viewer.press("j", "j", "2")
        await viewer.sees("▶ step 2,000", "stops it")
        await viewer.press("escape")
        await viewer.until(lambda: card.streams[0].closed, "Esc stops it")
        await viewer.press("escape")
        await viewer.no_longer_sees("Checkpoints of run #")

    stage.speech.unspoken = set()
    watch(stage, home, steps)
    (asked,) = stage.speech.sampled
    assert (asked.run, asked.step, asked.clip) == (8, 2_000, "b" * 64)


def test_a_run_without_the_table_says_why(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.sees("Run #12 goes on: its checkpoints are heard at its end.")
        await viewer.press("1", "escape")
        await viewer.no_longer_sees("Checkpoints of run #")

    watch(stage, home, steps, (80, 24), down=0)
    assert stage.speech.sampled == []
