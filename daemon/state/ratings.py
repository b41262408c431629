"""Ratings: what people thought of two versions that said the same. A pair is stored one way round and told as it was
asked for."""

from __future__ import annotations

import math

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from daemon.database.models import now
from daemon.database.rating_rows import Rating
from daemon.errors import BadRequest, NotFound
from daemon.state import tally, voices
from daemon.state.stamp import stamp
from daemon.state.values import Preference, from_wire, on_wire, value_of
from proto import myna_pb2 as pb

SWAPPED = {Preference.A: Preference.B, Preference.B: Preference.A}
LONGEST = 10_000  #: characters of a text


def add(session: Session, given: pb.Rating) -> Rating:
    """Store a rating. Raises BadRequest for one that says nothing or cannot be, NotFound for versions that are not
    there."""
    _pair(session, given.voice, given.a, given.b)
    preferred = value_of(Preference, given.preferred) or from_wire(Preference, given.preferred_value)
    if given.preferred and preferred is None:
        raise BadRequest(f"{given.preferred!r} is no preference.", "It is a, b, same, or nothing.")
    if max(given.score_a, given.score_b) > tally.BEST:
        raise BadRequest(
            f"{max(given.score_a, given.score_b)} is no score.", "Scores go from 1 (bad) to 5 (excellent); 0 is none."
        )
    if not (preferred or given.score_a or given.score_b):
        raise BadRequest("The rating is empty.", "Give a preference, a score, or both.")
    if len(given.text) > LONGEST:
        raise BadRequest(f"The text has {len(given.text):,} characters.", f"At most {LONGEST:,} are kept.")
    row = Rating(voice=given.voice, clip=given.clip, text=given.text, blind=given.blind, time=now())
    row.a, row.b, row.preferred, row.score_a, row.score_b = _turned(
        given.a > given.b, given.a, given.b, preferred or "", given.score_a, given.score_b
    )
    session.add(row)
    session.flush()
    return row


def remove(session: Session, voice: str, id: int) -> Rating:
    """Take a rating back. Raises NotFound."""
    voices.get(session, voice)
    row = session.get(Rating, id)
    if row is None or row.voice != voice:
        raise NotFound(f"{voice} has no rating {id}.", "It may have been taken back already.")
    session.delete(row)
    return row


def page(session: Session, voice: str, a: int, b: int, before: int, size: int) -> list[Rating]:
    """Ratings of the pair, newest first, with an id below `before` (0: from the newest)."""
    _pair(session, voice, a, b)
    query = _of(voice, a, b).order_by(Rating.id.desc()).limit(size)
    return list(session.scalars(query.where(Rating.id < before) if before else query))


def counted(session: Session, voice: str, a: int, b: int) -> pb.Tally:
    """All ratings of the pair together."""
    _pair(session, voice, a, b)
    rows = [message(row, swap=a > b) for row in session.scalars(_of(voice, a, b))]
    votes = {which: sum(row.preferred == which for row in rows) for which in Preference}
    decided = votes[Preference.A] + votes[Preference.B]
    low, high = tally.wilson(votes[Preference.B], decided)
    return pb.Tally(
        a=votes[Preference.A],
        b=votes[Preference.B],
        same=votes[Preference.SAME],
        share_b=votes[Preference.B] / decided if decided else math.nan,
        low=low,
        high=high,
        score_a=_score([row.score_a for row in rows if row.score_a]),
        score_b=_score([row.score_b for row in rows if row.score_b]),
        blind=sum(row.blind for row in rows),
        ratings=len(rows),
        sentence=_sentence(voice, a, b, votes, low, high),
    )


def blind_votes(session: Session, voice: str, one: int, other: int) -> tuple[int, int]:
    """(for one, for the other): how often it was preferred by somebody who did not know which was which."""
    query = select(Rating.preferred, func.count()).where(*_is_of(voice, one, other), Rating.blind.is_(True))
    votes = dict(session.execute(query.group_by(Rating.preferred)).tuples().all())
    first, second = votes.get(Preference.A, 0), votes.get(Preference.B, 0)
    return (first, second) if one < other else (second, first)


def message(row: Rating, *, swap: bool = False) -> pb.Rating:
    """As on the wire; with `swap` the other way round than it is stored."""
    a, b, preferred, score_a, score_b = _turned(swap, row.a, row.b, row.preferred, row.score_a, row.score_b)
    return pb.Rating(
        id=row.id, voice=row.voice, a=a, b=b, clip=row.clip, text=row.text, preferred=preferred, score_a=score_a,
        score_b=score_b, blind=row.blind, time=stamp(row.time), preferred_value=on_wire(Preference, preferred),
    )  # fmt: skip


def _turned(swap: bool, a: int, b: int, preferred: str, score_a: int, score_b: int) -> tuple[int, int, str, int, int]:
    return (
        (b, a, SWAPPED.get(value_of(Preference, preferred), preferred), score_b, score_a)
        if swap
        else (a, b, preferred, score_a, score_b)
    )


def _of(voice: str, a: int, b: int) -> Select[Rating]:
    return select(Rating).where(*_is_of(voice, a, b))


def _is_of(voice: str, a: int, b: int) -> tuple[ColumnElement[bool], ...]:
    return Rating.voice == voice, Rating.a == min(a, b), Rating.b == max(a, b)


def _pair(session: Session, voice: str, a: int, b: int) -> None:
    voices.get(session, voice)
    if a == b:
        raise BadRequest("A version cannot be compared with itself.", "Give two versions; 0 is the base.")
    for number in (a, b):
        if number:
            voices.version(session, voice, number)


def _score(scores: list[int]) -> pb.OpinionScore:
    mean, low, high = tally.opinion(scores)
    return pb.OpinionScore(count=len(scores), mean=mean, low=low, high=high)


def _sentence(voice: str, a: int, b: int, votes: dict[Preference, int], low: float, high: float) -> str:
    decided = votes[Preference.A] + votes[Preference.B]
    if not decided:
        return "Nobody has preferred one of them yet."
    names = {Preference.A: voices.said(voice, a), Preference.B: voices.said(voice, b)}
    more = Preference.B if votes[Preference.B] >= votes[Preference.A] else Preference.A
    share, bottom, top = votes[more] / decided, *((low, high) if more is Preference.B else (1 - high, 1 - low))
    said = (
        f"{names[more]} was preferred {votes[more]} of {decided} times ({share:.0%}; 95 % "
        f"interval {bottom:.0%} to {top:.0%})"
    )
    return f"{said}: {'more than chance' if bottom > 0.5 else 'that may still be chance'}."
