"""Who there is, in memory: every call asks, and none waits for the database. It is read anew after each change."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

from daemon.caller import OWNER, Caller, Right
from daemon.database.models import now
from daemon.database.people_rows import Person, Token
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.state import people
from daemon.state.people import Known

log = logging.getLogger("mynad")

#: acts between two rounds of forgetting old ones
FORGET_EVERY = 1_000


class Still(Enum):
    """What has become of a caller since their call began."""

    YES = "they may what they might"
    OTHER = "they may something else"
    OUT = "they may not come in any more"


class Directory:
    """People and tokens. `master`: the token of `token_file`, which is the owner's; empty: there is none."""

    def __init__(self, master: str = "") -> None:
        self._store: Store | None = None
        self._known = Known({}, {})
        self._master = people.digest(master) if master else b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._noted = 0
        self._reading = asyncio.Lock()
        self.generation = 0  #: grows whenever somebody may something else than before

    def open(self, store: Store) -> None:
        """Read it. Before that, nobody is known."""
        self._store = store
        self._known = store.read_now(people.known)

    async def changed(self) -> None:
        """People or tokens are other ones than before. Of several changes at once each is read after it was made, and
        none is written over by what was read before it."""
        assert self._store is not None
        async with self._reading:
            self._known = await self._store.read(people.known)
            self.generation += 1

    def shared(self) -> None:
        """Somebody may something else with a voice than before."""
        self.generation += 1

    @property
    def alone(self) -> bool:
        """Whether there is nobody but the workstation's owner."""
        return not self._known.people

    def by_token(self, token: str) -> Caller | None:
        """Whose the token is; None: nobody's, or it has expired or was revoked. Each of these takes the same work."""
        digest, moment = people.digest(token), now()
        row = self._known.tokens.get(digest, _NO_TOKEN)
        person = self._known.people.get(row.person, _NO_PERSON)
        good = _in_time(row, moment) & (row.revoked is None) & (person.revoked is None)
        master = hmac.compare_digest(digest, self._master) if self._master else False
        if master:
            return OWNER
        if not good:
            return None
        if row.last_used != (day := f"{moment:%Y-%m-%d}"):
            row.last_used = day
            self._later(people.used, row.id, day)
        return replace(_caller(person), token=row.id, expires=row.expires)

    def by_name(self, name: str) -> Caller | None:
        """The person of a verified certificate's name; None: there is none, or they were revoked. Where there is nobody
        but the owner, whoever the authority signed for is the owner, as ever."""
        if self.alone:
            return OWNER
        person = self._known.people.get(name, _NO_PERSON)
        return _caller(person) if person.revoked is None else None

    def still(self, caller: Caller) -> Still:
        """Whether a caller may what they might when their call began."""
        if caller.owner:
            return Still.YES
        person = self._known.people.get(caller.name, _NO_PERSON)
        tokens = [row for row in self._known.tokens.values() if row.id == caller.token]
        if person.revoked is not None or any(row.revoked is not None or not _in_time(row, now()) for row in tokens):
            return Still.OUT
        return Still.YES if _caller(person) == caller else Still.OTHER

    def note(self, caller: Caller, rpc: str, about: str, outcome: str) -> None:
        """Write down what they did."""
        self._later(people.note, caller.name, rpc, about, outcome, now())
        self._noted += 1
        if self._noted % FORGET_EVERY == 1:
            self._later(people.forget_acts)

    def _later(self, act: Callable[..., None], *arguments: Any) -> None:
        """Nobody waits for it."""
        assert self._store is not None
        task = asyncio.get_running_loop().create_task(self._quietly(self._store.write(act, *arguments)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreTrouble as trouble:
            log.warning("What a person did could not be written down. %s", trouble)


#: in place of those that there are not: always revoked
_NO_TOKEN = Token(id=0, person="", sha256=b"", created=now(), expires=None, revoked=now(), last_used="")
_NO_PERSON = Person(name="", rights=0, created=now(), revoked=now())


def _in_time(token: Token, moment: datetime) -> bool:
    return token.expires is None or moment < token.expires


def _caller(person: Person) -> Caller:
    return Caller(person.name, Right(person.rights))
