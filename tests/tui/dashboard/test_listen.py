"""The screen Listen: two versions on the same line, blind, votes and their tally; a sound card made of paper plays
them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.pictures import looks_like
from tests.tui.dashboard.scene_voices import TEXTS, sha
from tests.tui.dashboard.scenes import set_scene
from tests.tui.dashboard.test_pictures import SIZES
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage
from tui.deck import Deck
from tui.widgets.sound_pane import SoundPane
from tui.widgets.tally_pane import TallyPane

pytestmark = pytest.mark.integration


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card(by_itself=True)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


@pytest.fixture(autouse=True)
def held_out(stage: Stage) -> None:
    """anna's clip is a held-out line."""
    stage.datasets.clips[0].held_out = True


def see(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def deck(viewer: Viewer) -> Deck:
    return viewer.app.screen_stack[0].query_one(SoundPane).deck


async def listening(viewer: Viewer) -> None:
    """On the screen, with its line heard."""
    await viewer.press("3")
    await viewer.sees("anna@6", "anna@7", "hello there")
    await viewer.press("enter")
    await viewer.until(lambda: deck(viewer).frames("b") > 0 and deck(viewer).begun, "both have spoken")


def test_the_newest_version_against_its_parent_and_nobody_is_told_which_is_which(
    stage: Stage, home: Path, card: Card
) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await listening(viewer)
            await viewer.until(card.sound.is_set, "a sound")
            assert sorted(request.version for request in stage.speech.sampled if not request.recording) == [6, 7]
            below = viewer.text().split("Sound")[1]
            assert "A" in below
            assert "anna@" not in below
            await viewer.press("b")
            await viewer.sees(" B  ")
            await viewer.press("r")
            await viewer.sees("the recording")

    see(scenario())


def test_a_and_b_are_switched_at_the_same_position(stage: Stage, home: Path, card: Card) -> None:
    card.by_itself = False

    async def scenario() -> None:
        async with looking(home) as viewer:
            await listening(viewer)
            await viewer.until(lambda: bool(card.streams), "the card is open")
            card.streams[0].play(20)
            before = deck(viewer).position
            assert before == pytest.approx(0.2)
            await viewer.press("b")
            assert (deck(viewer).chosen, deck(viewer).position, deck(viewer).playing) == ("b", before, True)

    see(scenario())


def test_a_vote_is_kept_by_version_and_only_then_is_it_told_who_was_who(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await listening(viewer)
            await viewer.press("v")
            await viewer.sees("Better", "A sounds", "B sounds")
            await viewer.press("left")  # from "no vote" to B
            await viewer.press("2", "5", "enter")
            await viewer.sees("1 rating, all blind", "1 of 1")
            (rating,) = stage.voices.rated
            heard_b = rating.a if rating.score_a == 5 else rating.b
            assert {rating.score_a, rating.score_b} == {2, 5}
            assert (rating.a, rating.b, rating.blind, rating.clip) == (6, 7, True, "c0ffee" * 10)
            assert (rating.a if rating.preferred == "a" else rating.b) == heard_b
            said = viewer.app._notifications
            assert f"B was anna@{heard_b}. You preferred anna@{heard_b}." in next(iter(said)).message
            await viewer.press("b")
            await viewer.sees(f"B · anna@{heard_b}")
            await viewer.press("u")
            await viewer.sees("No ratings yet")
            assert stage.voices.rated == []

    see(scenario())


def test_listening_goes_on_while_voting_and_leaving_keeps_nothing(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await listening(viewer)
            await viewer.press("v", "b")
            await viewer.until(lambda: deck(viewer).chosen == "b", "B is heard")
            await viewer.press("right", "3", "escape")
            await viewer.no_longer_sees("A sounds")
            assert stage.voices.rated == []

    see(scenario())


def test_names_are_shown_when_nobody_wants_to_be_blind(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("3")
            await viewer.sees("hello there", "blind")
            await viewer.press("h", "enter")
            await viewer.sees("A · anna@6")
            await viewer.press("b")
            await viewer.sees("B · anna@7")
            await viewer.press("v", "right", "enter")
            await viewer.sees("1 rating")
            assert (stage.voices.rated[0].preferred, stage.voices.rated[0].blind) == ("a", False)

    see(scenario())


def test_a_sentence_of_ones_own_is_said_by_both_with_the_same_seed(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("3")
            await viewer.sees("hello there")
            await viewer.press("t", "O", "h", "enter")
            await viewer.until(lambda: deck(viewer).frames("b") > 0, "both have spoken")
            asked = sorted((spec.version, spec.text, spec.seed) for spec in stage.speech.asked)
            assert asked == [(6, "Oh", asked[0][2]), (7, "Oh", asked[0][2])]
            await viewer.press("r")
            assert "There is no recording of this line." in [notice.message for notice in viewer.app._notifications]
            await viewer.press("v", "right", "enter")
            await viewer.sees("1 of 2")
            assert (stage.voices.rated[0].text, stage.voices.rated[0].clip) == ("Oh", "")

    see(scenario())


def test_other_versions_are_chosen_and_what_was_never_spoken_is_spoken_now(
    stage: Stage, home: Path, card: Card
) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("3")
            await viewer.sees("hello there")
            await viewer.press("c", "end", "backspace", "4", "enter")
            await viewer.sees("anna@4")
            await viewer.press("n")
            await viewer.until(
                lambda: deck(viewer).frames("a") > 0 and deck(viewer).frames("b") > 0, "both have spoken"
            )
            (spec,) = stage.speech.asked
            assert (spec.version, spec.text) == (4, "hello there")
            await viewer.press("c", "end", "backspace", "7", "enter")
            assert "Choose two different versions." in [notice.message for notice in viewer.app._notifications]

    see(scenario())


def test_what_was_voted_before_stands_beside_its_line_and_in_the_tally(stage: Stage, home: Path, card: Card) -> None:
    votes = [("b", 3, 5), ("b", 2, 4), ("same", 4, 4)]
    stage.voices.rated = [
        pb.Rating(
            id=n,
            voice="anna",
            a=6,
            b=7,
            clip="c0ffee" * 10,
            text="hello there",
            preferred=one,
            score_a=a,
            score_b=b,
            blind=True,
        )
        for n, (one, a, b) in enumerate(votes)
    ]

    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("3")
            text = await viewer.sees(
                "= 4/4", "3 ratings, all blind", "anna@7 was preferred 2 of 2 times.", "1 the same"
            )
            assert "4.3 (2.9 to 5.0, 3)" in text
            await viewer.press("n")
            assert "You have voted on every line. t types another." in [
                notice.message for notice in viewer.app._notifications
            ]

    see(scenario())


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 50)])
def test_the_tally_is_a_line_each_on_every_terminal(
    stage: Stage, home: Path, card: Card, size: tuple[int, int]
) -> None:
    stage.voices.rated = [
        pb.Rating(
            id=n, voice="anna", a=6, b=7, clip="c0ffee" * 10, text="hello there", preferred="b", score_a=3, score_b=5
        )
        for n in range(3)
    ]

    async def scenario() -> None:
        async with looking(home, size) as viewer:
            await viewer.press("3")
            await viewer.sees("anna@7 was preferred 3 of 3 times.")
            pane = viewer.app.screen.query_one(TallyPane)
            await viewer.until(lambda: pane.content_region.height == 4, "a sentence and three lines")

    see(scenario())


def test_reading_only_means_no_votes(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home, readonly=True) as viewer:
            await listening(viewer)
            await viewer.press("v")
            assert "A sounds" not in viewer.text()

    see(scenario())


# ------------------------------------------------------------------------------------------ what listeners decide


@pytest.fixture
def undecided(stage: Stage) -> pb.Undecided:
    """anna@4 waits for listeners against anna@6: eight takes of one line were spoken by both."""
    stage.speech.unspoken = set()
    names = ["ab" * 32, *(f"{'ab' * 32}.{take}" for take in range(1, 8))]
    lines = [pb.SpokenLine(name=name, text="hello there") for name in names]
    waits = pb.Undecided(voice="anna", listening=pb.Listening(version=4, against=6), lines=lines)
    stage.voices.undecided = [waits]
    return waits


async def vote_for(viewer: Viewer, version: int) -> None:
    """On what was heard last."""
    hearing = viewer.app.screen_stack[0]._hearing  # type: ignore[attr-defined]  # the screen Listen
    await viewer.press("v")
    await viewer.sees("A sounds")
    await viewer.press("right" if hearing.version("a") == version else "left", "enter")
    await viewer.no_longer_sees("A sounds")


def notices(viewer: Viewer) -> list[str]:
    return [notice.message for notice in viewer.app._notifications]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (200, 50)])
