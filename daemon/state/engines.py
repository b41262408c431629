"""What people are told of an engine, and their consent to its licence."""

from __future__ import annotations

import getpass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.orm import Session

from daemon.errors import NotFound
from daemon.models import Consent
from engines import registry
from engines.base import EngineInfo
from proto import myna_pb2 as pb


def engine_state(info: EngineInfo, consent: Consent | None) -> pb.EngineState:
    """An engine as it stands: its licence, whether it was accepted, and what it still needs."""
    accepted = consent is not None
    state = pb.EngineState(
        name=info.name,
        title=info.title,
        licence=info.licence,
        licence_url=info.licence_url,
        needs_consent=info.needs_consent,
        accepted=accepted or not info.needs_consent,
        languages=info.languages,
    )
    if consent is not None:
        stamp = Timestamp()
        stamp.FromDatetime(consent.time)
        state.accepted_at.CopyFrom(stamp)
    if info.needs_consent and not accepted:
        state.sentence = f"Its weights are under {info.licence}: read {info.licence_url}, then `myna engines accept {info.name}`."
    elif info.weights:
        state.sentence = "Its weights are fetched when it is first used."
        state.ready = True
    else:
        state.sentence = "Its base comes with Myna."
        state.ready = True
    return state


def accept(session: Session, name: str, time: datetime) -> pb.EngineState:
    """Record that the user of this machine accepted an engine's licence; once given, it stays as it was. Raises NotFound."""
    info = registry.ENGINES.get(name)
    if info is None:
        raise NotFound(f"There is no engine named {name!r}.", f"Use one of: {', '.join(registry.ENGINES)}.")
    consent = session.get(Consent, name)
    if consent is None and info.needs_consent:
        consent = Consent(engine=name, licence=info.licence, by=getpass.getuser(), time=time)
        session.add(consent)
    return engine_state(info, consent)
