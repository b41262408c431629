"""Against rot, and against standing still. Trainings that build on each other can drift away from the person, each by
less than a verdict sees: after some of them, or when likeness fell on the way, a training from the base on all clips
competes with the chain, and the verdict chooses. And an increment of what speaks, a short training on top of it or one
that is half of it, may gain too little for a verdict though there are far more clips by now than that was trained on:
then one from the base on all of them competes, too."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Version, Voice
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
    GROWN = "grown"  #: there are far more clips than it was trained on, and one on top of it was not promoted


#: Times the clips that the speaking version was trained on, from which a voice has grown.
GROWN = 1.5


def follow_ups(session: Session, voice: Voice, *, trains: bool) -> Sequence[FollowUp]:
    """The training from the base that is due now that another version speaks; none if none is. `trains`: the voice is
    trained by itself; else it is only told of."""
    speaks = voices.promoted(session, voice)
    if speaks is None or speaks.engine != voice.engine:
        return ()
    why = _why(session, speaks, _rule(voice))
    return _due(session, voice, speaks, why, f"rival-of-{voice.name}-{speaks.number}", trains=trains) if why else ()


def after_refusal(session: Session, voice: Voice, candidate: Version, *, trains: bool) -> Sequence[FollowUp]:
    """The training from the base that is due now that a candidate was not promoted; none if none is. `trains` as in
    `follow_ups`."""
    speaks = voices.promoted(session, voice)
    if speaks is None or speaks.engine != voice.engine or candidate.parent != speaks.number:
        return ()
    if not _rule(voice).rival_every or _trained_from_base(session, candidate):
        return ()
    before, after = (_clips(session, voice.name, row.dataset) for row in (speaks, candidate))
    if not before or after < GROWN * before:
        return ()
    key = f"rival-of-{voice.name}-{speaks.number}-on-{candidate.dataset}"
    return _due(session, voice, speaks, Why.GROWN, key, trains=trains)


def _due(session: Session, voice: Voice, speaks: Version, why: Why, key: str, *, trains: bool) -> Sequence[FollowUp]:
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

    return [FollowUp(pb.JobSpec(train=spec), key, refused)]


def _rule(voice: Voice) -> Rule:
    return Rule.from_json(voices.option(voice, "promotion"))


def _trained_from_base(session: Session, like: Version) -> bool:
    """Whether there is a version of the same dataset that was trained from the base."""
    of = select(Version.number).where(Version.voice == like.voice, Version.dataset == like.dataset)
    return session.scalars(of.where(Version.parent == 0)).first() is not None


def _clips(session: Session, voice: str, number: int) -> int:
    """Clips that train in a dataset."""
    return session.scalar(select(Dataset.clips).where(Dataset.voice == voice, Dataset.number == number)) or 0


def _sentence(why: Why, name: str, count: int) -> str:
    match why:
        case Why.LONG:
            return f"{name} came of {count} trainings after the first."
        case Why.LESS_LIKE:
            return f"{name} sounds less like the recordings than a version before it."
        case Why.GROWN:
            return f"Far more clips are here than {name} was trained on, and an increment of it gained too little."


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