def test_what_waits_for_listeners_comes_first_with_the_lines_that_decide(
    stage: Stage, home: Path, card: Card, undecided: pb.Undecided, size: tuple[int, int]
) -> None:
    async def scenario() -> None:
        async with looking(home, size) as viewer:
            await viewer.press("3")
            text = await viewer.sees("anna@6", "anna@4", "0 of 8", "(take 2) hello there")
            assert "anna@4 won 0 of 0 blind votes: about 8 more like these would decide." in text
            await viewer.press("n")
            await viewer.until(lambda: deck(viewer).frames("b") > 0, "both have spoken")
            await vote_for(viewer, 4)
            text = await viewer.sees(
                "anna@4 won 1 of 1 blind votes: about 7 more like these would decide.", "1 of 8", "1 rating, all blind"
            )
            assert "●" in text  # the interval
            assert {one.clip for one in stage.speech.sampled} == {undecided.lines[0].name}
            assert stage.voices.rated[0].clip == undecided.lines[0].name

    see(scenario())


def test_the_vote_that_decides_says_what_became_of_the_version(
    stage: Stage, home: Path, card: Card, undecided: pb.Undecided
) -> None:
    async def scenario() -> None:
        async with looking(home, (80, 24)) as viewer:
            await viewer.press("3")
            await viewer.sees("0 of 8")
            for done in range(1, 9):
                await viewer.press("n")
                await viewer.until(lambda: deck(viewer).frames("b") > 0, "both have spoken")
                await vote_for(viewer, 4)
                await viewer.sees(f"{done} of 8")
            decided = "Decided: anna@4 won 8 of 8 blind votes, and anna@4 was promoted."
            await viewer.sees(decided)
            assert decided in notices(viewer)
            await viewer.press("d")
            assert "Nothing else waits for listeners." in notices(viewer)

    see(scenario())


