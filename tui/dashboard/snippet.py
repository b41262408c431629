"""One short sound at a time: a clip, a line that a version spoke. The same once more stops it, another takes its
place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

from proto import myna_pb2 as pb
from tui.deck import Deck
from tui.speaker import Speaker
from tui.track import Track


class Snippet:
    """Plays where the dashboard runs. `what` names what is heard now, or was heard last; empty: nothing yet."""

    def __init__(self) -> None:
        self.what: Hashable = ""
        self.coming = False  #: it is being fetched, and not heard yet
        self._deck = Deck()
        self._speaker = Speaker(self._deck)

    @property
    def playing(self) -> bool:
        return self._deck.playing

    @property
    def heard(self) -> float:
        """Seconds from its start to what is heard now."""
        return self._speaker.audible_position

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._deck.seconds

    async def toggle(self, what: Hashable, fetch: Callable[[], Awaitable[Track]]) -> None:
        """Play what `fetch` brings, or stop it where it plays or comes. Raises ClientError where nothing can be fetched
        or heard."""
        if what == self.what and (self.coming or self.playing):
            await self.stop()
            return
        self.what, self.coming = what, True
        try:
            track = await fetch()
            if self.what == what:  # nothing else was asked for meanwhile
                await self._speaker.close()
                self._deck.load({"": track})
                await self._speaker.play()
        finally:
            if self.what == what:
                self.coming = False

    async def stop(self) -> None:
        """Be silent."""
        self.what, self.coming = "", False
        await self._speaker.close()


async def spoken(chunks: AsyncIterator[pb.AudioChunk]) -> Track:
    """A whole track of chunks (a held-out line lasts seconds)."""
    track = Track()
    await track.fill(chunks)
    track.whole = True
    return track
