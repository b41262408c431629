"""Screen Voices, as a person uses it: on the paper daemon, with a sound card made of paper."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Eye, looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration
Scenario = Callable[[Eye], Awaitable[None]]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def told(home: Path, scenario: Scenario, size: tuple[int, int] = (120, 40), *, readonly: bool = False) -> None:
    """Open the dashboard at screen Voices and let the scenario happen."""

    async def run() -> None:
        async with looking(home, size, readonly=readonly, toasts=True) as eye:
            await eye.press("2")
            await eye.sees("anna@6 beside @5")
            await scenario(eye)

    asyncio.run(run())


@pytest.fixture
def busy(stage: Stage) -> Stage:
    set_scene(stage, "busy")
    return stage


def test_the_tree_tells_who_came_from_whom_and_what_each_gained(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        text = await eye.sees("jörg")
        lines = [line for line in text.splitlines() if " @3 " in line]
        assert "│ └ @3" in lines[0], "it branched off"
        assert "✗ rejected" in lines[0]
        assert "0.650 -0.030 worse" in lines[0]
        assert "0.740 +0.060 better" in next(line for line in text.splitlines() if "├ @4 " in line), (
            "against anna@2, which it came from"
        )

    told(home, scenario)


def test_one_key_undoes_a_promotion_and_does_it_again(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("j", "p")
        await eye.sees("Make anna@7 the active version?")
        await eye.press("y")
        await eye.sees("anna@7 is the active version of anna now. u undoes it.")
        await eye.press("u")
        await eye.until(lambda: busy.voices.changed[1:] == [("Promote", "anna", 6)], "undone")
        await eye.sees("anna@6 is the active version of anna now.")
        await eye.press("u")
        await eye.until(lambda: busy.voices.changed[2:] == [("Promote", "anna", 7)], "done again")
        busy.voices.rows[0].promoted = 3  # somebody else
        await eye.press("u")
        await eye.sees("There is nothing to undo")

    told(home, scenario)


def test_one_key_undoes_a_rollback(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("b")
        await eye.sees("Make the version before anna@6 active again?")
        await eye.press("y")
        await eye.sees("is the active version of anna now. u undoes it.")
        await eye.press("u")
        await eye.until(lambda: busy.voices.changed[1:] == [("Promote", "anna", 6)], "undone")

    told(home, scenario)


def test_promoting_asks_first_and_then_shows_who_speaks(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("j", "p")
        await eye.sees("Make anna@7 the active version?", "anna@6 is archived")
        await eye.press("n")
        await eye.no_longer_sees("the active version?")
        assert busy.voices.changed == []
        await eye.press("p")
        await eye.sees("the active version?")
        await eye.press("y")
        await eye.until(lambda: busy.voices.changed == [("Promote", "anna", 7)], "promoted")
        await eye.sees("anna@7 is the active version of anna now.")
        voice = busy.voices.rows[0]
        busy.jobs.tell(voice=voice)
        await eye.until(
            lambda: any("@7" in line and "● promoted" in line for line in eye.text().splitlines()), "@7 speaks"
        )

    told(home, scenario)


def test_deleting_a_voice_asks_first_says_how_it_comes_back_and_takes_it_out_of_the_tree(
    busy: Stage, home: Path
) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("D")
        await eye.sees("Delete the voice anna?", "myna voices restore anna")
        await eye.press("n")
        await eye.no_longer_sees("Delete the voice")
        assert busy.voices.changed == []
        await eye.press("D")
        await eye.sees("Delete the voice anna?")
        await eye.press("y")
        await eye.sees("anna is deleted.")
        assert busy.voices.changed == [("DeleteVoice", "anna", 0)]
        busy.jobs.tell(voice=busy.voices.rows[0])
        await eye.until(lambda: not any("anna  en" in line for line in eye.text().splitlines()), "anna is gone")

    told(home, scenario)


def test_renaming_a_voice_asks_for_the_name_and_shows_it_under_that(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("R")
        await eye.sees("New name of anna")
        await eye.press(*["backspace"] * 4, "b", "e", "r", "t", "a", "enter")
        await eye.sees("anna is now called berta")
        assert busy.voices.changed == [("RenameVoice berta", "anna", 0)]
        busy.jobs.tell(voice=pb.Voice(name="anna", renamed_to="berta"))
        busy.jobs.tell(voice=busy.voices.rows[0])
        await eye.until(lambda: any("berta  en" in line for line in eye.text().splitlines()), "berta is there")
        assert not any("anna  en" in line for line in eye.text().splitlines())

    told(home, scenario)


def test_rolling_back_and_archiving_ask_first(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("b")
        await eye.sees("Make the version before anna@6 active again?")
        await eye.press("y")
        await eye.until(lambda: ("Rollback", "anna", 0) in busy.voices.changed, "rolled back")
        await eye.press("a")
        await eye.sees("anna@6 is the active version: it cannot be archived.")
        await eye.press("j", "a")
        await eye.sees("Archive anna@7?", "Its files are kept")
        await eye.press("y")
        await eye.until(lambda: ("Delete", "anna", 7) in busy.voices.changed, "archived")

    told(home, scenario)


def test_a_marked_version_stands_beside_every_other(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("k", "c", "k", "k", "k")
        await eye.sees("anna@2 beside @5")
        await eye.press("j", "j", "j", "c")
        await eye.sees("anna@5 beside @4")

    told(home, scenario)


def test_what_was_not_scored_can_be_scored_from_here(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("j")
        await eye.sees("were not scored on the same held-out lines yet", "Press e")
        await eye.press("e")
        await eye.sees("Queued as job #900")
        (request,) = busy.jobs.submitted
        assert request.spec.evaluate == pb.EvaluateSpec(voice="anna", version=7, against=6)

    told(home, scenario)


def test_the_same_line_is_heard_from_a_version_from_the_other_and_from_the_person(
    busy: Stage, home: Path, card: Card
) -> None:
    busy.speech.unspoken = set()

    async def scenario(eye: Eye) -> None:
        await eye.press("k", "k", "c", "j", "j", "l")
        await eye.sees("anna@6 beside @4", "Nobody counts the gulls")
        await eye.press("tab", "j", "space")
        await eye.until(lambda: len(card.streams) == 1, "it plays")
        assert card.streams[0].rate == RATE
        await eye.press("space")
        await eye.until(lambda: card.streams[0].closed, "the same key stops it")
        await eye.press("t")
        await eye.until(lambda: len(card.streams) == 2, "the other plays")
        await eye.press("x")
        await eye.until(lambda: len(card.streams) == 3, "the person")
        assert card.streams[1].closed, "one at a time"
        asked = [(request.version, request.recording) for request in busy.speech.sampled]
        assert asked == [(6, False), (4, False), (4, True)]
        assert len({request.clip for request in busy.speech.sampled}) == 1
        await eye.press("1")
        await eye.until(lambda: card.streams[2].closed, "whoever leaves the screen leaves its sound")

    told(home, scenario)


def test_without_a_sound_card_it_says_so_and_everything_else_works(
    busy: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", Card(outputs=0))

    async def scenario(eye: Eye) -> None:
        await eye.press("space")
        await eye.sees("Nothing can be played here", "--ssh")
        await eye.press("j")
        await eye.sees("anna@7 beside @6")

    told(home, scenario)


def test_the_report_is_read_here(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("r")
        await eye.sees("Scores on held-out lines", "0.28")
        await eye.press("j")
        await eye.sees("anna v7")

    told(home, scenario)


def test_read_only_offers_no_changes(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        assert "promote" not in eye.text().splitlines()[1]
        await eye.press("j", "p")
        await eye.press("question_mark")
        assert "Let this version speak" not in await eye.sees("beside all others")
        assert busy.voices.changed == []

    told(home, scenario, readonly=True)


def test_many_voices_are_folded_and_enter_unfolds_one(stage: Stage, home: Path) -> None:
    stage.voices.rows = [pb.Voice(name=f"voice{n:02}", versions=1, promoted=1) for n in range(30)]
    stage.voices.versions = {
        row.name: [pb.Version(voice=row.name, number=1, state="promoted")] for row in stage.voices.rows
    }

    async def run() -> None:
        async with looking(home, (100, 30)) as eye:
            await eye.press("2")
            await eye.sees("▾ voice00")
            await eye.press("G")
            await eye.sees("▸ voice28", "▸ voice29")
            await eye.press("enter")
            await eye.sees("▾ voice29")
            await eye.press("j", "j")
            await eye.sees("voice29@1")

    asyncio.run(run())


def test_the_filter_leaves_voices_that_hold_the_words(busy: Stage, home: Path) -> None:
    async def scenario(eye: Eye) -> None:
        await eye.press("slash", *"xtts")
        await eye.no_longer_sees("▾ anna")
        await eye.sees("jörg")

    told(home, scenario)
