"""Room on a small terminal: a pane as large as the screen, numbers before words, notices that cover nothing, Esc."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engines.metrics.table import METRICS, Metric
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage
from tui.widgets.pane import Pane

pytestmark = pytest.mark.integration
LONG = (
    "Better: it sounds more like the person (+0.030), and fewer words are wrong; although the pitch is a little lower "
    "than that of the recordings, and it speaks four percent faster than the person does in the held-out lines."
)


def watch(home: Path, steps: Callable[[Viewer], Awaitable[None]]) -> None:
    """Open the dashboard on a small terminal and do the steps."""

    async def look() -> None:
        async with looking(home, (80, 24), toasts=True) as viewer:
            await steps(viewer)

    asyncio.run(asyncio.wait_for(look(), 60))


@pytest.mark.parametrize(
    ("keys", "pane"),
    [
        (("2",), "VersionsPane"),
        (("2", "tab"), "VersionPane"),
        (("3",), "LinesPane"),
        (("3", "tab", "tab"), "SoundPane"),
        (("4",), "ClipsPane"),
        (("4", "tab"), "ClipPane"),
        (("5", "escape"), "SoundPane"),
        (("6",), "RunsPane"),
        (("6", "tab"), "CurvePane"),
    ],
)
def test_z_makes_a_pane_as_large_as_the_screen(stage: Stage, home: Path, keys: tuple[str, ...], pane: str) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press(*keys)
        await viewer.until(lambda: viewer.app.screen.focused is not None, "a focus")
        await viewer.press("z")
        large = viewer.app.screen.maximized
        assert type(large).__name__ == pane
        assert large is not None
        assert large.region.size == (80, 22)
        await viewer.press("escape")
        assert viewer.app.screen.maximized is None

    watch(home, steps)


def test_all_metrics_of_a_version_are_seen_however_long_its_verdict(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    promoted = next(version for version in stage.voices.versions["anna"] if version.number == 6)
    promoted.verdict = LONG
    for version in stage.voices.versions["anna"]:
        for metric in METRICS.values():
            version.metrics[metric.name] = 0.5

    async def steps(viewer: Viewer) -> None:
        await viewer.press("2")
        below = (await viewer.sees("Version anna@6", "Better: it sounds")).split("Version anna@6")[1]
        missing = [metric.name for metric in METRICS.values() if metric.title not in below]
        assert missing == [Metric.CER, Metric.PAUSE_SHARE], "they follow WER and pace, and are seen where there is room"

    watch(home, steps)


def test_a_line_that_is_cut_beside_a_scrollbar_says_so(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press("2")
        await viewer.sees("train anna from anna@6 on dat…")

    watch(home, steps)


def test_the_tally_leaves_its_room_to_the_sound_while_there_are_no_votes(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press("3")
        await viewer.sees("No ratings yet")
        heights = {type(pane).__name__: pane.size.height for pane in viewer.app.screen.query(Pane)}
        assert heights["TallyPane"] == 1
        assert heights["SoundPane"] >= 7

    watch(home, steps)


def test_what_is_said_for_a_moment_covers_no_pane(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.refuse = "Job 12 gave way for a moment.", "It goes on by itself."

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("train anna")
        await viewer.press("p")
        text = await viewer.sees("Job 12 gave way for a moment.", "It goes on by itself.")
        lines = text.splitlines()
        assert "? help" in lines[-1]
        said = next(place for place, line in enumerate(lines) if "Job 12 gave way" in line)
        assert lines[said - 1].startswith("╰"), "the last pane ends above it"

    watch(home, steps)


def test_escape_with_nothing_open_stays_where_it_is(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press("2", "6", "escape", "escape")
        assert viewer.app.current_mode == "runs"

    watch(home, steps)


def test_escape_in_a_box_for_a_version_leaves_what_is_compared(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_scene(stage, "busy")
    monkeypatch.setitem(sys.modules, "sounddevice", Card(by_itself=True))

    async def steps(viewer: Viewer) -> None:
        await viewer.press("3")
        await viewer.sees("anna@6", "anna@7")
        await viewer.press("c", *"xyz")
        await viewer.sees("xyz")
        await viewer.press("escape")
        await viewer.sees("anna@6", "anna@7")
        assert "xyz" not in viewer.text()

    watch(home, steps)


def test_where_there_is_no_downloads_folder_a_screenshot_goes_where_myna_was_started(
    stage: Stage, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    async def steps(viewer: Viewer) -> None:
        await viewer.press("ctrl+p", *"screenshot")
        await viewer.sees("Save the screen as an SVG picture")
        await viewer.press("down", "enter")
        await viewer.sees("The screenshot is in")
        (picture,) = tmp_path.glob("myna-*.svg")
        assert picture.read_text("utf-8").startswith("<svg")

    watch(home, steps)


def test_a_screenshot_that_cannot_be_written_says_why(
    stage: Stage, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "cwd", lambda: gone)
    gone.rmdir()

    async def steps(viewer: Viewer) -> None:
        viewer.app.take_screenshot()
        await viewer.sees("The screenshot cannot be written", "No such file or directory", "Start myna in a folder")

    watch(home, steps)
