"""Playing in the dashboard, against sounddevice's interface with a sound card made of paper."""

from __future__ import annotations

import asyncio
import sys
import time
from array import array

import pytest

from proto.channel import ClientError
from tests.tui.paper_card import BLOCK, Card
from tui.deck import Deck
from tui.speaker import Speaker
from tui.track import Track

pytestmark = pytest.mark.unit
RATE = 16_000


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def track(seconds: float, level: float = 0.5, rate: int = RATE, *, whole: bool = True) -> Track:
    made = Track(whole=whole)
    made.add((array("f", [level]) * int(seconds * rate)).tobytes(), rate)
    return made


def speaker(**tracks: Track) -> Speaker:
    deck = Deck()
    deck.load(tracks)
    return Speaker(deck)


def test_playing_starts_within_300_ms_of_the_first_chunk(card: Card) -> None:
    card.by_itself = True

    async def scenario() -> float:
        coming = Track()
        plays = speaker(a=coming)
        await plays.play()
        assert card.streams == [], "the rate is not known before the first chunk"
        start = time.monotonic()
        coming.add(array("f", [0.5] * 1600).tobytes(), RATE)
        await plays.play()
        assert await asyncio.to_thread(card.sound.wait, 5)
        took = time.monotonic() - start
        await plays.close()
        return took

    took = asyncio.run(scenario())
    assert took + card.streams[0].settings["latency"] < 0.3


def test_pause_and_play_lose_nothing(card: Card) -> None:
    async def scenario() -> None:
        plays = speaker(a=track(1.0))
        await plays.play()
        card.streams[0].play(20)
        assert plays.audible_position == pytest.approx(20 * BLOCK / RATE - 0.05)
        before = plays.audible_position
        await plays.pause()
        assert (card.streams[0].running, card.streams[0].closed) == (False, True)
        assert plays.audible_position == pytest.approx(before), "what the card still held is played again"
        await plays.play()
        card.streams[1].play(1_000)
        assert (plays.deck.at_end, card.streams[1].running) == (True, False)

    asyncio.run(scenario())


def test_switching_to_another_rate_runs_the_card_at_it(card: Card) -> None:
    async def scenario() -> None:
        plays = speaker(a=track(1.0, 0.25), b=track(1.0, 0.75, 22_050), c=track(1.0, 0.1, 22_050))
        await plays.play()
        card.streams[0].play(10)
        await plays.switch("b")
        assert [stream.rate for stream in card.streams] == [16_000, 22_050]
        assert card.streams[0].closed
        card.streams[1].play(1)
        assert card.heard[-1] == 0.75
        await plays.switch("c")
        assert len(card.streams) == 2, "of the same rate: no need to open the card again"
        assert plays.deck.position == pytest.approx((10 * BLOCK) / 16_000 + BLOCK / 22_050, abs=1e-3)
        await plays.close()

    asyncio.run(scenario())


def test_a_machine_too_busy_to_play_is_noticed(card: Card) -> None:
    async def scenario() -> None:
        plays = speaker(a=track(1.0))
        await plays.play()
        card.streams[0].play(2, late=True)
        assert plays.underflows == 2
        await plays.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("card_", "why"),
    [(Card(outputs=0), "no sound output"), (Card(refuses=True), "Device unavailable"), (None, "PortAudio")],
)
def test_without_sound_the_two_ways_out_are_named_and_the_rest_works(
    monkeypatch: pytest.MonkeyPatch, card_: Card | None, why: str
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", card_)

    async def scenario() -> None:
        plays = speaker(a=track(1.0), b=track(1.0))
        with pytest.raises(ClientError, match=rf"(?s){why}.*--ssh.*save it to a file"):
            await plays.play()
        assert plays.trouble is not None
        assert not plays.deck.playing
        await plays.switch("b")
        plays.deck.seek(0.5)
        assert plays.audible_position == 0.5
        await plays.pause()
        await plays.close()

    asyncio.run(scenario())


def test_that_there_is_no_sound_is_known_before_anything_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)

    async def scenario() -> None:
        plays = speaker(a=track(1.0))
        await plays.prepare()
        assert plays.trouble is not None
        assert "--ssh" in plays.trouble.hint

    asyncio.run(scenario())
