"""A voice whose `voice.toml` says `auto_push = "URL"` sends each version there that begins to speak."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Promotion, Voice
from daemon.errors import MynaError
from daemon.kinds.kind import FollowUp
from daemon.places import allowed
from daemon.places.place import parse
from daemon.settings import Settings
from daemon.state import events, voices
from daemon.state.values import Level
from proto import myna_pb2 as pb


def follow_ups(session: Session, voice: Voice, settings: Settings) -> Sequence[FollowUp]:
    """The push that follows from the voice's newest promotion; the same promotion twice is one push. None: its
    voice.toml asks for none, or it may not go there, which is told."""
    url, number = str(voice.options.get(allowed.AUTO_PUSH, "")), voice.promoted
    newest = select(Promotion.id).where(Promotion.voice == voice.name, Promotion.version == number)
    promotion = session.scalars(newest.order_by(Promotion.id.desc()).limit(1)).first()
    if not url or number is None or promotion is None:
        return ()
    name = voices.spelt(voice.name, number)

    def refused(error: MynaError) -> None:
        events.notice(session, Level.WARNING, f"{name} is not pushed: {error.sentence}", error.hint, voice.name)

    try:
        place = parse(url)
    except MynaError as error:
        refused(error)
        return ()
    if not allowed.by_itself(place, settings, voice):
        hint = f"An administrator adds it to allow in [push], or pushes it: `myna push {name} URL`."
        sentence = f"{name} is not pushed: {place} is not among the places for everybody."
        events.notice(session, Level.WARNING, sentence, hint, voice.name)
        return ()
    spec = pb.JobSpec(push=pb.PushSpec(voice=voice.name, version=number, url=str(place)))
    return [FollowUp(spec, f"push after promotion {promotion}", refused)]
