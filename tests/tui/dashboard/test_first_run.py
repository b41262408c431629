"""An empty home walks a person to its first voice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 50)])
def test_an_empty_home_says_where_to_drop_what_and_what_happens_next(
    stage: Stage, home: Path, size: tuple[int, int]
) -> None:
    set_scene(stage, "empty")

    async def look() -> None:
        async with looking(home, size) as viewer:
            await viewer.sees("Your first voice", "/srv/myna/inbox/NAME/", "5 says what you type", "? what this is")
            await viewer.press("question_mark")
            await viewer.sees("Help", "A voice is a folder of the inbox.")

    asyncio.run(look())


def test_it_tells_of_files_as_they_come_and_makes_room_for_the_queue(stage: Stage, home: Path) -> None:
    set_scene(stage, "empty")

    async def look() -> None:
        async with looking(home) as viewer:
            await viewer.sees("Your first voice")
            stage.jobs.tell(inbox=pb.InboxEvent(name="a.wav", state="refused", why="It cannot be told whose it is."))
            await viewer.sees("A file was refused")
            stage.jobs.tell(voice=pb.Voice(name="anna"))
            await viewer.no_longer_sees("Your first voice")
            await viewer.sees("Queue")

    asyncio.run(look())
