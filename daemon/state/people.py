"""People: who may use this Myna besides its workstation's owner, what proves who they are, what is shared with them,
and what they did."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from daemon.caller import OWNER, SHARED, WORDS, Caller, Right, rights_of, words_of
from daemon.database.models import Voice, now
from daemon.database.people_rows import Act, Person, Share, Token
from daemon.database.store import caller_of
from daemon.errors import BadRequest, NotFound, NotNow
from daemon.state import accounts, quota_words, voices
from daemon.state.quotas import Resource
from daemon.state.stamp import stamp
from proto import myna_pb2 as pb
from proto.token import PREFIX

_NAME = re.compile(r"[^\W\d_][\w.@+' -]{0,62}[\w]|[^\W\d_]")
TOKEN_BYTES = 32
#: how long acts are kept, and how many
YEAR, MOST_ACTS = timedelta(days=365), 100_000
MOST_SECONDS = 10 * 365 * 86_400  #: that a token may be good for


@dataclass(frozen=True)
class Known:
    """What of people and tokens is held in memory (`daemon.services.directory`)."""

    people: dict[str, Person]
    tokens: dict[bytes, Token]  #: by their digest


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def known(session: Session) -> Known:
    """All of them, the revoked ones too: a refusal is to take as long as any other."""
    people, tokens = session.scalars(select(Person)), session.scalars(select(Token))
    return Known({row.name: row for row in people}, {row.sha256: row for row in tokens})


def get(session: Session, name: str) -> Person:
    """Raises NotFound, with those there are."""
    row = session.get(Person, name)
    if row is None:
        if not caller_of(session).everything:
            raise NotFound(f"There is no person named {name!r}.", "Ask the owner of the workstation.")
        there = session.scalars(select(Person.name).order_by(Person.name).limit(10)).all()
        hint = f"There are: {', '.join(there)}." if there else "`myna people add NAME --may speak` adds one."
        raise NotFound(f"There is no person named {name!r}.", hint)
    return row


def seen(session: Session, name: str) -> Person:
    """As `get`, for a caller who may know of nobody but themselves."""
    caller = caller_of(session)
    if not caller.everything and name != caller.name:
        raise NotFound(f"There is no person named {name!r}.", "Ask the owner of the workstation.")
    return get(session, name)


def acting(session: Session, name: str) -> Caller:
    """A person as a caller, for what is done in their name without a call; empty: the workstation's owner."""
    if not name:
        return OWNER
    row = session.get(Person, name)
    return Caller(name, Right(row.rights) if row is not None and row.revoked is None else Right.NONE)


def add(session: Session, request: pb.AddPersonRequest) -> Person:
    """Add a person, or change what one may; one that was revoked is back. Raises BadRequest."""
    if not _NAME.fullmatch(request.name):
        hint = "Begin with a letter; letters, digits, spaces and . @ + - _ ' may follow, at most 64 in all."
        raise BadRequest(f"{request.name[:70]!r} cannot be the name of a person.", hint)
    rights = rights_of(list(request.may), WORDS)
    row = session.get(Person, request.name)
    if row is None:
        row = Person(name=request.name, created=now())
        session.add(row)
    row.rights, row.revoked = int(rights), None
    given = request.limits
    for name in ("minutes_a_day", "gpu_minutes_a_day", "disk", "waiting"):
        setattr(row, name, _limit(given, name) if given.HasField(name) else None)
    session.flush()
    return row


def _limit(limits: pb.Limits, name: str) -> float | int:
    value: float | int = getattr(limits, name)
    if not 0 <= value < 2**62:
        raise BadRequest(f"{name} cannot be {value}.", "Use a number that is not below 0.")
    return value


def new_token(session: Session, name: str, seconds: float) -> tuple[str, Token]:
    """(the token, which nobody is told again; its row). `seconds`: that it is good for, 0: for ever. Raises NotFound,
    NotNow for a person who was revoked, BadRequest."""
    person = get(session, name)
    if person.revoked is not None:
        hint = f"`myna people add {name} --may …` brings them back."
        raise NotNow(f"{name} was revoked: no token of theirs would open anything.", hint)
    if not 0 <= seconds <= MOST_SECONDS:
        raise BadRequest("A token cannot be good for that long.", "Give up to ten years, or 0 for one without an end.")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    until = now() + timedelta(seconds=seconds) if seconds else None
    row = Token(person=name, sha256=digest(token), created=now(), expires=until, revoked=None, last_used="")
    session.add(row)
    session.flush()
    return token, row


def revoke(session: Session, name: str, token: int) -> Person:
    """Take a person's access, or that of one token. Voices and jobs stay. Raises NotFound, BadRequest."""
    if bool(name) == bool(token):
        raise BadRequest("A person or a token is revoked.", "Name one of the two.")
    if not token:
        person = get(session, name)
        person.revoked = person.revoked or now()
        for each in session.scalars(select(Token).where(Token.person == name, Token.revoked.is_(None))):
            each.revoked = now()  # should they come back, it is with new ones
        return person
    row = session.get(Token, token)
    if row is None:
        raise NotFound(f"There is no token {token}.", "`myna people list` lists them.")
    row.revoked = row.revoked or now()
    return get(session, row.person)


