"""A sound card made of paper: stands for the module sounddevice, plays by asking the callback, and keeps what it was
given."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

BLOCK = 160  #: samples that the card asks for at once


class PortAudioError(Exception):
    pass


class CallbackStop(Exception):
    pass


class Stream:
    """A RawOutputStream: from start to abort or stop it can be asked to play, and with `thread` it plays by itself."""

    latency = 0.05

    def __init__(self, card: Card, samplerate: int, callback: Callable[..., None], **settings: Any) -> None:
        self.card, self.rate, self.settings = card, samplerate, settings
        self.callback = callback
        self.running = False
        self.closed = False
        card.streams.append(self)

    def start(self) -> None:
        if self.card.refuses:
            raise PortAudioError("Device unavailable")
        self.running = True
        if self.card.by_itself:
            threading.Thread(target=self._run, daemon=True).start()

    def abort(self) -> None:
        self.running = False

    def close(self) -> None:
        self.closed = True

    def play(self, blocks: int, *, late: bool = False) -> None:
        """Let so many blocks be heard, or fewer when the sound ends."""
        for _ in range(blocks):
            if not self.running:
                return
            out = bytearray(BLOCK * 4)
            try:
                self.callback(out, BLOCK, None, SimpleNamespace(output_underflow=late))
            except CallbackStop:
                self.running = False
            self.card.hear(bytes(out))

    def _run(self) -> None:
        beat = threading.Event()
        while self.running:
            self.play(1)
            beat.wait(0.002)  # a card of five times the usual speed


class Card(SimpleNamespace):
    """The module sounddevice with one output, or none."""

    def __init__(self, *, outputs: int = 1, refuses: bool = False, by_itself: bool = False) -> None:
        super().__init__(
            PortAudioError=PortAudioError, CallbackStop=CallbackStop, outputs=outputs, refuses=refuses,
            by_itself=by_itself, streams=[], heard=array("f"), sound=threading.Event(),
        )  # fmt: skip

    def RawOutputStream(self, **settings: Any) -> Stream:
        return Stream(self, **settings)

    def query_devices(self, kind: str) -> dict[str, str]:
        if not self.outputs:
            raise PortAudioError("Error querying device -1")
        return {"name": "paper"}

    def hear(self, samples: bytes) -> None:
        heard = array("f", samples)
        self.heard += heard
        if any(heard):
            self.sound.set()  # the first sound left the card
