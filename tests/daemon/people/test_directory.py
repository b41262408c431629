"""Who a token's caller is, looked up in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from timeit import repeat

from sqlalchemy.orm import Session

from daemon.caller import OWNER, Caller, Right
from daemon.database.models import now
from daemon.database.people_rows import Token
from daemon.database.store import Store
from daemon.services.directory import Directory
from daemon.state import people
from proto import myna_pb2 as pb


def fill(session: Session) -> tuple[str, str, str]:
    """(a token that opens, one that has expired, one that was revoked)."""
    people.add(session, pb.AddPersonRequest(name="bob", may=["speak"]))
    tokens = [people.new_token(session, "bob", 0.0) for _ in range(3)]
    (good, _), (expired, late), (revoked, gone) = tokens
    session.get_one(Token, late.id).expires = now() - timedelta(seconds=1)
    people.revoke(session, "", gone.id)
    return good, expired, revoked


def test_a_refusal_takes_the_same_work_whatever_is_wrong(store: Store) -> None:
    _, expired, revoked = store.write_now(fill)
    directory = Directory("a token of the owner's")
    directory.open(store)
    wrong = "myna_" + "x" * 43
    for token in (wrong, expired, revoked):
        assert directory.by_token(token) is None
    took = [min(repeat(lambda token=token: directory.by_token(token), number=50, repeat=60))
            for token in (wrong, expired, revoked)]  # fmt: skip
    assert max(took) < 2 * min(took), took


def test_the_day_of_its_last_use_is_kept_once(store: Store) -> None:
    good, *_ = store.write_now(fill)

    async def twice() -> tuple[Caller | None, int]:
        directory = Directory()
        directory.open(store)
        found = [directory.by_token(good), directory.by_token(good)]
        waiting = len(asyncio.all_tasks()) - 1
        await store.write(lambda session: None)
        return found[0], waiting

    assert asyncio.run(twice()) == (Caller("bob", Right.SPEAK), 1)
    assert store.read_now(people.every)[0].tokens[0].last_used == f"{now():%Y-%m-%d}"


def test_the_owners_token_is_the_owner_and_nobody_has_none(store: Store) -> None:
    directory = Directory("a token of the owner's")
    directory.open(store)
    assert directory.by_token("a token of the owner's") is OWNER
    assert directory.by_token("") is None
    without = Directory()
    without.open(store)
    assert without.by_token("") is None
