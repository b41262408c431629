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
from tests.tui.dashboard.looking import Eye, looking
from tests.tui.paper_card import Card
from tests.tui.stage.rows import RATE, job
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card(by_itself=True)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


async def typed(eye: Eye, words: str) -> None:
    await eye.press(*[{" ": "space", ".": "full_stop"}.get(letter, letter) for letter in words])


async def said(eye: Eye, words: str) -> None:
    """On the screen, with these words being spoken."""
    await eye.press("5")
    await typed(eye, words)
    await eye.press("enter")


def see(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_a_text_is_heard_as_it_comes_and_stands_in_the_history(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "Hello there.")
            await eye.sees("anna@7", "0.8 s", "first sound after")
            await eye.until(lambda: card.sound.is_set(), "a sound")
            (asked,) = stage.speech.asked
            assert (asked.voice, asked.text, asked.version) == ("anna", "Hello there.", 0)
            assert asked.HasField("seed"), "it can be said again, sample for sample"
            assert str(asked.seed) in eye.text()
            assert card.streams[0].rate == RATE

    see(scenario())


def test_what_the_engine_cannot_say_is_named_when_it_has_spoken(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await eye.press("5")
            await eye.press(*"One", "space", "less_than_sign", *"break", "greater_than_sign", "enter")
            await eye.sees("Left out, since the engine cannot say it: “<break>”.")

    see(scenario())


def test_the_settings_are_taken_and_a_wrong_one_is_said_in_words(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await eye.press("5")
            await typed(eye, "Hi")
            await eye.press("tab", "end", *"@6", "tab", *"en", "tab", *"fast", "enter")
            assert stage.speech.asked == []
            told = [notice.message for notice in eye.app._notifications]
            assert told == ["It is a number; empty leaves it to the voice."]
            await eye.press("ctrl+u", "1", "full_stop", "5", "tab", "0", "full_stop", "3", "tab", "7", "enter")
            await eye.sees("0.8 s")
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


def test_it_is_replayed_said_again_with_another_seed_and_edited(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "Hi")
            await eye.sees("0.8 s")
            eye.app.screen.query_one("Table").focus()
            await eye.press("r")
            await eye.until(lambda: len(stage.speech.asked) == 2, "asked again")
            first, again = stage.speech.asked
            assert (again.text, again.seed != first.seed) == ("Hi", True)
            await eye.sees("History 2")
            await eye.until(lambda: not eye.app.screen.query_one("SoundPane").deck.playing, "all was heard")  # type: ignore[attr-defined]
            streams = len(card.streams)
            await eye.press("enter")
            await eye.until(lambda: len(card.streams) > streams, "played again")
            assert len(stage.speech.asked) == 2, "what is still known is not spoken again"
            await eye.press("e")
            await typed(eye, "Oh ")
            await eye.press("enter")
            await eye.until(lambda: len(stage.speech.asked) == 3, "asked for the edited text")
            assert stage.speech.asked[2].text == "Oh Hi"
            assert stage.speech.asked[2].seed in (first.seed, again.seed)

    see(scenario())


def test_until_it_sounds_it_says_what_it_waits_for(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "later")
            await eye.sees("waiting for the first sound …")
            stage.jobs.tell(job=job(41, queued=pb.JobStatus.Queued(why_waiting="GPU held by train #12 (ben)")))
            await eye.sees("waiting for the first sound: GPU held by train #12 (ben)")
            stage.jobs.tell(job=job(41, running=pb.JobStatus.Running(progress=pb.Progress(sentence="loads anna@7"))))
            await eye.sees("waiting for the first sound: loads anna@7")
            stage.speech.go_on.set()
            await eye.sees("first sound after")

    see(scenario())


def test_what_is_being_spoken_can_be_cancelled(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "slowly")
            await eye.sees("speaking")
            await eye.press("escape", "x")
            await eye.sees("cancelled")
            await eye.until(lambda: stage.speech.hung_up == 1, "the daemon hears of it")

    see(scenario())


def test_what_goes_wrong_is_said_in_words_and_kept_so(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "break")
            await eye.sees("failed", "The engine stopped.")

    see(scenario())


def test_it_is_saved_as_a_file_and_none_is_written_over_unasked(
    stage: Stage, home: Path, card: Card, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "Hi")
            await eye.sees("first sound after")
            await eye.press("escape", "w")
            await eye.sees("Save the sound", "anna-7-hi.wav")
            file = tmp_path / "hi.flac"
            eye.app.screen.query_one("Input").value = str(file)  # type: ignore[attr-defined]
            await eye.press("enter")
            await eye.until(file.exists, "the file")
            samples, rate = soundfile.read(file)
            assert (rate, len(samples)) == (RATE, int(0.75 * RATE))
            file.write_bytes(b"mine")
            await eye.press("w")
            await eye.sees("Save the sound")
            eye.app.screen.query_one("Input").value = str(file)  # type: ignore[attr-defined]
            await eye.press("enter")
            await eye.sees("Write over")
            await eye.press("n")
            await eye.no_longer_sees("Write over")
            assert file.read_bytes() == b"mine"

    see(scenario())


def test_without_a_sound_card_it_is_said_once_and_everything_else_works(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    stage.datasets.clips[0].held_out = True  # a line to listen to

    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "Hi")
            await eye.sees("no sound here", "0.8 s")
            await eye.press("o", "enter")
            await eye.sees("History 2")
            await eye.press("escape", "space", "right", "l")
            await eye.sees("loop")
            await eye.press("3")
            await eye.sees("hello there")
            await eye.press("enter")
            await eye.sees("no sound here")
            told = [f"{notice.title} {notice.message}" for notice in eye.app._notifications]
            assert len(told) == 1
            assert "--ssh" in told[0]
            assert "save it to a file" in told[0]

    see(scenario())


def test_leaving_the_screen_silences_it_and_reading_only_means_not_speaking(
    stage: Stage, home: Path, card: Card
) -> None:
    card.by_itself = False  # it plays on until it is stopped

    async def scenario() -> None:
        async with looking(home) as eye:
            await said(eye, "Hi")
            await eye.until(lambda: bool(card.streams) and card.streams[-1].running, "playing")
            await eye.press("escape", "1")
            await eye.until(lambda: not card.streams[-1].running, "silent")
        async with looking(home, readonly=True) as eye:
            await said(eye, "Hi")
            assert len(stage.speech.asked) == 1

    see(scenario())


def test_typing_starts_at_once_and_r_says_it_again_from_wherever_one_is(stage: Stage, home: Path, card: Card) -> None:
    async def scenario() -> None:
        async with looking(home) as eye:
            await eye.press("5", "6", "5")  # while nothing is typed, number keys go to the other screens
            await typed(eye, "Hi 5")
            await eye.press("enter")
            await eye.sees("0.8 s")
            await eye.press("escape", "r")
            await eye.until(lambda: len(stage.speech.asked) == 2, "asked again")
            assert [spec.text for spec in stage.speech.asked] == ["Hi 5", "Hi 5"]

    see(scenario())
