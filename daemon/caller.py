"""Who calls: a value that the services make of what a call proves (`daemon.services.doorkeeper`), and that goes along
with it to every transaction. mynad's own work has no caller, and may everything."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntFlag

from daemon.errors import BadRequest


class Right(IntFlag):
    """What may be done with a voice. What a person may at most, and what of that is shared with them, are the same
    bits, as stored."""

    NONE = 0
    SPEAK = 1  #: let it speak, and see that it is there
    READ = 2  #: its recordings, datasets, jobs, runs, versions, samples; take them along
    TRAIN = 4  #: change it: add and take out recordings, train, score, promote
    ADMIN = 8  #: everything, with every voice and with the daemon
    OWN = 16  #: delete, rename, share, purge: nobody is given it, the person has it whose voice it is


#: what a person may be given, as people write it
WORDS = {"speak": Right.SPEAK, "read": Right.READ, "train": Right.TRAIN, "admin": Right.ADMIN}
#: of these, what can be shared of one voice
SHARED = Right.SPEAK | Right.READ | Right.TRAIN


@dataclass(frozen=True)
class Caller:
    """Who calls. `name` is empty for the workstation's owner; `owner`: it is they."""

    name: str
    rights: Right
    owner: bool = False
    token: int = field(default=0, compare=False)  #: by which they came; 0: by none
    expires: datetime | None = field(default=None, compare=False)  #: when that opens nothing any more

    @property
    def everything(self) -> bool:
        """Whether nothing is kept from them."""
        return bool(self.rights & Right.ADMIN)

    @property
    def title(self) -> str:
        """For people."""
        return self.name or "the owner of the workstation"


#: the workstation's owner, and mynad itself
OWNER = Caller("", Right.SPEAK | Right.READ | Right.TRAIN | Right.ADMIN | Right.OWN, owner=True)

_CALLER: ContextVar[Caller] = ContextVar("caller", default=OWNER)


def current() -> Caller:
    """Who the work at hand is for."""
    return _CALLER.get()


def begin(caller: Caller) -> None:
    """From here on the task at hand, and what it starts, works for them."""
    _CALLER.set(caller)


def rights_of(words: list[str], allowed: dict[str, Right]) -> Right:
    """The rights that words name. Raises BadRequest."""
    found = Right.NONE
    for word in words:
        if word not in allowed:
            raise BadRequest(f"There is no right {word!r} to give.", f"Choose of {', '.join(allowed)}.")
        found |= allowed[word]
    if not found:
        raise BadRequest("No right was named.", f"Choose of {', '.join(allowed)}.")
    return found


def words_of(rights: Right) -> list[str]:
    """As people write them."""
    return [word for word, right in WORDS.items() if rights & right]
