"""Screen Voices, as a person uses it: on the paper daemon, with a sound card made of paper."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration
Scenario = Callable[[Viewer], Awaitable[None]]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def told(home: Path, scenario: Scenario, size: tuple[int, int] = (120, 40), *, readonly: bool = False) -> None:
    """Open the dashboard at screen Voices and let the scenario happen."""

    async def run() -> None:
        async with looking(home, size, readonly=readonly, toasts=True) as viewer:
            await viewer.press("2")
            await viewer.sees("anna@6 beside @5")
            await scenario(viewer)

    asyncio.run(run())


@pytest.fixture
def busy(stage: Stage) -> Stage:
    set_scene(stage, "busy")
    return stage


def test_the_tree_tells_who_came_from_whom_and_what_each_gained(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        text = await viewer.sees("jörg")
        lines = [line for line in text.splitlines() if " @3 " in line]
        assert "│ └ @3" in lines[0], "it branched off"
        assert "✗ rejected" in lines[0]
        assert "0.650 -0.030 worse" in lines[0]
        assert "0.740 +0.060 better" in next(line for line in text.splitlines() if "├ @4 " in line), (
            "against anna@2, which it came from"
        )

    told(home, scenario)


def test_one_key_undoes_a_promotion_and_does_it_again(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("j", "p")
        await viewer.sees("Make anna@7 the active version?")
        await viewer.press("y")
        await viewer.sees("anna@7 is the active version of anna now. u undoes it.")
        await viewer.press("u")
        await viewer.until(lambda: busy.voices.changed[1:] == [("Promote", "anna", 6)], "undone")
        await viewer.sees("anna@6 is the active version of anna now.")
        await viewer.press("u")
        await viewer.until(lambda: busy.voices.changed[2:] == [("Promote", "anna", 7)], "done again")
        busy.voices.rows[0].promoted = 3  # somebody else
        await viewer.press("u")
        await viewer.sees("There is nothing to undo")

    told(home, scenario)


def test_one_key_undoes_a_rollback(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("b")
        await viewer.sees("Make the version before anna@6 active again?")
        await viewer.press("y")
        await viewer.sees("is the active version of anna now. u undoes it.")
        await viewer.press("u")
        await viewer.until(lambda: busy.voices.changed[1:] == [("Promote", "anna", 6)], "undone")

    told(home, scenario)


def test_promoting_asks_first_and_then_shows_who_speaks(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("j", "p")
        await viewer.sees("Make anna@7 the active version?", "anna@6 is archived")
        await viewer.press("n")
        await viewer.no_longer_sees("the active version?")
        assert busy.voices.changed == []
        await viewer.press("p")
        await viewer.sees("the active version?")
        await viewer.press("y")
        await viewer.until(lambda: busy.voices.changed == [("Promote", "anna", 7)], "promoted")
        await viewer.sees("anna@7 is the active version of anna now.")
        voice = busy.voices.rows[0]
        busy.jobs.tell(voice=voice)
        await viewer.until(
            lambda: any("@7" in line and "● promoted" in line for line in viewer.text().splitlines()), "@7 speaks"
        )

    told(home, scenario)


def test_deleting_a_voice_asks_first_says_how_it_comes_back_and_takes_it_out_of_the_tree(
    busy: Stage, home: Path
) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("D")
        await viewer.sees("Delete the voice anna?", "myna voices restore anna")
        await viewer.press("n")
        await viewer.no_longer_sees("Delete the voice")
        assert busy.voices.changed == []
        await viewer.press("D")
        await viewer.sees("Delete the voice anna?")
        await viewer.press("y")
        await viewer.sees("anna is deleted.")
        assert busy.voices.changed == [("DeleteVoice", "anna", 0)]
        busy.jobs.tell(voice=busy.voices.rows[0])
        await viewer.until(lambda: not any("anna  en" in line for line in viewer.text().splitlines()), "anna is gone")

    told(home, scenario)


def test_renaming_a_voice_asks_for_the_name_and_shows_it_under_that(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("R")
        await viewer.sees("New name of anna")
        await viewer.press(*["backspace"] * 4, "b", "e", "r", "t", "a", "enter")
        await viewer.sees("anna is now called berta")
        assert busy.voices.changed == [("RenameVoice berta", "anna", 0)]
        busy.jobs.tell(voice=pb.Voice(name="anna", renamed_to="berta"))
        busy.jobs.tell(voice=busy.voices.rows[0])
        await viewer.until(lambda: any("berta  en" in line for line in viewer.text().splitlines()), "berta is there")
        assert not any("anna  en" in line for line in viewer.text().splitlines())

    told(home, scenario)


def test_rolling_back_and_archiving_ask_first(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("b")
        await viewer.sees("Make the version before anna@6 active again?")
        await viewer.press("y")
        await viewer.until(lambda: ("Rollback", "anna", 0) in busy.voices.changed, "rolled back")
        await viewer.press("a")
        await viewer.sees("anna@6 is the active version: it cannot be archived.")
        await viewer.press("j", "a")
        await viewer.sees("Archive anna@7?", "Its files are kept")
        await viewer.press("y")
        await viewer.until(lambda: ("Delete", "anna", 7) in busy.voices.changed, "archived")

    told(home, scenario)


def test_purging_says_the_bytes_first_and_the_tree_shows_what_has_no_weights(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("P")
        await viewer.sees("anna@6 is promoted; only archived and rejected versions can be purged.")
        await viewer.press("k", "P")
        await viewer.sees("Purge anna@5 and free 280 MB?", "Its weights are deleted for good")
        await viewer.press("n")
        await viewer.no_longer_sees("and free 280 MB?")
        assert busy.voices.changed == []
        await viewer.press("P")
        await viewer.sees("Purge anna@5 and free 280 MB?")
        await viewer.press("y")
        await viewer.sees("anna@5 is purged; 280 MB are free now.")
        assert busy.voices.changed == [("Purge", "anna", 5)]
        (purged,) = (row for row in busy.voices.versions["anna"] if row.number == 5)
        busy.jobs.tell(version=purged)
        await viewer.until(
            lambda: any(" @5 " in line and "∅ purged" in line for line in viewer.text().splitlines()), "it is seen"
        )
        await viewer.press("p")
        await viewer.sees("anna@5 was purged: it has no weights any more.")
        assert busy.voices.changed == [("Purge", "anna", 5)]

    told(home, scenario)


def test_a_marked_version_stands_beside_every_other(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("k", "c", "k", "k", "k")
        await viewer.sees("anna@2 beside @5")
        await viewer.press("j", "j", "j", "c")
        await viewer.sees("anna@5 beside @4")

    told(home, scenario)


def test_what_was_not_scored_can_be_scored_from_here(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("j")
        await viewer.sees("were not scored on the same held-out lines yet", "Press e")
        await viewer.press("e")
        await viewer.sees("Queued as job #900")
        (request,) = busy.jobs.submitted
        assert request.spec.evaluate == pb.EvaluateSpec(voice="anna", version=7, against=6)

    told(home, scenario)


def test_the_same_line_is_heard_from_a_version_from_the_other_and_from_the_person(
    busy: Stage, home: Path, card: Card
) -> None:
    busy.speech.unspoken = set()

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("k", "k", "c", "j", "j", "l")
        await viewer.sees("anna@6 beside @4", "Nobody counts the gulls")
        await viewer.press("tab", "j", "space")
        await viewer.until(lambda: len(card.streams) == 1, "it plays")
        assert card.streams[0].rate == RATE
        await viewer.press("space")
        await viewer.until(lambda: card.streams[0].closed, "the same key stops it")
        await viewer.press("t")
        await viewer.until(lambda: len(card.streams) == 2, "the other plays")
        await viewer.press("x")
        await viewer.until(lambda: len(card.streams) == 3, "the person")
        assert card.streams[1].closed, "one at a time"
        asked = [(request.version, request.recording) for request in busy.speech.sampled]
        assert asked == [(6, False), (4, False), (4, True)]
        assert len({request.clip for request in busy.speech.sampled}) == 1
        await viewer.press("1")
        await viewer.until(lambda: card.streams[2].closed, "whoever leaves the screen leaves its sound")

    told(home, scenario)


def test_who_says_which_line_where_it_is_and_how_to_stop_it_are_seen_on_a_small_terminal(
    busy: Stage, home: Path, card: Card
) -> None:
    busy.speech.unspoken = set()

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("space")
        text = await viewer.sees("▶ anna@6  0.0 of ", "esc stops it  “The harbour wakes")
        assert "▶" in text.splitlines()[-2], "above the last line"
        card.streams[0].play(25)
        await viewer.sees("▶ anna@6  0.2 of ")
        await viewer.press("l", "tab", "x")
        await viewer.sees("▶ the recording  0.0 of ")
        await viewer.press("escape")
        await viewer.until(lambda: card.streams[1].closed, "Esc stops it")
        await viewer.no_longer_sees("▶")

    told(home, scenario, size=(80, 24))


def test_without_a_sound_card_it_says_so_and_everything_else_works(
    busy: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", Card(outputs=0))

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("space")
        await viewer.sees("Nothing can be played here", "--ssh")
        await viewer.press("j")
        await viewer.sees("anna@7 beside @6")

    told(home, scenario)


def test_a_difference_that_is_not_sure_is_called_so_beside_where_it_lies(busy: Stage, home: Path) -> None:
    busy.voices.sure = {"wer": (-0.045, -0.005), "similarity": (-0.02, 0.08)}

    async def scenario(viewer: Viewer) -> None:
        text = await viewer.sees("-0.025 better", "-0.045…-0.005", "-0.020…+0.080")
        (row,) = [line for line in text.split("Version ")[1].splitlines() if "similarity" in line]
        assert "+0.030 unsure" in row
        assert "-0.020…+0.080" in row, "it stands in its own line on a small terminal"

    told(home, scenario, size=(80, 24))


def test_a_verdict_that_the_comparison_tells_is_not_told_twice(busy: Stage, home: Path) -> None:
    version = next(row for row in busy.voices.versions["anna"] if row.number == 6)
    busy.voices.sentence = f"{version.verdict} On 5 held-out lines."
    busy.voices.decision = pb.DECISION_PROMOTED

    async def scenario(viewer: Viewer) -> None:
        text = " ".join((await viewer.sees("held-out lines.")).replace("│", " ").split())
        assert text.count(version.verdict.split(":")[0]) == 1

    told(home, scenario, size=(200, 50))


def test_the_report_is_read_here(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("r")
        await viewer.sees("Scores on held-out lines", "0.28")
        await viewer.press("j")
        await viewer.sees("anna v7")

    told(home, scenario)


def test_read_only_offers_no_changes(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        assert "promote" not in viewer.text().splitlines()[1]
        await viewer.press("j", "p")
        await viewer.press("question_mark")
        assert "Let this version speak" not in await viewer.sees("beside all others")
        assert busy.voices.changed == []

    told(home, scenario, readonly=True)


def test_many_voices_are_folded_and_enter_unfolds_one(stage: Stage, home: Path) -> None:
    stage.voices.rows = [pb.Voice(name=f"voice{n:02}", versions=1, promoted=1) for n in range(30)]
    stage.voices.versions = {
        row.name: [pb.Version(voice=row.name, number=1, state="promoted")] for row in stage.voices.rows
    }

    async def run() -> None:
        async with looking(home, (100, 30)) as viewer:
            await viewer.press("2")
            await viewer.sees("▾ voice00")
            await viewer.press("G")
            await viewer.sees("▸ voice28", "▸ voice29")
            await viewer.press("enter")
            await viewer.sees("▾ voice29")
            await viewer.press("j", "j")
            await viewer.sees("voice29@1")

    asyncio.run(run())


def test_the_filter_leaves_voices_that_hold_the_words(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("slash", *"xtts")
        await viewer.no_longer_sees("▾ anna")
        await viewer.sees("jörg")

    told(home, scenario)
