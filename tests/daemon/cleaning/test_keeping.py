"""Cleaning: what is too old goes and says why; when the disk is short, the least useful goes first and no more than has
to; what is never deleted stays whatever is asked."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from living_daemon import Living, lived
from year_old import LONG_AGO, cleaning, job, put, rejected, training

from daemon.cleaning.cleaning import Cleaned
from daemon.cleaning.values import What, Why
from daemon.database.models import EventRow, Job, Version, Voice, now
from daemon.database.store import Store
from daemon.keep_settings import Keep
from daemon.state import events, jobs
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


def names(done: Cleaned) -> list[tuple[What, str]]:
    return [(one.what, one.name) for one, _ in done.gone]


def test_what_is_too_old_goes_and_what_is_younger_stays(store: Store, tmp_path: Path) -> None:
    young = timedelta(days=5)

    def lay(session: Session) -> tuple[list[Path], list[Path]]:
        old_log = put(tmp_path / "log" / f"job-{job(session, 'ingest', 'succeeded').id}.jsonl")
        live_log = put(tmp_path / "log" / f"job-{job(session, 'ingest', 'queued').id}.jsonl")
        gone = [
            old_log,
            training(session, tmp_path, "failed"),
            training(session, tmp_path, "cancelled"),
            put(tmp_path / "exports" / "anna-7-coqui.tar"),
            rejected(session, tmp_path, 1),
        ]
        stay = [
            live_log,
            put(tmp_path / "log" / "mynad.log"),
            training(session, tmp_path, "failed", young),
            training(session, tmp_path, "queued"),
            training(session, tmp_path, "succeeded"),
            put(tmp_path / "exports" / "anna-8-coqui.tar", young),
            put(tmp_path / "features" / "glow" / "ab.npz"),
            rejected(session, tmp_path, 2, "archived"),
            rejected(session, tmp_path, 3, "promoted"),
            rejected(session, tmp_path, 4, "candidate"),
        ]
        return gone, stay

    gone, stay = store.write_now(lay)
    told = asyncio.run(cleaning(store, tmp_path).by_age(dry_run=True))
    assert all(path.exists() for path in [*gone, *stay])
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert names(told) == names(done)
    assert [what for what, _ in names(done)] == [
        What.LOG,
        What.PACKAGE,
        What.CHECKPOINTS,
        What.CHECKPOINTS,
        What.REJECTED,
    ]
    assert told.freed == done.freed >= 4 * 1_000
    assert not [path for path in gone if path.exists()]
    assert [path for path in stay if not path.exists()] == []
    assert store.read_now(lambda session: session.query(Version).filter_by(number=1).one().state) == "purged"
    assert asyncio.run(cleaning(store, tmp_path).by_age()).gone == []


def test_kept_for_ever_is_kept(store: Store, tmp_path: Path) -> None:
    def lay(session: Session) -> list[Path]:
        log = put(tmp_path / "log" / f"job-{job(session, 'ingest', 'succeeded').id}.jsonl")
        return [
            log,
            training(session, tmp_path, "failed"),
            put(tmp_path / "exports" / "a.tar"),
            rejected(session, tmp_path, 1),
        ]

    stay = store.write_now(lay)
    done = asyncio.run(cleaning(store, tmp_path, Keep(0, 0, 0, 0, 0)).by_age())
    assert (done.gone, done.texts) == ([], 0)
    assert all(path.exists() for path in stay)


def test_when_the_disk_is_short_the_least_useful_goes_first_and_no_more_than_has_to(
    store: Store, tmp_path: Path
) -> None:
    def lay(session: Session) -> list[Path]:
        put(tmp_path / "exports" / "fresh.tar", timedelta(0))  # somebody fetches it just now
        return [
            put(tmp_path / "exports" / "anna-7-coqui.tar"),
            put(tmp_path / "features" / "glow" / "ab.npz"),
            training(session, tmp_path, "failed", timedelta(0)),
            rejected(session, tmp_path, 1),
        ]

    order = store.write_now(lay)
    for gone in range(len(order)):
        short = [1]
        done = asyncio.run(cleaning(store, tmp_path, missing=lambda short=short: short.pop()).for_room())
        assert len(done.gone) == 1
        assert done.gone[0][0].why is Why.DISK
        assert [path.exists() for path in order] == [number > gone for number in range(len(order))]
    done = asyncio.run(cleaning(store, tmp_path, missing=lambda: 10**12).for_room())
    assert done.gone == []
    assert (tmp_path / "exports" / "fresh.tar").exists()


def test_features_stay_while_a_training_reads_them(store: Store, tmp_path: Path) -> None:
    kept = put(tmp_path / "features" / "glow" / "ab.npz")
    at_work = store.write_now(lambda session: job(session, "train", "running").id)
    assert asyncio.run(cleaning(store, tmp_path, missing=lambda: 10**12).for_room()).gone == []

    def ended(session: Session) -> None:
        row = session.get_one(Job, at_work)
        row.state, row.ended = "succeeded", now()

    store.write_now(ended)
    asyncio.run(cleaning(store, tmp_path, missing=lambda: 10**12).for_room())
    assert not kept.exists()


@pytest.mark.parametrize("field", ["deleted", "renamed_from"])
def test_a_voice_that_is_away_keeps_its_rejected_versions_and_the_others_are_cleaned(
    store: Store, tmp_path: Path, field: str
) -> None:
    def lay(session: Session) -> Path:
        kept = rejected(session, tmp_path, 1)
        setattr(session.get_one(Voice, "anna"), field, now() if field == "deleted" else "ann")
        return kept

    kept, gone = store.write_now(lay), put(tmp_path / "exports" / "a.tar")
    cleaner = cleaning(store, tmp_path, missing=lambda: 10**12)
    done = asyncio.run(cleaner.by_age())
    assert names(done) == [(What.PACKAGE, "a.tar")]
    assert not gone.exists()
    assert asyncio.run(cleaner.for_room()).gone == []
    assert kept.exists()


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, gone = put(tmp_path / "exports" / "a.tar"), put(tmp_path / "exports" / "b.tar")
    unlink = Path.unlink

    def refuses(path: Path, missing_ok: bool = False) -> None:
        if path == held:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert names(done) == [(What.PACKAGE, "b.tar")]
    assert done.failed == ["a.tar cannot be deleted: Permission denied."]
    assert held.exists()
    assert not gone.exists()


# -------------------------------------------------------------------------------------------------------------- texts


def spoken(session: Session, text: str, ago: timedelta = LONG_AGO) -> Job:
    spec = pb.JobSpec(speak=pb.SpeakSpec(voice="anna", text=text, seed=7))
    row = job(session, "speak", "succeeded", spec=spec, title=f"say “{text}” as anna@7", ago=ago)
    jobs.changed(session, row)
    session.query(EventRow).update({EventRow.time: now() - ago})
    return row


def test_spoken_texts_are_forgotten_everywhere(store: Store, tmp_path: Path) -> None:
    number = store.write_now(lambda session: spoken(session, "my “secret” plan").id)
    log = put(tmp_path / "log" / f"job-{number}.jsonl", timedelta(0))
    assert asyncio.run(cleaning(store, tmp_path).by_age(dry_run=True)).texts == 1
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert done.texts == 1
    assert not log.exists()

    def look(session: Session) -> Any:
        row = session.get_one(Job, number)
        (event,) = session.query(EventRow).all()
        return row.title, pb.JobSpec.FromString(row.spec).speak, pb.Event.FromString(event.payload).job.title

    title, spec, told = store.read_now(look)
    assert title == told == "say a text that is no longer kept as anna@7"
    assert (spec.voice, spec.text, spec.seed) == ("anna", "", 7)
    assert asyncio.run(cleaning(store, tmp_path).by_age()).texts == 0
    store.close()
    assert b"secret" not in (tmp_path / "myna.db").read_bytes()


def test_a_long_text_is_not_left_in_free_pages_nor_as_sound(store: Store, tmp_path: Path) -> None:
    store.write_now(lambda session: spoken(session, "a long secret " * 2_000).id)
    old = put(tmp_path / "remote" / "openai" / "old.pcm")
    heard = put(tmp_path / "remote" / "openai" / "heard.pcm", timedelta(days=1))
    assert asyncio.run(cleaning(store, tmp_path).by_age()).texts == 1
    assert (old.exists(), heard.exists()) == (False, True)
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    store.close()
    assert b"secret" not in (tmp_path / "myna.db").read_bytes()


def test_a_disk_that_does_not_answer_does_not_end_cleaning(store: Store, tmp_path: Path) -> None:
    def stale() -> int:
        raise OSError(116, "Stale file handle")

    async def life() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cleaning(store, tmp_path, missing=stale).run(), 1.0)

    asyncio.run(life())


def test_a_text_that_is_younger_stays_and_a_job_without_its_text_is_not_tried_again(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        job_number = await running.speak("refuse")
        await running.until(job_number, "failed")
        clean = await running.client.clean()
        assert clean.texts == 0
        await running.client.retry(job_number)
        await running.until(job_number, "failed")

        def older(session: Session) -> None:
            session.get_one(Job, job_number).ended = now() - LONG_AGO

        running.daemon.store.write_now(older)
        assert (await running.client.clean()).texts == 1
        with pytest.raises(ClientError, match="no longer kept"):
            await running.client.retry(job_number)

    lived(tmp_path / "home", life)


# --------------------------------------------------------------------------------------------------- what never is gone


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=some.lists(some.sampled_from(["rejected", "archived", "promoted", "candidate"]), min_size=1, max_size=5),
    jobs_=some.lists(some.sampled_from(["failed", "cancelled", "queued", "running", "succeeded"]), max_size=5),
    days=some.tuples(*[some.integers(0, 400)] * 5),
    missing=some.integers(0, 10**13),
)
def test_whatever_is_asked_what_people_gave_and_what_speaks_stays(
    tmp_path_factory: pytest.TempPathFactory, states: list[str], jobs_: list[str], days: tuple[int, ...], missing: int
) -> None:
    home = tmp_path_factory.mktemp("home")
    store = Store(home)
    try:
        store.write_now(
            lambda session: session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
        )

        def lay(session: Session) -> list[Path]:
            never = [
                put(home / "recordings" / "ab"),
                put(home / "clips" / "ab.flac"),
                put(home / "inbox" / "anna" / "a.wav"),
                put(home / "inbox" / "anna" / ".refused" / "a.wav"),
                put(home / "weights" / "xtts" / "model.pth"),
                put(home / "myna.toml"),
            ]
            one = False
            for number, state in enumerate(states, 1):
                state = "archived" if state == "promoted" and one else state
                one = one or state == "promoted"
                path = rejected(session, home, number, state)
                never += [path] if state != "rejected" else []
            for state in jobs_:
                path = training(session, home, state)
                never += [path] if state not in ("failed", "cancelled") else []
            return never

        never = store.write_now(lay)
        cleaner = cleaning(store, home, Keep(*days), lambda: missing)
        asyncio.run(cleaner.by_age())
        asyncio.run(cleaner.for_room())
        assert [path for path in never if not path.exists()] == []
    finally:
        store.close()


def test_mynad_tells_that_it_made_room(store: Store, tmp_path: Path) -> None:
    put(tmp_path / "exports" / "anna-7-coqui.tar", size=2_000_000)
    cleaner = cleaning(store, tmp_path, missing=lambda: 1)
    asyncio.run(cleaner._tell(asyncio.run(cleaner.for_room())))
    (told,) = store.read_now(lambda session: events.after(session, 0))[0]
    assert told.notice.sentence == "The disk was short: Myna deleted anna-7-coqui.tar and freed 0.0 GB."
