"""What people are told of an engine: the consent to its licence, whether its base is here, and what it still needs."""

from __future__ import annotations

import getpass
import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Consent, Job, Voice, now
from daemon.database.store import caller_of
from daemon.errors import BadRequest, NotFound, NotNow
from engines import registry, weights
from engines.base import EngineInfo, WeightsFile
from engines.capabilities import Capability
from engines.errors import BadInput
from proto import myna_pb2 as pb


def info(name: str, wanted: Capability | None = None) -> EngineInfo:
    """Raises NotFound with the engines there are, of which only those with the capability that is wanted are named."""
    known = registry.ENGINES.get(name)
    if known is None:
        there = registry.ENGINES.values() if wanted is None else registry.having(wanted)
        raise NotFound(f"There is no engine named {name!r}.", f"Use one of: {', '.join(one.name for one in there)}.")
    return known


def anywhere(name: str) -> EngineInfo:
    """The same, also of an engine elsewhere."""
    return registry.REMOTE.get(name) or info(name)


def of_voice(session: Session, voice: str) -> EngineInfo | None:
    """The engine of a voice; None if there is no such voice or engine."""
    row = session.get(Voice, voice)
    return registry.ENGINES.get(row.engine) if row is not None else None


def require(engine: EngineInfo, capability: Capability) -> None:
    """Raises BadRequest, with what the engine does instead, for one that cannot do what is asked."""
    try:
        registry.require(engine, capability)
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def speaking(session: Session, home: Path) -> list[str]:
    """Engines that could speak for one of the voices there are now, in the registry's order."""
    used = set(session.scalars(select(Voice.engine).distinct()))
    return [
        name
        for name, engine in registry.ENGINES.items()
        if name in used and Capability.SPEAKS in engine.capabilities and not why_not(session, engine, home)
    ]


def given_base(engine: EngineInfo) -> str:
    """The environment variable that names the base's folder, if it does; else empty."""
    variable = weights.variable(engine.name)
    return variable if os.environ.get(variable) else ""


def base(engine: EngineInfo, home: Path) -> Path:
    """Folder of an engine's base, for one that does not ship with Myna."""
    return weights.folder(engine.name, home)


def lacking(engine: EngineInfo, home: Path) -> list[WeightsFile]:
    """Files of the base that are not here."""
    return weights.missing(engine, base(engine, home))


def consent(session: Session, engine: EngineInfo) -> Consent | None:
    """The consent to an engine's licence, None where none is needed. Raises NotNow, with how to give it, where it is
    missing."""
    given = session.get(Consent, engine.name) if engine.needs_consent else None
    if engine.needs_consent and given is None:
        hint = f"Read it at {engine.licence_url}, then `myna engines accept {engine.name}`."
        raise NotNow(f"The weights of {engine.name} are under the {engine.licence}, which nobody accepted yet.", hint)
    return given


def licence(session: Session, engine: EngineInfo) -> str:
    """What is shown with every version: the licence of the engine's weights; where it needs that, who accepted it here
    and when. Raises NotNow where nobody did."""
    given = consent(session, engine)
    return f"{engine.licence}, accepted by {given.by} on {given.time:%Y-%m-%d}" if given is not None else engine.licence


def accepted(session: Session) -> list[str]:
    """Engines whose licence was accepted here, or needs nobody's consent."""
    given = set(session.scalars(select(Consent.engine)))
    return [name for name, engine in registry.ENGINES.items() if name in given or not engine.needs_consent]


def why_not(session: Session, engine: EngineInfo, home: Path) -> str:
    """Why the engine cannot work now, for a job that waits; empty: it can."""
    if engine.needs_consent and session.get(Consent, engine.name) is None:
        return f"the {engine.licence} of {engine.name} is not accepted: `myna engines accept {engine.name}`"
    if not engine.weights or not lacking(engine, home):
        return ""
    if (fetch := fetching(session, engine.name)) is not None:
        return f"the base of {engine.name} is being fetched (fetch #{fetch.id})"
    return f"the base of {engine.name} is not here: {_get(engine)}"


def fetching(session: Session, name: str) -> Job | None:
    """The job that brings an engine's base, or a recogniser, here, if there is one that has not ended."""
    for job in session.scalars(select(Job).where(text(LIVE), Job.kind == "fetch").order_by(Job.id)):
        if pb.JobSpec.FromString(job.spec).fetch.engine == name:
            return job
    return None


def state(session: Session, engine: EngineInfo, home: Path) -> pb.EngineState:
    """An engine as it stands."""
    given = session.get(Consent, engine.name)
    message = pb.EngineState(
        name=engine.name,
        title=engine.title,
        licence=engine.licence,
        licence_url=engine.licence_url,
        needs_consent=engine.needs_consent,
        accepted=given is not None or not engine.needs_consent,
        languages=engine.languages,
        capabilities=[each.value for each in Capability if each in engine.capabilities],
        size=sum(file.size for file in engine.weights),
        sign_in=engine.sign_in,
        options=[
            pb.EngineOption(name=name, usual=o.usual, least=o.least, most=o.most, whole=o.kind is int, what=o.what)
            for name, o in engine.options.items()
        ],
    )
    if given is not None:
        message.accepted_at.FromDatetime(given.time)
    if engine.weights:
        message.base, message.present = str(base(engine, home)), weights.present(engine, base(engine, home))
    message.ready = not why_not(session, engine, home)
    message.sentence = _sentence(session, engine, message, home)
    return message


def accept(session: Session, name: str, home: Path, time: datetime | None = None) -> pb.EngineState:
    """Record that the user of this machine accepted an engine's licence; once given, it stays as it was. Raises
    NotFound."""
    engine = info(name)
    if session.get(Consent, name) is None and engine.needs_consent:
        session.add(Consent(engine=name, licence=engine.licence, by=_who(session), time=time or now()))
        session.flush()
    return state(session, engine, home)


def _who(session: Session) -> str:
    """Who accepts: the person, or the user that mynad works for."""
    return caller_of(session).name or getpass.getuser()


def _sentence(session: Session, engine: EngineInfo, message: pb.EngineState, home: Path) -> str:
    if not engine.weights:
        return "Its base comes with Myna."
    if not message.accepted:
        return (
            f"Its weights are under the {engine.licence}: read {engine.licence_url}, then `myna "
            f"engines accept {engine.name}`."
        )
    if message.ready:
        return f"Its base is in {message.base} ({message.present / 1e9:.2g} GB)."
    if (fetch := fetching(session, engine.name)) is not None:
        return (
            f"Its base is being fetched (fetch #{fetch.id}): {message.present / 1e9:.1f} of "
            f"{message.size / 1e9:.1f} GB are here."
        )
    names = ", ".join(file.name for file in lacking(engine, home))
    if variable := given_base(engine):
        return f"{message.base} lacks {names}: {variable} must name a folder that has the whole base, or be unset."
    return f"Its base is not here ({names}): {_get(engine)}."


def _get(engine: EngineInfo) -> str:
    if engine.sign_in:
        return f"download it at {engine.sign_in}, then `myna engines add {engine.name} FOLDER`"
    return f"`myna engines fetch {engine.name}` gets it, `myna engines add {engine.name} FOLDER` takes it from a folder"
