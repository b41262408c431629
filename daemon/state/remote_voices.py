"""Voices of engines that are elsewhere: "openai:alloy". They have no rows: nothing is recorded, trained, exported or
shared of them, and whoever asks for that is told so. They speak where the owner switched their engine on."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Voice, now
from daemon.database.store import caller_of, settings_of
from daemon.errors import BadRequest, MynaError, NotAllowed, NotFound, NotNow
from daemon.remote_price import keeps_budget
from daemon.remote_settings import Use, use
from engines.remote import key
from engines.remote.key import KeyMissing
from engines.remote.providers import PROVIDERS
from proto import worker_pb2 as wire

MARK = ":"  #: between engine and voice: in no name of a voice that is made here
FOLDER = "remote"  #: in the home: what was spoken before, by engine
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LOCALE = re.compile(r"([a-z]{2,3})-[A-Za-z]")  #: "de-DE-KatjaNeural" speaks German


def is_one(name: str) -> bool:
    """Whether a name is of a voice of an engine elsewhere, or is meant to be."""
    return MARK in name


def get(session: Session, name: str) -> Voice:
    """The voice, as a row that is in no table; its language is empty where it speaks any. Raises NotFound for what
    names none, NotAllowed for a person who may not speak with it."""
    engine, _, voice = name.partition(MARK)
    if engine not in PROVIDERS:
        raise NotFound(f"There is no engine named {engine!r} elsewhere.", f"There are: {', '.join(PROVIDERS)}.")
    if not _NAME.fullmatch(voice):
        raise NotFound(f"{name!r} names no voice of {engine}.", f"Write it like {engine}:{_example(engine)}.")
    require(session, name)
    locale = _LOCALE.match(voice) if engine == "azure" else None
    return Voice(
        name=name, language=locale[1] if locale is not None else "", engine=engine, options={}, created=now(),
        owner=None, promoted=None, deleted=None, renamed_from=None,
    )  # fmt: skip


def refused(name: str) -> MynaError:
    """What is said where a voice is wanted that is made here."""
    engine = name.partition(MARK)[0]
    if engine not in PROVIDERS:
        return NotFound(f"There is no voice named {name!r}.", "`myna voices` lists those there are.")
    return BadRequest(
        f"{name} is a voice of {engine}, which is elsewhere and only speaks: there is nothing of it to train, derive, "
        "export or change here.",
        "`myna say` and `myna compare` take it.",
    )


def may(session: Session, engine: str) -> bool:
    """Whether the caller may speak with an engine elsewhere."""
    return caller_of(session).everything or bool(rights(session, engine) & Right.SPEAK)


def rights(session: Session, name: str) -> Right:
    """What a person may do with it: who may not everything."""
    engine = name.partition(MARK)[0]
    tables = settings_of(session).remote
    open_to_them = engine in PROVIDERS and tables[engine].enabled and tables[engine].people
    return caller_of(session).rights & (Right.SPEAK | Right.READ) if open_to_them else Right.NONE


def require(session: Session, name: str) -> None:
    """Raises NotAllowed for a person who may not speak with it."""
    engine = name.partition(MARK)[0]
    if not may(session, engine):
        raise NotAllowed(
            f"{caller_of(session).title} may not speak with {engine}, which is elsewhere and costs the owner.",
            "Ask the owner: people = true in its table of myna.toml lets everybody who may speak.",
        )


def check_ready(session: Session, engine: str) -> Use:
    """How it is used, if it could be asked now. Raises NotNow, with what to do."""
    found = use(engine, settings_of(session).remote)
    why = why_not(found)
    if why and not caller_of(session).everything:
        raise NotNow(f"{engine} cannot be asked now: it is not set up.", "Ask the owner of the workstation.")
    if why:
        raise NotNow(f"{engine} cannot be asked: {why}.", _what_to_do(found))
    return found


def why_not(of: Use) -> str:
    """Why an engine cannot be asked now, for a sentence that goes on; empty: it can."""
    if not of.settings.enabled:
        return "it is switched off, and nothing is sent to it"
    if not of.base_url:
        return "nobody said where it is"
    if of.key_file is None:
        return "there is no key for it" if of.needs_key else keeps_budget(of)
    try:
        key.read(of.key_file)
    except KeyMissing as error:
        return _going_on(str(error))
    return keeps_budget(of)


def has_key(of: Use) -> bool:
    """Whether there is a key that could be used."""
    try:
        return of.key_file is not None and bool(key.read(of.key_file))
    except KeyMissing:
        return False


def speaker(of: Use, voice: str, person: str, home: Path) -> wire.RemoteSpeaker:
    """How a worker asks for it. What was spoken for one person is kept for that person."""
    return wire.RemoteSpeaker(
        voice=voice.partition(MARK)[2],
        model=of.model,
        base_url=of.base_url,
        key_file=str(of.key_file) if of.key_file is not None else "",
        cache_dir=str(home / FOLDER / of.provider.name),
        cache_bytes=of.settings.cache,
        person=person,
    )


def _example(engine: str) -> str:
    return {"openai": "alloy", "elevenlabs": "21m00Tcm4TlvDq8ikWAM", "azure": "en-US-JennyNeural"}[engine]


def _going_on(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _what_to_do(of: Use) -> str:
    name = of.provider.name
    if not of.settings.enabled:
        return (
            f"What people want said goes to {of.host or name} then: set enabled = true in [remote.{name}] of myna.toml "
            "if that is what you want, and start mynad again."
        )
    if not of.base_url:
        return f"Set base_url in [remote.{name}] of myna.toml: https://REGION.tts.speech.microsoft.com, say."
    if of.key_file is None:
        return f"Write it into a file, `chmod 600` it, and name it as key_file in [remote.{name}] of myna.toml."
    try:
        key.read(of.key_file)
    except KeyMissing as error:
        return error.hint
    return f"Set price and currency in [remote.{name}] of myna.toml, or leave its budgets out."
