"""The sound card of the machine that runs the dashboard: opened when something is played, closed when all is heard."""

from __future__ import annotations

import asyncio
from typing import Any

from proto.channel import ClientError
from tui import player
from tui.deck import Deck

LATENCY = (
    0.1  #: seconds PortAudio may hold: a busy terminal does not interrupt it, and the first sound is heard at once
)
INSTEAD = "Open the dashboard where you sit, with `myna --ssh USER@THIS-MACHINE`; or save it to a file."


class Speaker:
    """Plays a deck. All of it is called in the event loop; opening and closing the card, which may take its time, is
    done in a thread.

    `trouble` says why nothing can be heard here, once that is known; the deck can be used all the same.
    """

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.trouble: ClientError | None = None
        self.underflows = 0  #: times this machine was too busy to play in time
        self._stream: Any = None
        self._library: Any = None
        self._turn = asyncio.Lock()  # one at a time opens or closes

    async def prepare(self) -> None:
        """Load the sound library, a third of a second before it is needed; that there is none is kept in `trouble`.

        While it starts, sounddevice has what is written to stderr vanish (ALSA's and JACK's complaints): a terminal
        drawn through stderr must be painted anew afterwards.
        """
        try:
            self._library = await asyncio.to_thread(player.library, INSTEAD)
        except ClientError as problem:
            self.trouble = problem

    async def play(self) -> None:
        """Play from where the deck is. Raises ClientError, with what to do instead, where no sound can be played."""
        async with self._turn:
            await self._close()
            if self.deck.rate == 0:
                return  # nothing to hear yet: called again with the first sound
            self.deck.play()
            try:
                await asyncio.to_thread(self._open, self.deck.rate)
            except ClientError as problem:
                self.trouble = problem
                self.deck.pause()
                raise
            self.trouble = None

    async def pause(self) -> None:
        """Be silent at once; what was not heard is played again."""
        async with self._turn:
            self.deck.pause(self._latency)
            await self._close()

    async def switch(self, name: str) -> None:
        """Hear another track of the deck from the same position on."""
        before = self.deck.rate
        self.deck.switch(name)
        if self.deck.playing and self.deck.rate != before:
            await self.play()  # the card must run at the other rate

    async def close(self) -> None:
        """Give the card back."""
        async with self._turn:
            self.deck.pause()
            await self._close()

    @property
    def audible_position(self) -> float:
        """Seconds from the start of the track to what is heard now."""
        return max(self.deck.position - (self._latency if self.deck.playing else 0.0), 0.0)

    @property
    def _latency(self) -> float:
        return float(self._stream.latency) if self._stream is not None else 0.0

    def _open(self, rate: int) -> None:
        self._library = self._library or player.library(INSTEAD)
        self._stream = player.opened(self._library, rate, LATENCY, INSTEAD, self._play)

    def _play(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """PortAudio's thread wants the next samples."""
        self.underflows += bool(status.output_underflow)
        sound, more = self.deck.fill(frames)
        out[:] = sound
        if not more:
            raise self._library.CallbackStop  # what it holds is still played

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await asyncio.to_thread(_silence, stream)


def _silence(stream: Any) -> None:
    stream.abort()
    stream.close()
