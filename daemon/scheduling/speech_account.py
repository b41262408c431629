"""What one attempt speaks, on the account of whoever asked for it. The owner of the workstation has none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.orm import Session

from daemon.state import accounts, quota_words, quotas
from daemon.state.quotas import Resource, Use
from daemon.state.status import Error
from proto import worker_pb2 as wire

#: runs a change of the database in a transaction
Write = Callable[[Callable[[Session], None]], Awaitable[None]]
SAMPLE = 4  #: bytes


class SpeechAccount:
    """Of an attempt for `person` (empty: nobody counts). Where their minutes are used up, speech ends before the next
    sentence."""

    def __init__(self, person: str, write: Write) -> None:
        self._person = person
        self._write = write
        self._sentence = 0  #: that is being spoken
        self._reached: Use | None = None
        self.ended: Error | None = None  #: why no more is to be heard

    def goes_on(self, audio: wire.Audio) -> bool:
        """Whether this may be heard still."""
        if self._reached is not None and self.ended is None and not audio.last and audio.sentence != self._sentence:
            self.ended = Error("quota", *quota_words.sentence(self._reached), "")
        self._sentence = audio.sentence
        return self.ended is None

    async def count(self, audio: wire.Audio) -> None:
        """It went out."""
        seconds = len(audio.samples) / SAMPLE / audio.sample_rate if audio.sample_rate else 0.0
        if not self._person or not seconds:
            return

        def spoke(session: Session) -> None:
            accounts.spoke(session, self._person, seconds)
            self._reached = quotas.reached(session, self._person, Resource.SPEECH)

        await self._write(spoke)
