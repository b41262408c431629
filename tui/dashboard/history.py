"""What was said since the dashboard was opened, newest first. Texts and settings stay; sounds only as far as memory is
meant to go."""

from __future__ import annotations

from collections.abc import Iterator

from tui.dashboard.utterance import Utterance
from tui.track import Track

KEPT = 200  #: utterances
#: bytes of sound, about four minutes; older ones are spoken again when they are wanted: their seed is known
SOUND = 24_000_000


class History:
    """An utterance whose sound was dropped has an empty track."""

    def __init__(self) -> None:
        self._newest_first: list[Utterance] = []

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._newest_first)

    def __len__(self) -> int:
        return len(self._newest_first)

    def add(self, utterance: Utterance) -> None:
        """The newest one."""
        self._newest_first.insert(0, utterance)
        del self._newest_first[KEPT:]

    def trim(self) -> None:
        """Drop the oldest sounds beyond the bound; never the newest."""
        total = 0
        for place, utterance in enumerate(self._newest_first):
            total += len(utterance.track.samples)
            if place and total > SOUND and utterance.state != "speaking":
                utterance.track = Track(whole=True)
