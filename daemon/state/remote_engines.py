"""What people are told of engines that are elsewhere: whether they are switched on, where texts go, and what that
costs. Of a key no more than whether there is one."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.store import caller_of, settings_of
from daemon.remote_price import RemotePrice, price
from daemon.remote_settings import Use, use
from daemon.state import charges, remote_voices
from engines.capabilities import Capability
from engines.remote.providers import PROVIDERS
from proto import money
from proto import myna_pb2 as pb


def states(session: Session) -> list[pb.EngineState]:
    """Of each, in the order people see them."""
    return [_state(session, use(name, settings_of(session).remote)) for name in PROVIDERS]


def _state(session: Session, of: Use) -> pb.EngineState:
    info, own, asked = of.provider.info, of.settings, price(of)
    why = remote_voices.why_not(of)
    unknown = charges.unknown(session, of) if not why and caller_of(session).everything else ""
    theirs = own.enabled and remote_voices.may(session, info.name)
    told = pb.EngineState(
        name=info.name,
        title=info.title,
        licence_url=of.provider.terms if of.needs_key else "",
        accepted=True,
        ready=not (why or unknown),
        languages=info.languages,
        capabilities=[each.value for each in Capability if each in info.capabilities],
        sentence=_sentence(of, why, unknown, asked),
        remote=pb.RemoteEngine(
            enabled=own.enabled,
            has_key=remote_voices.has_key(of),
            host=of.host,
            model=of.model,
            voices=[f"{info.name}{remote_voices.MARK}{voice}" for voice in of.voices] if theirs else [],
            open=theirs and not why and not (unknown and not own.cache),
            per_million=asked.per_million,
            currency=asked.currency,
            listed=asked.listed,
        ),
    )
    if caller_of(session).everything:
        if own.budget_a_day:
            told.remote.budget_a_day.CopyFrom(pb.Money(amount=own.budget_a_day, currency=own.currency))
        if (spent := charges.spent_today(session, of)) is not None:
            told.remote.spent_today.CopyFrom(spent)
    elif why and own.enabled:
        told.sentence = "It is not set up."  # where its key should be is the owner's business
    return told


def _sentence(of: Use, why: str, unknown: str, asked: RemotePrice) -> str:
    """`why` it cannot be asked at all, and why nobody can tell what is left of its budget: for a sentence that goes on;
    empty: it can, one can."""
    if not of.settings.enabled:
        return (
            "It is elsewhere and switched off: nothing is sent to it. enabled = true in "
            f"[remote.{of.provider.name}] of myna.toml sends it what people want said with its voices."
        )
    if why:
        return f"It cannot be asked: {why}."
    if unknown:  # what costs nothing is no matter of a budget
        kept = "Only what it spoke before is answered" if of.settings.cache else "It cannot be asked"
        return f"{kept}: {unknown}."
    return f"What people want said with its voices goes to {of.host}. {_cost(of, asked)}"


def _cost(of: Use, asked: RemotePrice) -> str:
    if (cost := asked.of(1_000)) is None:
        return f"What that costs is not known: set price in [remote.{of.provider.name}]."
    listed = ", by its price list" if asked.listed else ""
    return f"1,000 characters cost {money.said(cost)}{listed}."
