"""Events: every one after a cursor, once, in order, whatever the watcher's pace."""

from __future__ import annotations

import asyncio

import lives
import pytest
from sqlalchemy import select

from daemon.database.models import EventRow
from daemon.database.store import Store
from daemon.errors import CursorTooOld
from daemon.state import events, jobs, waiting
from daemon.state.waiting import Note
from proto import myna_pb2 as pb


def tell(store: Store, text: str, voice: str = "") -> None:
    store.write_now(events.notice, "info", text, "", voice)


async def take(hub: events.EventHub, cursor: int, count: int, voice: str = "") -> list[str]:
    watch = hub.watch(cursor, voice)
    try:
        return [(await asyncio.wait_for(anext(watch), 10)).notice.sentence for _ in range(count)]
    finally:
        await watch.aclose()


def test_a_watch_gives_what_was_and_then_what_comes(store: Store) -> None:
    async def scene() -> list[str]:
        hub = events.EventHub(store)
        tell(store, "before")
        watching = asyncio.ensure_future(take(hub, 0, 3))
        await store.write(events.notice, "info", "during")
        await store.write(events.notice, "info", "after")
        return await watching

    assert asyncio.run(scene()) == ["before", "during", "after"]


def test_a_watch_goes_on_from_its_cursor(store: Store) -> None:
    for n in range(10):
        tell(store, str(n))
    first = store.read_now(events.after, 0)[0]

    async def scene() -> list[str]:
        return await take(events.EventHub(store), first[6].cursor, 3)

    assert asyncio.run(scene()) == ["7", "8", "9"]


@pytest.mark.long
def test_many_watchers_at_different_paces_all_get_everything(store: Store) -> None:
    async def scene() -> list[list[str]]:
        hub = events.EventHub(store)
        watchers = [asyncio.ensure_future(take(hub, 0, 600)) for _ in range(4)]
        for n in range(600):
            await store.write(events.notice, "info", str(n))
        return await asyncio.gather(*watchers)

    assert asyncio.run(scene()) == [[str(n) for n in range(600)]] * 4


def test_a_watch_of_one_voice_hears_only_of_it(store: Store) -> None:
    tell(store, "bob's", "bob")
    tell(store, "anna's", "anna")
    assert asyncio.run(_one(store, "anna")) == ["anna's"]


async def _one(store: Store, voice: str) -> list[str]:
    return await take(events.EventHub(store), 0, 1, voice)


def test_a_cursor_from_before_the_pruning_is_refused_with_a_way_out(store: Store) -> None:
    for n in range(20):
        tell(store, str(n))
    store.write_now(events.prune, 5)
    with pytest.raises(CursorTooOld, match="watch from now"):
        store.read_now(events.after, 3)
    assert [event.notice.sentence for event in store.read_now(events.after, 15)[0]] == ["15", "16", "17", "18", "19"]


def test_many_events_are_forgotten_a_few_at_a_time(store: Store) -> None:
    for n in range(20):
        tell(store, str(n))
    more = [store.write_now(events.prune, 5, 6) for _ in range(3)]
    assert more == [True, True, False]
    kept = store.read_now(events.after, 15)[0]
    assert [event.notice.sentence for event in kept] == ["15", "16", "17", "18", "19"]
    assert not store.write_now(events.prune, 5, 6)
    assert not store.write_now(events.prune, 5_000)


def test_cursors_are_never_used_again(store: Store) -> None:
    tell(store, "a")
    top = store.read_now(events.newest)
    store.write_now(events.prune, 0)
    tell(store, "b")
    assert store.read_now(events.newest) == top + 1


def test_a_cursor_of_another_home_is_refused_with_a_way_out(store: Store) -> None:
    """Waiting for this home's cursors to catch up would skip all that happens till then."""
    tell(store, "a")
    with pytest.raises(CursorTooOld, match="watch from now"):
        store.read_now(events.after, 1_000)


def test_what_a_job_is_to_say_is_kept_once_and_not_in_each_of_its_events(store: Store) -> None:
    book = "All of it. " * 9_000
    spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text=book))
    id = store.write_now(lambda session: lives.submit(session, spec).id)
    for why in ("GPU held by train #1", "disk 0.4 GB short"):
        store.write_now(lambda session, why=why: waiting.tell(session, jobs.get(session, id), Note(why)))
    sizes = store.read_now(lambda session: [len(row.payload) for row in session.scalars(select(EventRow))])
    assert len(sizes) == 3
    assert max(sizes) < 1_000
    heard, _ = store.read_now(events.after, 0)
    assert [event.job.spec.speak.text for event in heard] == [book] * 3
