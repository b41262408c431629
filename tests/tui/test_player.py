"""The player, against sounddevice's interface with a sound card made of paper."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from proto.channel import ClientError
from tui.player import Player

pytestmark = pytest.mark.unit
TENTH = bytes(4 * 1600)  #: of a second at 16 kHz


class PortAudioError(Exception):
    pass


class Stream:
    """What a RawOutputStream was told."""

    def __init__(self, card: Card, **settings: Any) -> None:
        self.card, self.settings, self.did = card, settings, []
        card.streams.append(self)

    def start(self) -> None:
        self.did.append("start")

    def write(self, samples: bytes) -> bool:
        self.did.append(len(samples))
        return self.card.late.pop(0) if self.card.late else False

    def stop(self) -> None:
        self.did.append("stop")

    def abort(self) -> None:
        self.did.append("abort")

    def close(self) -> None:
        self.did.append("close")


class Card(SimpleNamespace):
    """Stands for the module sounddevice."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__(PortAudioError=PortAudioError, streams=[], late=[], outputs=outputs)

    def RawOutputStream(self, **settings: Any) -> Stream:
        return Stream(self, **settings)

    def query_devices(self, kind: str) -> dict[str, str]:
        if not self.outputs:
            raise PortAudioError("Error querying device -1")
        return {"name": "paper"}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def test_chunks_are_played_in_order_and_the_end_waits_until_all_is_heard(card: Card) -> None:
    with Player() as player:
        player.write(TENTH, 16_000)
        player.write(TENTH, 16_000)
    (stream,) = card.streams
    assert stream.did == ["start", len(TENTH), len(TENTH), "stop", "close"]
    assert (stream.settings["samplerate"], stream.settings["channels"], stream.settings["dtype"]) == (
        16_000,
        1,
        "float32",
    )
    assert player.seconds == pytest.approx(0.2)


def test_speech_that_comes_too_late_is_counted(card: Card) -> None:
    card.late = [True, False, True, True]  # the first write always finds an empty output
    with Player() as player:
        for _ in range(4):
            player.write(TENTH, 16_000)
    assert player.underruns == 2


def test_an_error_in_the_middle_silences_the_output_at_once(card: Card) -> None:
    def interrupted() -> None:
        with Player() as player:
            player.write(TENTH, 16_000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert card.streams[0].did[-2:] == ["abort", "close"]


def test_without_an_output_device_the_person_is_told_to_save_instead(card: Card) -> None:
    card.outputs = 0
    with pytest.raises(ClientError, match=r"no sound output.*-o out\.wav"):
        Player()


def test_without_portaudio_the_person_is_told_to_save_or_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # what an import that fails looks like
    with pytest.raises(ClientError, match=r"PortAudio.*-o out\.wav"):
        Player()
