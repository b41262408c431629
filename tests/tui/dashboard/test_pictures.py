"""Every screen as a person sees it: in each scene, on a small terminal, a middling one and a large one.

See pictures.py for how to draw them anew.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scenes import SCENES, set_scene
from tests.tui.stage.server import Stage
from tui.dashboard.places import PLACES

pytestmark = pytest.mark.integration
SIZES = ((80, 24), (100, 30), (200, 50))


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
