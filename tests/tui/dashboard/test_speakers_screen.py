"""Who speaks in a voice's recordings, on the screen Data: told, heard, and another one chosen."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scene_voices import TEXTS, set_speakers, sha
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration
SIZES = [(80, 24), (200, 50)]


@pytest.fixture
def talk(stage: Stage) -> Stage:
    """anna's recordings have three people."""
    set_scene(stage, "busy")
    set_speakers(stage)
    return stage


def watch(
    home: Path, steps: Callable[[Viewer], Awaitable[None]], size: tuple[int, int] = (80, 24), *, readonly: bool = False
) -> None:
    """Open the dashboard at screen Data and do the steps."""

    async def look() -> None:
        async with looking(home, size, toasts=True, readonly=readonly) as viewer:
            await viewer.press("4")
            await viewer.sees("Clips anna, all clips", "The harbour wakes")
            await steps(viewer)

    asyncio.run(asyncio.wait_for(look(), 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_it_looks_as_drawn(talk: Stage, home: Path, size: tuple[int, int]) -> None:
    differences: list[str] = []

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("3 speakers, whose voice it is was guessed")
        differences.append(await looks_like(viewer, f"speakers-line-{size[0]}x{size[1]}", home))
        await viewer.press("w", "j")
        await viewer.sees("Who speaks in anna's recordings", "left out")
        differences.append(await looks_like(viewer, f"speakers-{size[0]}x{size[1]}", home))
        await viewer.press("o")
        await viewer.sees("Is anna the voice of speaker 2?")
        differences.append(await looks_like(viewer, f"speakers-asked-{size[0]}x{size[1]}", home))

    watch(home, steps, size)
    if any(differences):
        pytest.fail("".join(differences), pytrace=False)


def test_where_nobody_else_speaks_nothing_is_told_and_nothing_asked(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("50 train")
        assert "speakers" not in viewer.text()
        assert stage.datasets.asked_who_speaks == 0
        await viewer.press("w")
        await viewer.sees("anna has too few clips to tell whose voices are in them.")
        await viewer.press("o", "space", "escape")
        await viewer.no_longer_sees("Who speaks in")

    watch(home, steps)
    assert stage.datasets.own_speaker == ""


def test_another_one_is_chosen_after_what_follows_was_told_and_that_is_undone(talk: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("w", "j")
        await viewer.sees("Who speaks in anna's recordings", TEXTS[5])
        await viewer.press("o")
        text = await viewer.sees("Is anna the voice of speaker 2?")
        said = " ".join(text.replace("│", " ").split())
        assert "The next dataset has what they say (14 clips, 58 s)." in said
        assert "What others say (31 clips, 2 min 19 s) is left out" in said
        await viewer.press("n")
        await viewer.no_longer_sees("Is anna the voice of")
        assert talk.datasets.own_speaker == ""
        await viewer.press("o")
        await viewer.sees("Is anna the voice of")
        await viewer.press("y")
        await viewer.no_longer_sees("Who speaks in")
        assert talk.datasets.own_speaker == sha("clip 5")
        await viewer.sees("3 speakers, 2 left out")
        await viewer.press("w")
        await viewer.sees("as you said")
        await viewer.press("o")
        await viewer.sees("You said so: speaker 1 is anna's own.")
        await viewer.press("escape")
        await viewer.no_longer_sees("Who speaks in")
        await viewer.press("u")
        await viewer.sees("Undone: whose voice anna is.", "whose voice it is was guessed")
        assert talk.datasets.own_speaker == ""

    watch(home, steps, (120, 40))


def test_what_was_said_is_taken_back(talk: Stage, home: Path) -> None:
    talk.datasets.own_speaker = sha("clip 0")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("3 speakers, 2 left out")
        await viewer.press("w")
        await viewer.sees("as you said", "0 as the recordings tell")
        await viewer.press("0")
        await viewer.sees("Let the recordings tell whose voice anna is?", "told from the")
        await viewer.press("y")
        await viewer.sees("whose voice it is was guessed")
        assert talk.datasets.own_speaker == ""
        await viewer.press("u")
        await viewer.sees("Undone: whose voice anna is.", "3 speakers, 2 left out")
        assert talk.datasets.own_speaker == sha("clip 0")

    watch(home, steps)


def test_a_clip_of_each_is_heard(talk: Stage, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    file = io.BytesIO()
    soundfile.write(file, np.full(8_000, 0.25, np.float32), 22_050, format="FLAC")
    talk.datasets.sounds[sha("clip 5")] = file.getvalue()

    async def steps(viewer: Viewer) -> None:
        await viewer.press("w", "j")
        await viewer.sees(TEXTS[5])
        await viewer.press("space")
        await viewer.until(lambda: len(card.streams) == 1, "it plays")
        await viewer.sees("▶ speaker 2")
        await viewer.press("enter")
        await viewer.until(lambda: card.streams[0].closed, "either key stops it")
        await viewer.press("space")
        await viewer.until(lambda: len(card.streams) == 2, "and plays it again")
        await viewer.press("escape")
        await viewer.until(lambda: card.streams[1].closed, "Esc stops it")
        await viewer.sees("Who speaks in anna's recordings")
        await viewer.press("j", "space")
        await viewer.sees("No clip of speaker 3 has sound.")

    watch(home, steps)


def test_whom_a_person_chose_and_who_is_not_heard_any_more_is_told(talk: Stage, home: Path) -> None:
    talk.datasets.missing = True

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("3 speakers; whom you called anna's own is not heard")
        await viewer.press("w")
        await viewer.sees("Whom you called the voice's own is not heard", "0 as the recordings tell")

    watch(home, steps)


def test_in_a_read_only_dashboard_they_are_heard_only(talk: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("w")
        await viewer.sees("Who speaks in anna's recordings", "space hear")
        assert "o the voice's own" not in viewer.text()
        await viewer.press("j", "o")
        assert "Is anna the voice" not in viewer.text()

    watch(home, steps, readonly=True)


def test_a_newer_way_of_telling_is_no_trouble(talk: Stage, home: Path) -> None:
    talk.datasets.by = 99

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("3 speakers, 2 left out")
        await viewer.press("w")
        await viewer.sees("How the voice's own is told: by a newer Myna.")

    watch(home, steps)


def test_who_has_one_speaker_is_told_so(talk: Stage, home: Path) -> None:
    del talk.datasets.speakers[1:]

    async def steps(viewer: Viewer) -> None:
        await viewer.press("w")
        await viewer.sees("Nobody else can be told apart in anna's recordings.")
        await viewer.press("o")
        assert "Is anna the voice" not in viewer.text()

    watch(home, steps)
