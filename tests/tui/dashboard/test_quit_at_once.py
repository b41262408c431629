"""Ctrl+C closes the dashboard at once, also while a dialog is open; not in the middle of writing in one, and where text
is marked it copies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("opens", ["", "question_mark"], ids=["a screen", "help"])
def test_ctrl_c_closes_the_dashboard_at_once(stage: Stage, home: Path, opens: str) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, (100, 30)) as viewer:
            if opens:
                await viewer.press(opens)
            assert isinstance(viewer.app.screen, ModalScreen) is bool(opens)
            assert not viewer.app._exit
            await viewer.pilot.press("ctrl+c")
            assert viewer.app._exit

    asyncio.run(look())


def test_ctrl_c_does_not_end_writing_in_a_dialog(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    class Writing(ModalScreen[None]):
        def compose(self) -> ComposeResult:
            yield Input()

    async def look() -> None:
        async with looking(home, (100, 30)) as viewer:
            await viewer.app.push_screen(Writing())
            await viewer.pilot.pause()
            viewer.app.screen.query_one(Input).focus()
            await viewer.pilot.press("a", "ctrl+c")
            assert not viewer.app._exit
            assert viewer.app.screen.query_one(Input).value == "a"

    asyncio.run(look())


def test_ctrl_c_copies_what_is_marked_in_a_box(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, (100, 30)) as viewer:
            await viewer.press("5")
            box = viewer.app.screen.query_one(TextArea)
            box.focus()
            await viewer.press("h", "o", "f7")
            assert box.selected_text == "ho"
            await viewer.pilot.press("ctrl+c")
            assert not viewer.app._exit
            assert viewer.app.clipboard == "ho"

    asyncio.run(look())
