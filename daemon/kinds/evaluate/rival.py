"""Against rot: trainings that build on each other can drift away from the person, each by less than a verdict sees.
After some of them, or when likeness fell on the way, a training from the base on all clips competes with the chain, and
the verdict chooses."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Version, Voice
from daemon.errors import MynaError
from daemon.kinds.kind import FollowUp
from daemon.state import events, lineage, voices
from daemon.state.values import Level
from engines.metrics.rule import Rule
from proto import myna_pb2 as pb


class Why(StrEnum):
    """Why a rival from the base is trained."""

    LONG = "long"  #: the chain has grown by as many trainings as the voice's rule says
    LESS_LIKE = "less like"  #: a version before it on the chain was more like the person


def follow_ups(session: Session, voice: Voice, *, trains: bool) -> Sequence[FollowUp]:
    """The training from the base that is due now that another version speaks; none if none is. `trains`: the voice is
    trained by itself; else it is only told of."""
    speaks = voices.promoted(session, voice)
    if speaks is None or speaks.engine != voice.engine:
        return ()
    why = _why(session, speaks, Rule.from_json(voices.option(voice, "promotion")))
    if why is None:
        return ()
    name, command = voices.spelt(voice.name, speaks.number), f"`myna train {voice.name} --from base`"
    sentence = _sentence(why, name, len(lineage.ancestors(session, speaks)))
    if not trains:
        hint = f"{command} trains one from the base on all clips, and the verdict tells which is better."
        events.notice(session, Level.INFO, sentence, hint, voice.name)
        return ()
    events.notice(session, Level.INFO, f"{sentence} One from the base, on all clips, competes with it.", "", voice.name)
    spec = pb.TrainSpec(voice=voice.name)
    setattr(spec, "from", "base")

    def refused(error: MynaError) -> None:
        events.notice(session, Level.WARNING, f"No training from the base: {error.sentence}", error.hint, voice.name)

    return [FollowUp(pb.JobSpec(train=spec), f"rival-of-{voice.name}-{speaks.number}", refused)]


def _sentence(why: Why, name: str, count: int) -> str:
    match why:
        case Why.LONG:
            return f"{name} came of {count} trainings on top of the first."
        case Why.LESS_LIKE:
            return f"{name} sounds less like the recordings than a version before it."


def _why(session: Session, speaks: Version, rule: Rule) -> Why | None:
    """Why a rival is due for the version that speaks; None: it is not."""
    before = lineage.ancestors(session, speaks)
    if not rule.rival_every or not before:
        return None
    if len(before) % rule.rival_every == 0:
        return Why.LONG
    of = select(Version).where(Version.voice == speaks.voice, Version.number.in_(before))
    lines = speaks.metrics.get(voices.SCORED_ON)
    same = [row.metrics for row in session.scalars(of) if lines and row.metrics.get(voices.SCORED_ON) == lines]
    best = max((likeness for row in same if (likeness := row.get("similarity")) is not None), default=None)
    own = speaks.metrics.get("similarity")
    return Why.LESS_LIKE if best is not None and own is not None and own < best - rule.similarity_loss else None
