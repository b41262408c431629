"""What of the disk a person may still use, for what is about to come in."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.store import Store, caller_of
from daemon.machine.disk_space import folder_size
from daemon.state import accounts, quota_words, quotas
from daemon.state.quotas import Resource, Use

#: bytes that came in for each person since mynad started: only how it grows is asked
_came: Counter[str] = Counter()
#: bytes of each person's that lie here until their call ends
_passing: Counter[str] = Counter()


class Room:
    """Of a person's disk, for what comes in now. Several uploads of theirs at once share it: each is asked with what
    came by all of them since it began, and with what lies here for calls of theirs. `use`: how they stood then; None:
    without a limit. `passing`: what comes is deleted when the call ends; `close` it then."""

    def __init__(self, use: Use | None = None, *, passing: bool = False) -> None:
        self.use = use
        self._before = _came[use.person] if use is not None else 0
        self._count = _passing if passing else _came
        self._taken = 0

    def take(self, size: int) -> None:
        """So many bytes more came. Raises QuotaReached where they may not."""
        if self.use is None:
            return
        person = self.use.person
        self._count[person] += size
        self._taken += size
        now = replace(self.use, more=_came[person] - self._before + _passing[person])
        if now.reached:
            raise quota_words.refusal(now)

    def close(self) -> None:
        """What passed is deleted."""
        if self.use is not None and self._count is _passing:
            _passing[self.use.person] -= self._taken
            self._taken = 0
            if not _passing[self.use.person]:
                del _passing[self.use.person]


UNLIMITED = Room()


async def of_voice(store: Store, home: Path, voice: str) -> Room:
    """What the person whose voice it is may still have, with all that lies in their inboxes and is not taken yet.
    `voice`: there need not be one; it will be the caller's then."""
    return await _of(store, home, lambda session: quotas.pays(session, voice))


async def of_caller(store: Store, home: Path) -> Room:
    """What the caller may still have, for a file of theirs that is deleted when the call ends."""
    return await _of(store, home, lambda session: caller_of(session).name, passing=True)


async def _of(store: Store, home: Path, whose: Callable[[Session], str], *, passing: bool = False) -> Room:
    def ask(session: Session) -> tuple[Use | None, list[str]]:
        person = whose(session)
        found = quotas.use(session, person, Resource.DISK)
        return found, accounts.voices_of(session, person) if found is not None else []

    found, voices = await store.read(ask)
    if found is None:
        return UNLIMITED
    return Room(replace(found, used=found.used + await asyncio.to_thread(_in_inbox, home, voices)), passing=passing)


def _in_inbox(home: Path, voices: list[str]) -> int:
    """Bytes in the inbox folders of voices, but for their voice.toml."""
    folders = [home / "inbox" / voice for voice in voices]
    options = [path for folder in folders if (path := folder / os.fsdecode(names.VOICE_TOML)).is_file()]
    return sum(map(folder_size, folders)) - sum(path.stat().st_size for path in options)