def test_what_else_waits_is_a_key_away(stage: Stage, home: Path, card: Card, undecided: pb.Undecided) -> None:
    stage.voices.undecided.append(pb.Undecided(voice="anna", listening=pb.Listening(version=7, against=6)))

    async def scenario() -> None:
        async with looking(home, (80, 24)) as viewer:
            await viewer.press("3")
            await viewer.sees("anna@4", "0 of 8", "blind · d: 1 undecided")
            await viewer.press("d")
            await viewer.sees("anna@7", "0 of 1", "won 0 of 0")  # its lines are gone: the held-out ones
            await viewer.press("d")
            await viewer.sees("anna@4", "0 of 8")

    see(scenario())


def test_who_was_told_who_is_who_votes_no_more_blind_on_that_line(
    stage: Stage, home: Path, card: Card, undecided: pb.Undecided
) -> None:
    async def scenario() -> None:
        async with looking(home, (80, 24)) as viewer:
            await viewer.press("3")
            await viewer.sees("0 of 8")
            await viewer.press("n")
            await viewer.until(lambda: deck(viewer).frames("b") > 0, "both have spoken")
            await vote_for(viewer, 4)
            await viewer.sees("won 1 of 1")
            await viewer.press("enter")  # the same line again
            await viewer.sees("A · anna@")
            await vote_for(viewer, 4)
            await viewer.sees("2 ratings, 1 blind")
            assert [rating.blind for rating in stage.voices.rated] == [True, False]
            assert stage.voices.undecided[0].listening.wins == 1
            assert any("it is no blind vote" in message for message in notices(viewer))

    see(scenario())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_pair_that_listeners_decide_looks_as_drawn(
    stage: Stage, home: Path, card: Card, size: tuple[int, int]
) -> None:
    """Seven blind votes were given, and another version waits, too."""
    set_scene(stage, "busy")
    names = [(sha(text) + take, text) for take in ("", ".1", ".2") for text in TEXTS]
    lines = [pb.SpokenLine(name=name, text=text) for name, text in names]
    waits = [("anna", 7, 6), ("jörg", 1, 0)]
    stage.voices.undecided = [
        pb.Undecided(voice=voice, listening=pb.Listening(version=version, against=against), lines=lines)
        for voice, version, against in waits
    ]
    stage.voices.rated = [
        pb.Rating(
            id=n, voice="anna", a=6, b=7, clip=names[n][0], text=names[n][1], preferred="a" if n == 2 else "b",
            score_a=3, score_b=4 + n % 2, blind=True,
        )
        for n in range(7)
    ]  # fmt: skip

    async def scenario() -> str:
        async with looking(home, size) as viewer:
            await viewer.press("3")
            return await looks_like(viewer, f"undecided-listen-{size[0]}x{size[1]}", home)

    if difference := asyncio.run(scenario()):
        pytest.fail(difference, pytrace=False)
