"""Reviewing on the screen Data: what may be wrong, one after another, each done with a key."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scene_voices import sha
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage
from tui.widgets.long_table import LongTable

pytestmark = pytest.mark.integration
WORST_FIRST = [34, 51, 19, 11]  #: numbers of the scene's clips


def reviewed(home: Path, scenario: Callable[[Viewer], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
    """Open the dashboard at what is to review and let the scenario happen."""

    async def run() -> None:
        async with looking(home, size, toasts=True) as viewer:
            await viewer.press("4")
            await viewer.sees("Clips anna, all clips", "The harbour wakes")
            await viewer.press("r")
            await viewer.sees("Clips anna, to review", "left to review")
            await scenario(viewer)

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.fixture
def busy(stage: Stage) -> Stage:
    set_scene(stage, "busy")
    return stage


def clip(stage: Stage, number: int) -> pb.Clip:
    (found,) = (row for row in stage.datasets.clips if row.sha256 == sha(f"clip {number}"))
    return found


def shown(viewer: Viewer) -> list[str]:
    """The digests in the list."""
    return [row.sha256 for row in viewer.app.screen.query_one(LongTable).rows]


def chosen(viewer: Viewer) -> str:
    found: pb.Clip | None = viewer.app.screen.query_one(LongTable).chosen
    return found.sha256 if found is not None else ""


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("empty", [False, True], ids=["some", "none"])
def test_what_is_to_review_looks_as_drawn(busy: Stage, home: Path, empty: bool, size: tuple[int, int]) -> None:
    if empty:
        busy.datasets.doubts = {}
    differences: list[str] = []

    async def run() -> None:
        async with looking(home, size) as viewer:
            await viewer.press("4")
            await viewer.sees("Clips anna, all clips", "The harbour wakes")
            await viewer.press("r")
            name = f"review{'-empty' if empty else ''}-{size[0]}x{size[1]}"
            differences.append(await looks_like(viewer, name, home))

    asyncio.run(asyncio.wait_for(run(), 60))
    if any(differences):
        pytest.fail("".join(differences), pytrace=False)


def test_the_worst_is_first_with_why(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.sees("4 left to review", "text hardly fits +1", "Its text hardly fits the sound: -2.6")
        assert shown(viewer) == [sha(f"clip {number}") for number in WORST_FIRST]

    reviewed(home, scenario)


def test_one_key_each_accepts_drops_and_keeps_and_the_next_one_follows(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("a")
        await viewer.sees("3 left to review")
        after = clip(busy, 34)
        assert (after.trust, after.kept, after.text_source) == ("person", True, "given")
        assert chosen(viewer) == sha("clip 51")
        await viewer.press("d")
        await viewer.sees("2 left to review")
        assert not clip(busy, 51).kept
        assert chosen(viewer) == sha("clip 19")
        await viewer.press("d")
        await viewer.sees("1 left to review")
        assert clip(busy, 19).kept, "it was dropped"
        await viewer.press("a")
        await viewer.sees("Nothing is left to review")

    reviewed(home, scenario)


def test_a_text_put_right_leaves_the_list(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("e")
        await viewer.sees("What is said in this clip")
        await viewer.press("end", *"Twice", "enter")
        await viewer.sees("3 left to review")
        assert clip(busy, 34).text.endswith("Twice")
        assert chosen(viewer) == sha("clip 51")

    reviewed(home, scenario)


def test_undoing_brings_a_clip_back_to_its_place_and_the_cursor_to_it(busy: Stage, home: Path) -> None:
    before = pb.Clip()
    before.CopyFrom(clip(busy, 51))

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("j", "a")
        await viewer.sees("3 left to review")
        await viewer.press("G", "u")
        await viewer.sees("Undone: accepting a clip.", "4 left to review")
        assert shown(viewer) == [sha(f"clip {number}") for number in WORST_FIRST]
        await viewer.until(lambda: chosen(viewer) == sha("clip 51"), "the cursor on it")
        assert clip(busy, 51) == before

    reviewed(home, scenario)


def test_a_clip_to_review_is_heard(busy: Stage, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    file = io.BytesIO()
    soundfile.write(file, np.full(8_000, 0.25, np.float32), 22_050, format="FLAC")
    busy.datasets.sounds[sha("clip 34")] = file.getvalue()

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("enter")
        await viewer.until(lambda: len(card.streams) == 1, "it plays")
        await viewer.press("space")
        await viewer.until(lambda: card.streams[0].closed, "either key stops it")

    reviewed(home, scenario)


def test_the_same_key_goes_back_to_all_clips_and_accepting_is_only_for_reviewing(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("r")
        await viewer.sees("Clips anna, all clips", "50 train")
        await viewer.press("a")
        assert clip(busy, 0).trust != "person"

    reviewed(home, scenario)


def test_when_those_that_came_are_done_more_come(busy: Stage, home: Path) -> None:
    busy.datasets.most_reviewed = 2

    async def scenario(viewer: Viewer) -> None:
        await viewer.sees("4 left to review")
        assert len(shown(viewer)) == 2
        await viewer.press("a")
        await viewer.sees("3 left to review")
        await viewer.press("a")
        await viewer.sees("2 left to review", "dropped narrowly", "odd pace")

    reviewed(home, scenario)


def test_a_new_dataset_does_not_end_the_review(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        busy.datasets.doubts[sha("clip 2")] = [pb.Doubt(title="almost cut off", weight=0.99)]
        busy.voices.rows[0].newest_dataset = 5
        busy.jobs.tell(voice=busy.voices.rows[0])
        await viewer.sees("5 left to review", "almost cut off", "Clips anna, to review")

    reviewed(home, scenario)
