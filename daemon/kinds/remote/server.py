"""Speech by an engine elsewhere, the daemon's side: whether it may be asked, how, and what that costs at most."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import caller_of, settings_of
from daemon.errors import BadRequest, NotFound, QuotaReached
from daemon.kinds.evaluate import across
from daemon.kinds.remote import kept, request
from daemon.kinds.speak.asked import BASE, check_manner, check_words, short
from daemon.remote_price import price
from daemon.remote_settings import Use, use
from daemon.state import charges, engines, remote_voices, voices
from engines.capabilities import Capability
from engines.remote.providers import PROVIDERS
from proto import money
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start


def check(session: Session, asked: pb.SpeakSpec, home: Path) -> tuple[str, str]:
    """(voice, title) of a job that speaks as a voice elsewhere. Raises MynaError, with what to do."""
    voice = remote_voices.get(session, asked.voice)
    provider = PROVIDERS[voice.engine]
    if asked.version not in (0, BASE):
        raise NotFound(f"{voice.name} has no versions: it is elsewhere.", f"Write just {voice.name}.")
    if asked.references or asked.speaker:
        engines.require(provider.info, Capability.REFERENCES)
    if asked.after:
        sentence = f"What {voice.name} says cannot go through passes: it is not spoken here."
        raise BadRequest(sentence, "Leave --after out.")
    check_words(asked)
    asked.language = asked.language or voice.language or settings_of(session).default_language
    if voices.language(asked.language) not in provider.info.languages:
        sentence = f"The engine {provider.name} does not speak {asked.language!r}."
        raise BadRequest(sentence, f"It speaks {', '.join(provider.info.languages)}.")
    asked.speed = asked.speed or 1.0
    check_manner(asked, provider.info)
    slowest, fastest = provider.speeds
    if not slowest <= asked.speed <= fastest:
        sentence = f"The engine {provider.name} speaks at a speed of {slowest:g} to {fastest:g}, not {asked.speed:g}."
        raise BadRequest(sentence, "Choose one of these.")
    if asked.HasField("temperature"):
        raise BadRequest(f"The engine {provider.name} takes no temperature.", "Leave it out.")
    asked.version = BASE
    of = remote_voices.check_ready(session, provider.name)
    _require(session, of, asked, caller_of(session).name, home)
    return voice.name, f"say “{short(asked.text)}” as {voice.name}"


def plan(session: Session, job: Job, home: Path, watermark: str) -> Start:
    """What the worker is to do, if it still may: others may have spent what is left of a budget meanwhile."""
    asked = pb.JobSpec.FromString(job.spec).speak
    engine = asked.voice.partition(remote_voices.MARK)[0]
    of = remote_voices.check_ready(session, engine)
    at_most = _require(session, of, asked, job.person, home, asked_now=False)
    speaker = remote_voices.speaker(of, asked.voice, job.person, home)
    if at_most is not None:
        speaker.at_most = at_most
    return Start(remote=wire.RemotePlan(spec=asked, engine=engine, speaker=speaker, watermark=watermark))


def _require(
    session: Session, of: Use, asked: pb.SpeakSpec, person: str, home: Path, *, asked_now: bool = True
) -> int | None:
    """How many characters may be sent for it; None: any number. What was spoken before costs nothing, and is no matter
    of a budget. Raises as `charges.require`, whose `asked_now` it has."""
    try:
        charges.require(session, of, person, of.provider.billed(asked.text), asked_now=asked_now)
    except QuotaReached:
        new, before = kept.of_request(of, asked.voice, request.of(asked), person, home)
        if not before:
            raise
        charges.require(session, of, person, new, asked_now=asked_now)
        return new
    return None


# ----------------------------------------------------------------------------------------------- what it costs at most


def priced(session: Session, asked: pb.PriceRequest, home: Path) -> pb.PriceResponse:
    """What speech or a comparison would cost at most. Raises as these do, where they would be refused."""
    told = pb.PriceResponse()
    if asked.WhichOneof("what") == "evaluate":
        both = across.wanted(session, asked.evaluate)
        for side, texts in across.elsewhere(session, both) if both is not None else ():
            told.prices.append(_price(session, side.voice.name, texts))
    elif remote_voices.is_one(asked.speak.voice):
        check(session, asked.speak, home)
        told.prices.append(_price(session, asked.speak.voice, [asked.speak.text]))
    return told


def _price(session: Session, voice: str, texts: list[str]) -> pb.RemotePrice:
    of = use(voice.partition(remote_voices.MARK)[0], settings_of(session).remote)
    characters = sum(map(of.provider.billed, texts))
    cost = price(of).of(characters)
    told = pb.RemotePrice(engine=of.provider.name, voice=voice, host=of.host, characters=characters, cost=cost)
    told.sentence = _sentence(of, characters, cost)
    return told


def _sentence(of: Use, characters: int, cost: pb.Money | None) -> str:
    count = f"{characters:,} character{'' if characters == 1 else 's'}"
    if cost is None:
        return f"{count} go to {of.host}; what that costs is not known: set price in [remote.{of.provider.name}]."
    listed = " by its price list" if price(of).listed else ""
    return f"{count} go to {of.host}, which costs at most {money.said(cost)}{listed}."
