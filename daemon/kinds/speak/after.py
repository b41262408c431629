"""Passes over speech, the daemon's side: what is refused before a worker is bothered, and what the worker is given.

Each kind at most once: of two conversions only the last would be heard, and noise that was taken out is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Voice
from daemon.errors import BadRequest, NotNow
from daemon.kinds.speak.asked import short
from daemon.state import clip_refs, consent_notes, engines, voices
from engines import registry
from engines.base import EngineInfo
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import passes
from proto import worker_pb2 as wire


def check(session: Session, asked: Sequence[pb.Pass], home: Path) -> None:
    """Whether these passes can be. Raises BadRequest, NotFound or NotNow with a sentence and what to do."""
    seen: set[str] = set()
    for one in asked:
        name = one.WhichOneof("pass") or ""
        if not name:
            raise BadRequest("A pass after speech names nothing to do.", f"There are: {passes.KNOWN}.")
        if name in seen:
            raise BadRequest(f"The pass {name} is there twice.", "Give each pass once.")
        seen.add(name)
    for one in asked:
        if one.HasField("convert"):
            converter(session, one.convert, home)
            _clips(session, _target(session, one.convert), one.convert.version, home)


def plans(session: Session, asked: Sequence[pb.Pass], home: Path) -> list[wire.PassPlan]:
    """What the worker is told, from the database as it is now. Raises as `check` does."""
    return [_plan(session, one, home) for one in asked]


def words(asked: Sequence[pb.Pass]) -> str:
    """Of a job's title: ", converted to anna, enhanced"."""
    told = (f", converted to {passes.like(one.convert)}" if one.HasField("convert") else ", enhanced" for one in asked)
    return "".join(told)


def memory(asked: Sequence[pb.Pass]) -> int:
    """Bytes of GPU memory that they want beside the voice."""
    convert = passes.conversion(asked)
    if convert is None:
        return 0
    there = registry.having(Capability.CONVERTS)
    return max((info.speak_memory for info in there if convert.engine in ("", info.name)), default=0)


def _plan(session: Session, one: pb.Pass, home: Path) -> wire.PassPlan:
    if one.HasField("enhance"):
        return wire.PassPlan(enhance=one.enhance)
    voice = _target(session, one.convert)
    conversion = wire.Conversion(
        engine=converter(session, one.convert, home).name,
        voice=passes.like(one.convert),
        reference=_clips(session, voice, one.convert.version, home),
    )
    return wire.PassPlan(convert=conversion)


def _target(session: Session, asked: pb.ConvertPass) -> Voice:
    """The voice that it is to sound like, which may be used."""
    voice = voices.get(session, asked.voice)
    consent_notes.check(session, voice.name)
    return voice


def _clips(session: Session, voice: Voice, version: int, home: Path) -> list[wire.ClipRef]:
    """What it is to sound like: the clips that a version was trained on, or (0) those of the voice as it is now."""
    if version < 0:
        raise BadRequest(f"There is no version {version}.", f"`myna versions {voice.name}` lists those there are.")
    clips = (
        clip_refs.of_version(session, voice, version, home) if version else clip_refs.reference(session, voice, home)
    )
    if not clips:
        raise NotNow(f"{voice.name} has no clips that speech could sound like.", f"`myna add {voice.name} FILES…`")
    return clips


def converter(session: Session, asked: pb.ConvertPass, home: Path) -> EngineInfo:
    """The engine that converts: the one that is named, else the first that is ready. Raises BadRequest for a name that
    no converter has, NotNow where it is not ready, or none is."""
    there = registry.having(Capability.CONVERTS)
    if asked.engine:
        chosen = [info for info in there if info.name == asked.engine]
        if there and not chosen:
            raise BadRequest(
                f"No engine named {short(asked.engine)!r} converts.",
                f"These do: {', '.join(info.name for info in there)}.",
            )
        there = chosen
    ready = [info for info in there if not engines.why_not(session, info, home)]
    if ready:
        return ready[0]
    why = engines.why_not(session, there[0], home) if there else "no engine here converts"
    raise NotNow(f"Speech cannot be converted yet: {why}.", "")
