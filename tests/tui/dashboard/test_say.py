"""The screen Say: a text is heard while it is made, kept in the history, and saved; a sound card made of paper plays
it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path

import pytest
import soundfile

from proto import myna_pb2 as pb
from proto import passes
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.paper_card import Card
from tests.tui.stage.rows import RATE, job
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card(by_itself=True)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


async def typed(viewer: Viewer, words: str) -> None:
    await viewer.press(*[{" ": "space", ".": "full_stop"}.get(letter, letter) for letter in words])


async def said(viewer: Viewer, words: str) -> None:
    """On the screen, with these words being spoken."""
    await viewer.press("5")
    await typed(viewer, words)
    await viewer.press("enter")


def see(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_a_text_is_heard_as_it_comes_and_stands_in_the_history(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "Hello there.")
            await viewer.sees("anna@7", "0.8 s", "first sound after")
            await viewer.until(lambda: card.sound.is_set(), "a sound")
            (asked,) = stage.speech.asked
            assert (asked.voice, asked.text, asked.version) == ("anna", "Hello there.", 0)
            assert asked.HasField("seed"), "it can be said again, sample for sample"
            assert str(asked.seed) in viewer.text()
            assert card.streams[0].rate == RATE

    see(scenario())


def test_what_the_engine_cannot_say_is_named_when_it_has_spoken(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("5")
            await viewer.press(*"One", "space", "less_than_sign", *"break", "greater_than_sign", "enter")
            await viewer.sees("Left out, since the engine cannot say it: “<break>”.")

    see(scenario())


def test_the_settings_are_taken_and_a_wrong_one_is_said_in_words(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("5")
            await typed(viewer, "Hi")
            await viewer.press("tab", "end", *"@6", "tab", *"en", "tab", *"fast", "enter")
            assert stage.speech.asked == []
            told = [notice.message for notice in viewer.app._notifications]
            assert told == ["It is a number; empty leaves it to the voice."]
            await viewer.press("ctrl+u", "1", "full_stop", "5", "tab", "0", "full_stop", "3", "tab", "7", "enter")
            await viewer.sees("0.8 s")
            (asked,) = stage.speech.asked
            assert (asked.voice, asked.version, asked.language, asked.speed, asked.temperature, asked.seed) == (
                "anna",
                6,
                "en",
                1.5,
                0.3,
                7,
            )

    see(scenario())


def test_what_becomes_of_it_is_told_while_it_is_typed_and_goes_along(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("5")
            await viewer.sees("convert:VOICE, enhance")
            await typed(viewer, "Hi")
            viewer.app.screen.query_one("#after").focus()
            await typed(viewer, "reverb")
            await viewer.sees("There is no pass named 'reverb' after speech.")
            await viewer.press("enter")
            assert stage.speech.asked == []
            assert [notice.message for notice in viewer.app._notifications] == ["There are: convert:VOICE, enhance."]
            await viewer.press("ctrl+u", *"convert", "colon", "a")
            await viewer.until(lambda: "There is no" not in viewer.text(), "of a name half typed nothing is said")
            await viewer.press("ctrl+u", *"convert", "colon", *"carla")
            await viewer.sees("There is no voice named 'carla'.")
            await viewer.press("ctrl+u", *"convert", "colon", *"anna", "comma", *"enhance")
            await viewer.sees("it sounds like anna, then noise is taken out")
            await viewer.press("enter")
            await viewer.sees("anna@7 as anna")
            (asked,) = stage.speech.asked
            assert passes.written(asked.after) == "convert:anna,enhance"

            # it comes back with the others, and goes with the next
            await viewer.press("ctrl+u", "enter")
            await viewer.until(lambda: len(stage.speech.asked) == 2, "asked without")
            assert not stage.speech.asked[1].after
            viewer.app.screen.query_one("Table").focus()
            await viewer.press("down", "e")
            await viewer.sees("it sounds like anna, then noise is taken out")
            await viewer.press("enter")
            await viewer.until(lambda: len(stage.speech.asked) == 3, "asked as before")
            assert passes.written(stage.speech.asked[2].after) == "convert:anna,enhance"

    see(scenario())


def test_it_is_replayed_said_again_with_another_seed_and_edited(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "Hi")
            await viewer.sees("0.8 s")
            viewer.app.screen.query_one("Table").focus()
            await viewer.press("r")
            await viewer.until(lambda: len(stage.speech.asked) == 2, "asked again")
            first, again = stage.speech.asked
            assert (again.text, again.seed != first.seed) == ("Hi", True)
            await viewer.sees("History 2")
            await viewer.until(lambda: not viewer.app.screen.query_one("SoundPane").deck.playing, "all was heard")  # type: ignore[attr-defined]
            streams = len(card.streams)
            await viewer.press("enter")
            await viewer.until(lambda: len(card.streams) > streams, "played again")
            assert len(stage.speech.asked) == 2, "what is still known is not spoken again"
            await viewer.press("e")
            await typed(viewer, "Oh ")
            await viewer.press("enter")
            await viewer.until(lambda: len(stage.speech.asked) == 3, "asked for the edited text")
            assert stage.speech.asked[2].text == "Oh Hi"
            assert stage.speech.asked[2].seed in (first.seed, again.seed)

    see(scenario())


def test_until_it_sounds_it_says_what_it_waits_for(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "later")
            await viewer.sees("waiting for the first sound …")
            stage.jobs.tell(job=job(41, queued=pb.JobStatus.Queued(why_waiting="GPU held by train #12 (ben)")))
            await viewer.sees("waiting for the first sound: GPU held by train #12 (ben)")
            stage.jobs.tell(job=job(41, running=pb.JobStatus.Running(progress=pb.Progress(sentence="loads anna@7"))))
            await viewer.sees("waiting for the first sound: loads anna@7")
            stage.speech.go_on.set()
            await viewer.sees("first sound after")

    see(scenario())


def test_what_is_being_spoken_can_be_cancelled(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "slowly")
            await viewer.sees("speaking")
            await viewer.press("escape", "x")
            await viewer.sees("cancelled")
            await viewer.until(lambda: stage.speech.hung_up == 1, "the daemon hears of it")

    see(scenario())


def test_what_goes_wrong_is_said_in_words_and_kept_so(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "break")
            await viewer.sees("failed", "The engine stopped.")

    see(scenario())


def test_it_is_saved_as_a_file_and_none_is_written_over_unasked(
    stage: Stage, home: Path, card: Card, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "Hi")
            await viewer.sees("first sound after")
            await viewer.press("escape", "w")
            await viewer.sees("Save the sound", "anna-7-hi.wav")
            file = tmp_path / "hi.flac"
            viewer.app.screen.query_one("Input").value = str(file)  # type: ignore[attr-defined]
            await viewer.press("enter")
            await viewer.until(file.exists, "the file")
            samples, rate = soundfile.read(file)
            assert (rate, len(samples)) == (RATE, int(0.75 * RATE))
            file.write_bytes(b"mine")
            await viewer.press("w")
            await viewer.sees("Save the sound")
            viewer.app.screen.query_one("Input").value = str(file)  # type: ignore[attr-defined]
            await viewer.press("enter")
            await viewer.sees("Write over")
            await viewer.press("n")
            await viewer.no_longer_sees("Write over")
            assert file.read_bytes() == b"mine"

    see(scenario())


def test_without_a_sound_card_it_is_said_once_and_everything_else_works(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    stage.datasets.clips[0].held_out = True  # a line to listen to

    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "Hi")
            await viewer.sees("no sound here", "0.8 s")
            await viewer.press("o", "enter")
            await viewer.sees("History 2")
            await viewer.press("escape", "space", "right", "l")
            await viewer.sees("loop")
            await viewer.press("3")
            await viewer.sees("hello there")
            await viewer.press("enter")
            await viewer.sees("no sound here")
            told = [f"{notice.title} {notice.message}" for notice in viewer.app._notifications]
            assert len(told) == 1
            assert "--ssh" in told[0]
            assert "save it to a file" in told[0]

    see(scenario())


def test_leaving_the_screen_silences_it_and_reading_only_means_not_speaking(
    stage: Stage, home: Path, card: Card
) -> None:
    card.by_itself = False  # it plays on until it is stopped

    async def scenario() -> None:
        async with looking(home) as viewer:
            await said(viewer, "Hi")
            await viewer.until(lambda: bool(card.streams) and card.streams[-1].running, "playing")
            await viewer.press("escape", "1")
            await viewer.until(lambda: not card.streams[-1].running, "silent")
        async with looking(home, readonly=True) as viewer:
            await said(viewer, "Hi")
            assert len(stage.speech.asked) == 1

    see(scenario())


def test_typing_starts_at_once_and_r_says_it_again_from_wherever_one_is(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as viewer:
            await viewer.press("5", "6", "5")  # while nothing is typed, number keys go to the other screens
            await typed(viewer, "Hi 5")
            await viewer.press("enter")
            await viewer.sees("0.8 s")
            await viewer.press("escape", "r")
            await viewer.until(lambda: len(stage.speech.asked) == 2, "asked again")
            assert [spec.text for spec in stage.speech.asked] == ["Hi 5", "Hi 5"]

    see(scenario())
