"""Screen Now while the daemon is away, and after its return."""

from __future__ import annotations

from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, watch
from tests.tui.dashboard.scenes import at, set_scene
from tests.tui.stage.rows import job
from tests.tui.stage.server import Stage
from tui.dashboard.settings import Settings

pytestmark = pytest.mark.integration


def test_a_lost_daemon_greys_the_last_picture_and_its_return_brings_it_back(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("train anna from anna@6")
        stage.close()
        await viewer.sees_within_a_second("Lost the daemon")
        assert "train anna from anna@6" in viewer.text()
        assert viewer.app.screen.has_class("-lost")
        stage.jobs.rows[16] = job(16, queued=pb.JobStatus.Queued(since=at(0), why_waiting="came while nobody looked"))
        stage.open()
        await viewer.sees("came while nobody looked", "? help")
        assert not viewer.app.screen.has_class("-lost")

    watch(home, steps)


@pytest.mark.parametrize("theme", ["myna-dark", "myna-light", "myna-16"])
def test_the_last_picture_of_a_lost_daemon_is_grey_in_every_pane(stage: Stage, home: Path, theme: str) -> None:
    set_scene(stage, "busy")
    words = ("train anna from anna@6", "make anna's dataset", "Machine", "interview 1.wav", "micro-batch", "Curve")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees(*words, "best 0.9036 at 1,200")
        before = {word: viewer.contrast(word) for word in (*words, "held out 0.9036")}
        stage.close()
        await viewer.sees("Lost the daemon")
        await viewer.pilot.pause()
        faint = {word: viewer.contrast(word) / was for word, was in before.items()}
        bright = [word for word, part in faint.items() if part > 0.7 and before[word] > 0.5]
        assert bright == (["Machine", "Curve"] if theme == "myna-16" else []), faint  # frames have no dim
        stage.open()
        await viewer.sees("? help")
        await viewer.until(lambda: viewer.contrast(words[0]) == before[words[0]], "the colours to come back")

    watch(home, steps, settings=Settings(theme=theme))


def test_one_key_starts_a_lost_daemon_of_this_machine(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_scene(stage, "busy")
    started: list[Path] = []

    def start(of: Path) -> int:
        started.append(of)
        stage.open()
        return 1

    monkeypatch.setattr("tui.daemon.start", start)  # a process

    async def steps(viewer: Viewer) -> None:
        await viewer.press("S")  # it is there: the key does nothing
        stage.close()
        await viewer.sees("Lost the daemon", "S starts it.")
        await viewer.press("S")
        await viewer.sees("? help")
        await viewer.no_longer_sees("Lost the daemon")
        assert started == [home]

    watch(home, steps, size=(80, 24))


def test_a_lost_daemon_is_not_started_by_who_may_only_look(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        stage.close()
        text = await viewer.sees("Lost the daemon")
        assert "S starts it" not in text

    watch(home, steps, readonly=True)


def test_the_curve_goes_on_after_the_daemon_was_away(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("best 0.9036 at 1,200")
        stage.close()
        await viewer.sees("Lost the daemon")
        stage.runs.tell(12, "held_out/loss", {1_400: 0.71})
        stage.open()
        await viewer.sees("best 0.71 at 1,400")
        stage.runs.tell(12, "held_out/loss", {1_600: 0.7})
        await viewer.sees("best 0.7 at 1,600")

    watch(home, steps)
