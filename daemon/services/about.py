"""What a request is about (a voice, a job, a run, a person), and whether the session's caller may ask that of it. Which
requests are about what: `daemon.services.access`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from daemon.caller import Right, words_of
from daemon.database.store import caller_of
from daemon.errors import NotAllowed
from daemon.state import jobs, remote_voices, runs, seen, voices


@dataclass(frozen=True)
class VoiceOf:
    """A voice that a request is about."""

    name: str
    right: Right
    new: bool = False  #: there need not be one yet

    def check(self, session: Session) -> None:
        if remote_voices.is_one(self.name) and self.right & (Right.SPEAK | Right.READ):
            remote_voices.require(session, self.name)
            return
        if self.new:
            voices.check_new(session, self.name)
        else:
            voices.get_with_deleted(session, self.name)
        seen.require(session, self.name, self.right)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class JobOf:
    """A job: who asked for speech, or for what is about no voice, may do with it what they like; other jobs are as
    their voice."""

    id: int
    right: Right

    def check(self, session: Session) -> None:
        row = jobs.get(session, self.id)
        asks_for_it = row.person == caller_of(session).name and (row.kind == seen.SPEECH or not row.voice)
        if not asks_for_it:
            seen.require(session, row.voice, self.right)

    def __str__(self) -> str:
        return f"job {self.id}"


@dataclass(frozen=True)
class RunOf:
    """A run."""

    id: int
    right: Right

    def check(self, session: Session) -> None:
        seen.require(session, runs.get(session, self.id).voice, self.right)

    def __str__(self) -> str:
        return f"run {self.id}"


@dataclass(frozen=True)
class AdminsOnly:
    """Something in a request that is nobody's but the owner's and admins'."""

    what: str

    def check(self, session: Session) -> None:
        raise takes_admin(session, self.what)

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class AtAll:
    """A right that the person is to have, whatever it is about."""

    right: Right

    def check(self, session: Session) -> None:
        caller, needed = caller_of(session), Right.TRAIN if self.right & Right.OWN else self.right
        if needed and not caller.rights & needed:
            asked = " or ".join(words_of(needed))
            hint = "Ask the owner of the workstation: `myna people add` changes what one may."
            raise NotAllowed(f"{caller.title} may not ask for this: it takes the right {asked}.", hint)

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class PersonOf:
    """A person: whether there is one is the service's business."""

    name: str

    def check(self, session: Session) -> None:
        pass

    def __str__(self) -> str:
        return self.name


About = VoiceOf | JobOf | RunOf | PersonOf | AdminsOnly | AtAll


def takes_admin(session: Session, what: str) -> NotAllowed:
    """What is raised where only the owner and admins may: "may not {what}"."""
    hint = "Ask the owner of the workstation."
    return NotAllowed(f"{caller_of(session).title} may not {what}: it takes the right admin.", hint)
