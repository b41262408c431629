"""Which version of a voice a person let speak in place of which, here: for one key that undoes it."""

from __future__ import annotations

from dataclasses import dataclass

from proto.channel import ClientError


@dataclass(frozen=True)
class Switch:
    """Numbers of versions; 0: the base."""

    before: int
    now: int


class Switches:
    """The last one of each voice."""

    def __init__(self) -> None:
        self._last: dict[str, Switch] = {}

    def done(self, voice: str, before: int, now: int) -> None:
        """`now` speaks in place of `before`."""
        self._last[voice] = Switch(before, now)

    def undone(self, voice: str, speaks: int) -> int:
        """The version to speak again, given the one that does. Raises ClientError when nothing was done here, or
        somebody else did something since."""
        last = self._last.get(voice)
        if last is None or last.now != speaks:
            sentence = f"There is nothing to undo: {voice} was not promoted or rolled back here."
            raise ClientError(sentence, "p promotes a version, b rolls back.", "FAILED_PRECONDITION")
        return last.before
