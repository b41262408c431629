"""Who a token's caller is, looked up in memory."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from timeit import repeat

import pytest
from sqlalchemy.orm import Session

from daemon.caller import OWNER, Caller, Right
from daemon.database.models import now
from daemon.database.people_rows import Person, Token
from daemon.database.store import Store
from daemon.services.directory import Directory
from daemon.services.people import PeopleService
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
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*waiting)
        return found[0], len(waiting)

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


def test_of_two_changes_at_once_what_was_read_before_the_second_does_not_hide_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, *_ = store.write_now(fill)
    has_read, go_on, known = threading.Event(), threading.Event(), people.known

    def slow(session: Session) -> people.Known:
        found = known(session)
        if not has_read.is_set():  # the first of the two
            has_read.set()
            assert go_on.wait(10)
        return found

    async def life() -> Caller | None:
        directory = Directory()
        directory.open(store)
        monkeypatch.setattr(people, "known", slow)
        first = asyncio.create_task(directory.changed())
        assert await asyncio.to_thread(has_read.wait, 10)
        await store.write(people.revoke, "bob", 0)
        second = asyncio.create_task(directory.changed())
        await asyncio.wait([second], timeout=0.5)  # it ends, or waits for the first
        go_on.set()
        await asyncio.gather(first, second)
        return directory.by_token(good)

    assert asyncio.run(life()) is None


def test_whoever_is_revoked_is_out_though_the_one_who_asked_for_it_hangs_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, *_ = store.write_now(fill)
    began, go_on, revoke = threading.Event(), threading.Event(), people.revoke

    def slow(session: Session, name: str, token: int) -> Person:
        began.set()
        assert go_on.wait(10)
        return revoke(session, name, token)

    monkeypatch.setattr(people, "revoke", slow)

    async def life() -> Caller | None:
        directory = Directory()
        directory.open(store)
        service = PeopleService(store, directory)
        asked = asyncio.create_task(service.Revoke(pb.RevokeRequest(name="bob"), None))
        assert await asyncio.to_thread(began.wait, 10)
        asked.cancel()
        go_on.set()
        await asyncio.wait([asked], timeout=10)
        await store.write(lambda session: None)  # behind the other
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)
        return directory.by_token(good)

    assert asyncio.run(life()) is None
