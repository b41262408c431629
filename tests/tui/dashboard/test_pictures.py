"""Every screen as a person sees it: in each scene, on a small terminal, a middling one and a large one.

See pictures.py for how to draw them anew.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.pictures import FOLDER, POLL_INTERVAL, STILL, looks_like
from tests.tui.dashboard.scenes import SCENES, set_scene
from tests.tui.stage.server import Stage
from tui.dashboard.places import PLACES

pytestmark = pytest.mark.integration
SIZES = ((80, 24), *(pytest.param(larger, marks=pytest.mark.long) for larger in ((100, 30), (200, 50))))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", SCENES)
def test_every_screen_looks_as_drawn(stage: Stage, home: Path, scene: str, size: tuple[int, int]) -> None:
    set_scene(stage, scene)

    async def look() -> list[str]:
        differences = []
        async with looking(home, size) as viewer:
            if scene == "disconnected":
                for place in PLACES:  # so that each has its last picture
                    await viewer.press(place_key(place.name))
                    await looks_like(viewer, f"busy-{place.name}-{size[0]}x{size[1]}", home)
                stage.close()
                await viewer.sees("Lost the daemon")
            for place in PLACES:
                await viewer.press(place_key(place.name))
                differences.append(await looks_like(viewer, f"{scene}-{place.name}-{size[0]}x{size[1]}", home))
        return differences

    if differences := "".join(asyncio.run(look())):
        pytest.fail(differences, pytrace=False)


def place_key(name: str) -> str:
    """The number key of a screen."""
    return str([place.name for place in PLACES].index(name) + 1)


class Late:
    """A screen that stands still for longer than one that is drawn anew may, before it is as drawn."""

    def __init__(self, picture: str) -> None:
        self.pilot = self
        self._picture = picture
        self._looks = 0

    def text(self) -> str:
        self._looks += 1
        return self._picture if self._looks > 2 * STILL / POLL_INTERVAL else "Fetching …\n"

    async def pause(self, seconds: float) -> None: ...


def test_a_screen_that_a_busy_machine_draws_late_is_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_DRAW", raising=False)
    late: Any = Late((FOLDER / "busy-data-80x24.txt").read_text("utf-8"))
    assert asyncio.run(looks_like(late, "busy-data-80x24", home)) == ""
