"""Bad news is seen by whoever looks, for as long as it is true, and can be put aside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from daemon.state.status import State
from proto import myna_pb2 as pb
from tests.tui import told
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import at, set_scene
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def watch(home: Path, steps: Callable[[Viewer], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
    async def look() -> None:
        async with looking(home, size, toasts=True) as viewer:
            await steps(viewer)

    asyncio.run(look())


def arrives(stage: Stage, name: str, state: str = "arriving", why: str = "") -> None:
    stage.jobs.tell(inbox=pb.InboxEvent(voice="ben", name=name, state=state, why=why))


def cleo_succeeded() -> pb.Job:
    return told.job(
        20, "train", "cleo", "train cleo", State.SUCCEEDED, at(500), started=at(510), ended=at(520), why="cleo@4."
    )


def test_a_refused_file_stays_on_top_whatever_comes_after_it(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("refused", "anna/no")
        for number in range(12):
            arrives(stage, f"take {number}.wav")
        await viewer.sees("14 arriving")
        assert "anna/no" in viewer.text()

    watch(home, steps)


def test_a_dashboard_that_is_opened_later_knows_what_was_refused_before(stage: Stage, home: Path) -> None:
    set_scene(stage, "empty")
    stage.voices.rows = [pb.Voice(name="ben")]
    stage.system.info.refused.add(voice="ben", name="notes.docx", state="refused", why="It is no audio file.")
    stage.system.info.refused_count = 1

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("1 refused", "ben/no")

    watch(home, steps)


def test_a_refusal_goes_when_its_file_was_taken_out(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        arrives(stage, "takes/a.wav", "refused", "It is no audio file.")
        arrives(stage, "voice.toml", "refused", "It is no TOML.")
        await viewer.sees("3 refused")
        arrives(stage, "voice.toml", "mended")
        await viewer.sees("2 refused")
        arrives(stage, "a.wav", "mended")  # in .refused there are no folders
        await viewer.sees("1 refused")
        assert "takes/a.wav" not in viewer.text()

    watch(home, steps)


def test_failures_are_counted_in_the_title_and_are_not_where_the_cursor_begins(stage: Stage, home: Path) -> None:
    set_scene(stage, "failed")
    newest = cleo_succeeded()
    stage.jobs.rows[newest.id] = newest

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("Queue 2 failed", "train cleo")
        assert "nothing to do" not in text
        assert viewer.app.focused is not None
        await viewer.press("enter")
        await viewer.sees("Job #20")

    watch(home, steps, (120, 30))


def test_a_failure_can_be_cleared_away_and_so_can_all_that_ended(stage: Stage, home: Path) -> None:
    set_scene(stage, "failed")
    newest = cleo_succeeded()
    stage.jobs.rows[newest.id] = newest

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("2 failed")
        await viewer.press("g", "x")
        await viewer.sees("1 failed", "#12 is out of the list.")
        assert stage.jobs.changed == [("Clear", 12)]
        await viewer.press("X")
        await viewer.sees("Clear away all jobs that have ended?", "logs are kept")
        await viewer.press("y")
        await viewer.sees("nothing to do", "2 jobs left the lists")

    watch(home, steps, (120, 30))