def share(session: Session, voice: str, person: str, may: list[str]) -> pb.VoiceShare:
    """Let a person have these rights to a voice, and no others; none: none of it any more. Raises NotFound, BadRequest
    for the person whose it is."""
    row = voices.get(session, voice)
    if not may:
        given = session.get(Share, (voice, person))
        if given is None:
            raise NotFound(f"{voice} is not shared with {person[:64]}.", "`myna people list` says what is.")
        session.delete(given)
        return pb.VoiceShare(voice=voice, person=person)
    rights = rights_of(may, {word: right for word, right in WORDS.items() if right & SHARED})
    get(session, person)
    if row.owner == person:
        raise BadRequest(f"{voice} is {person}'s own.", "Share it with somebody else.")
    given = session.get(Share, (voice, person))
    if given is None:
        given = Share(voice=voice, person=person, created=now(), rights=0)
        session.add(given)
    given.rights = int(rights)
    session.flush()
    return pb.VoiceShare(voice=voice, person=person, may=words_of(rights))


def give(session: Session, voice: str, person: str) -> Voice:
    """Make a voice somebody's (empty: the workstation's owner's). Nobody fills another's disk with it. Raises NotFound
    and QuotaReached."""
    row = voices.get(session, voice)
    owner = get(session, person).name if person else None
    if not caller_of(session).everything and owner is not None and owner != row.owner:
        quota_words.require(session, owner, Resource.DISK, accounts.disk_of(session, voice))
    row.owner = owner
    if person and (shared := session.get(Share, (voice, person))) is not None:
        session.delete(shared)
    voices.emit_voice(session, row)
    return row


def limits(row: Person) -> pb.Limits:
    """What they may use, as far as it is limited."""
    names = ("minutes_a_day", "gpu_minutes_a_day", "disk", "waiting")
    return pb.Limits(**{name: value for name in names if (value := getattr(row, name)) is not None})


def message(session: Session, row: Person) -> pb.Person:
    """The person on the wire."""
    told = pb.Person(name=row.name, may=words_of(Right(row.rights)), created=stamp(row.created))
    if (set_ones := limits(row)).ListFields():
        told.limits.CopyFrom(set_ones)
    if row.revoked is not None:
        told.revoked.FromDatetime(row.revoked)
    tokens = session.scalars(select(Token).where(Token.person == row.name).order_by(Token.id))
    told.tokens.extend(token_message(each) for each in tokens)
    shares = session.scalars(select(Share).where(Share.person == row.name).order_by(Share.voice))
    told.shares.extend(
        pb.VoiceShare(voice=each.voice, person=row.name, may=words_of(Right(each.rights))) for each in shares
    )
    told.voices.extend(session.scalars(select(Voice.name).where(Voice.owner == row.name).order_by(Voice.name)))
    return told


def token_message(row: Token) -> pb.PersonToken:
    """A token on the wire, without itself."""
    told = pb.PersonToken(id=row.id, created=stamp(row.created), last_used=row.last_used)
    for field, time in ((told.expires, row.expires), (told.revoked, row.revoked)):
        if time is not None:
            field.FromDatetime(time)
    return told


def every(session: Session) -> list[pb.Person]:
    """All people, by their names; a caller who may not everything is told of themselves."""
    caller, query = caller_of(session), select(Person).order_by(Person.name)
    rows = session.scalars(query if caller.everything else query.where(Person.name == caller.name))
    return [message(session, row) for row in rows]


def used(session: Session, token: int, day: str) -> None:
    """A token opened on that day."""
    row = session.get(Token, token)
    if row is not None:
        row.last_used = day


# ---------------------------------------------------------------------------------------------------------------- acts


def note(session: Session, person: str, rpc: str, about: str, outcome: str, time: datetime) -> None:
    """Write down what a person did."""
    session.add(Act(time=time, person=person, rpc=rpc, object=about[:200], outcome=outcome))


def forget_acts(session: Session) -> None:
    """Acts older than a year go, and all but the newest 100,000."""
    newest = session.scalar(select(func.max(Act.id))) or 0
    session.execute(delete(Act).where(or_(Act.time < now() - YEAR, Act.id <= newest - MOST_ACTS)))


def acts(session: Session, person: str, before: int, size: int) -> list[Act]:
    """Newest first, with an id below `before` (0: from the newest)."""
    query = select(Act).order_by(Act.id.desc()).limit(size)
    if person:
        query = query.where(Act.person == person)
    return list(session.scalars(query.where(Act.id < before) if before else query))


def act_message(row: Act) -> pb.Act:
    """On the wire."""
    return pb.Act(time=stamp(row.time), person=row.person, rpc=row.rpc, object=row.object, outcome=row.outcome)
