"""What lies in a home and its database does not know: found, told, and taken in through the same ingest, without a byte
being changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import lives
import pytest
from inbox_shop import Workshop, write_wav
from living_daemon import Living, living
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.models import Home, Recording, Run, Version, Voice
from daemon.database.store import Store, opened
from daemon.home import adopt, identity, journal, survey
from daemon.home.survey import State
from daemon.state import recordings, voices
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def in_a_shop(home: Path, life: Callable[[Workshop], Awaitable[Any]]) -> None:
    """Run a coroutine function with a workshop on this home and its database."""

    async def main() -> None:
        with opened(home) as store:
            await life(Workshop(store, home))

    asyncio.run(main())


def lose(home: Path) -> None:
    """The database is moved away, as the hint advises."""
    (home / "myna.db").rename(home.with_name("myna.db.away"))


def look(store: Store, home: Path, voice: str = "") -> dict[str, State]:
    return {one.name: one.state for one in store.read_now(survey.look, home, voice)}


async def adopted(shop: Workshop, voice: str = "") -> None:
    """`System.Adopt`, and the jobs that follow from it."""
    found = shop.store.read_now(survey.look, shop.home, voice)
    shop.store.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), found, shop.home, 500))
    await shop.work()


def files(home: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in recordings/ but the journal, so exactly that a file written again would differ."""
    every = (path for path in (home / "recordings").rglob("*") if path.is_file() and path.name != journal.INDEX)
    return {
        str(path.relative_to(home)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in every
    }


async def three_recordings(shop: Workshop) -> None:
    """One with a text beside it, one whose text comes late, and one that a person takes out."""
    write_wav(shop.anna / "said.wav", 3.0, 200.0)
    (shop.anna / "said.txt").write_text("what was said")
    write_wav(shop.anna / "sub" / "late.wav", 2.0, 300.0)
    write_wav(shop.anna / "out.wav", 1.0, 400.0)
    await shop.all()
    (shop.anna / "sub" / "late.txt").write_text("what came late")
    await shop.all()
    row = next(row for row in shop.recordings() if row.name == "out.wav")
    gone = shop.store.write_now(recordings.remove, "anna", row.sha256)
    journal.add(shop.home, [journal.Entry.of(gone)])


def facts(row: Recording) -> tuple[Any, ...]:
    return (
        row.voice,
        row.name,
        row.sha256,
        row.path,
        row.size,
        row.seconds,
        row.sample_rate,
        row.codec,
        row.text,
        row.text_from,
    )


def test_recordings_of_a_lost_database_are_taken_in_with_their_names_and_texts_and_not_touched(tmp_path: Path) -> None:
    home, before = tmp_path / "home", []

    async def first(shop: Workshop) -> None:
        await three_recordings(shop)
        before.extend(facts(row) for row in shop.recordings() if row.removed is None)
        assert look(shop.store, home) == {}

    async def second(shop: Workshop) -> None:
        assert look(shop.store, home) == {
            "said.wav": State.TAKEN,
            "sub/late.wav": State.TAKEN,
            "out.wav": State.REMOVED,
        }
        whole = files(home)
        await adopted(shop)
        assert [facts(row) for row in shop.recordings()] == before
        assert files(home) == whole
        assert look(shop.store, home) == {"out.wav": State.REMOVED}
        assert survey.finding(shop.store.read_now(survey.look, home)) is None, (
            "what a person took out is where they want it"
        )

    in_a_shop(home, first)
    lose(home)
    in_a_shop(home, second)
    assert {row[8] for row in before} == {"what was said", "what came late"}


def test_an_older_database_that_was_put_back_lacks_only_what_came_since(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(shop: Workshop) -> None:
        write_wav(shop.anna / "old.wav", 2.0, 200.0)
        await shop.all()

    async def second(shop: Workshop) -> None:
        write_wav(shop.anna / "new.wav", 2.0, 300.0)
        await shop.all()

    async def third(shop: Workshop) -> None:
        assert look(shop.store, home) == {"new.wav": State.TAKEN}
        await adopted(shop)
        assert [row.name for row in shop.recordings()] == ["new.wav", "old.wav"]

    in_a_shop(home, first)
    older = (home / "myna.db").read_bytes()
    in_a_shop(home, second)
    (home / "myna.db").write_bytes(older)
    in_a_shop(home, third)


def test_a_recording_whose_bytes_are_not_those_of_its_name_is_left_and_the_job_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav", 2.0, 200.0)
        await shop.all()

    async def second(shop: Workshop) -> None:
        (path,) = (home / "recordings").glob("??/*")
        path.write_bytes(path.read_bytes()[:-2] + b"\1\2")
        await adopted(shop)
        assert shop.recordings() == []
        assert "is not what its name says" in shop.jobs()[0].why
        assert path.is_file()

    in_a_shop(home, first)
    lose(home)
    in_a_shop(home, second)


def test_recordings_of_which_nothing_tells_are_left_until_a_person_says_whose_they_are(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav", 2.0, 200.0)
        await shop.all()

    async def second(shop: Workshop) -> None:
        await adopted(shop)
        assert shop.recordings() == []
        assert list(look(shop.store, home).values()) == [State.NO_VOICE]
        await adopted(shop, "bea")
        assert len(shop.recordings("bea")) == 1

    in_a_shop(home, first)
    lose(home)
    (home / "recordings" / journal.INDEX).unlink()
    in_a_shop(home, second)


def test_the_journal_of_a_home_from_before_there_was_one_is_written_after_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(shop: Workshop) -> None:
        await three_recordings(shop)

    async def second(shop: Workshop) -> None:
        assert await survey.at_start(shop.store, home) == []
        known = journal.read(home)
        assert {entry.name: (entry.text, entry.removed) for entry in known.values()} == {
            "said.wav": ("what was said", False),
            "sub/late.wav": ("what came late", False),
            "out.wav": (None, True),
        }
        assert shop.store.read_now(survey.complete_journal, home) == []

    in_a_shop(home, first)
    (home / "recordings" / journal.INDEX).unlink()
    in_a_shop(home, second)


def test_a_line_of_the_journal_that_was_cut_short_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    journal.add(tmp_path, [journal.Entry("anna", "a" * 64, "a.wav", "a text")])
    with (tmp_path / "recordings" / journal.INDEX).open("ab") as file:
        file.write(b'\n{"voice": "anna", "sha2')
    journal.add(tmp_path, [journal.Entry("anna", "b" * 64, "b.wav"), journal.Entry("anna", "a" * 64, "again.wav")])
    known = journal.read(tmp_path)
    assert {sha256[0]: (entry.name, entry.text) for (_, sha256), entry in known.items()} == {
        "a": ("a.wav", "a text"),
        "b": ("b.wav", None),
    }


@pytest.mark.parametrize(
    "path", ["recordings/aa/../../myna.db", "myna.db", "recordings/bb/" + "a" * 64 + ".wav", "recordings/aa/x.wav"]
)
def test_a_job_takes_in_no_file_but_one_that_is_kept_under_its_hash(store: Store, path: str) -> None:
    from daemon.errors import BadRequest

    spec = pb.JobSpec(
        ingest=pb.IngestSpec(voice="anna", kept=[pb.KeptRecording(sha256="a" * 64, path=path, name="a.wav")])
    )
    with pytest.raises(BadRequest, match="is no recording that is kept"):
        store.read_now(lambda session: lives.kind(session, "ingest").check(session, spec))


# ------------------------------------------------------------------------------------------------------------- versions

ABOUT = {
    "voice": "anna", "version": 3, "engine": "glow", "language": "en", "kind": "full", "parent": 2,
    "parent_uuid": "e" * 32, "run": 9, "run_uuid": "a" * 32, "home": "b" * 32, "dataset": 1,
    "created": "2026-01-02T03:04:05+00:00", "licence": "Apache-2.0", "clips": ["c1", "c2"], "held_out": [],
    "settings": {"steps": 120}, "result": {"steps": 120, "best_step": 80, "best_loss": 0.5,
    "best_losses": {"loss": 0.5}, "seconds": 12.5, "ended": "Done."},
}  # fmt: skip


def lay(home: Path, number: int = 3, mark: identity.Mark | None = None, **about: object) -> Path:
    """A version's folder as a worker leaves it."""
    folder = home / "voices" / "anna" / str(number)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "report.json").write_text(json.dumps({"summaries": {"candidate": {"wer": 0.2, "note": "a word"}}}))
    (folder / "version.json").write_text(json.dumps({**ABOUT, "version": number, **about}))
    if mark is not None:
        identity.write(folder, mark)
    return folder


MARK = identity.Mark("b" * 32, "a" * 32)


def test_a_version_that_no_row_knows_is_taken_in_as_a_candidate_that_tells_where_it_comes_from(
    store: Store, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    lay(home, 3, MARK)
    found = adopt.measured(store.read_now(survey.look, home), home)
    store.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), found, home, 500))
    row, run = store.read_now(
        lambda session: (session.scalars(select(Version)).one(), session.scalars(select(Run)).one())
    )
    assert (row.number, row.state, row.parent, row.engine, row.kind, row.path) == (
        3,
        "candidate",
        2,
        "glow",
        "full",
        "voices/anna/3",
    )
    assert voices.numbers(row.metrics) == {"train_loss": 0.5, "wer": 0.2}
    assert (run.uuid, run.step, run.best_loss, run.settings, run.to_version) == ("a" * 32, 120, 0.5, {"steps": 120}, 3)
    assert row.created.isoformat() == ABOUT["created"]
    assert row.adopted is not None
    assert row.size == sum(file.stat().st_size for file in (home / row.path).rglob("*")) > 0
    assert row.dataset == 0, "dataset #1 of the other database is none of ours"
    assert store.read_now(lambda session: session.get_one(Voice, "anna").promoted) is None
    assert store.read_now(survey.look, home) == []


def test_a_dataset_number_is_kept_where_this_database_has_the_same_clips_under_it(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "home"

    def given(session: Session) -> list[str]:
        clips = [clip(session, "one"), clip(session, "two")]
        dataset(session, 1, clips, [])
        return [one.sha256 for one in clips]

    lay(home, 3, MARK, clips=store.write_now(given))
    store.write_now(
        lambda session: adopt.take_in(session, lives.lifecycle(session), survey.look(session, home), home, 500)
    )
    assert store.read_now(lambda session: session.scalars(select(Version.dataset)).one()) == 1


def test_a_parent_that_only_has_the_same_number_is_no_parent(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "home"
    store.write_now(lambda session: version(session, 2) and None)
    lay(home, 3, MARK)
    store.write_now(
        lambda session: adopt.take_in(session, lives.lifecycle(session), survey.look(session, home), home, 500)
    )
    assert store.read_now(lambda session: session.scalars(select(Version.parent).where(Version.number == 3)).one()) == 0


@pytest.mark.parametrize(
    ("about", "state"),
    [
        ({"voice": "bea"}, State.ELSEWHERE),
        ({"version": 4}, State.ELSEWHERE),
        ({"engine": "gone"}, State.NO_ENGINE),
    ],
)
def test_a_version_that_cannot_be_taken_in_is_left_and_says_why(
    store: Store, tmp_path: Path, about: dict[str, object], state: State
) -> None:
    lay(tmp_path / "home", 3, MARK, **about)
    (found,) = store.read_now(survey.look, tmp_path / "home")
    assert found.state is state
    assert found.message.sentence
    store.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), [found], tmp_path / "home", 500))
    assert store.read_now(lambda session: session.scalars(select(Version)).all()) == []


def test_a_folder_that_is_not_whole_is_left(store: Store, tmp_path: Path) -> None:
    (lay(tmp_path / "home", 3, MARK) / "version.json").unlink()
    (lay(tmp_path / "home", 4, MARK) / "model.safetensors").unlink()
    assert look(store, tmp_path / "home") == {"anna@3": State.NOT_WHOLE, "anna@4": State.NOT_WHOLE}


def test_another_version_in_the_place_of_one_that_the_database_knows_is_told_of_and_left(
    store: Store, tmp_path: Path
) -> None:
    store.write_now(lambda session: version(session, 3) and None)
    lay(tmp_path / "home", 3, MARK)
    assert look(store, tmp_path / "home") == {"anna@3": State.NUMBER_TAKEN}


def test_folders_of_the_database_itself_are_not_told_of(store: Store, tmp_path: Path) -> None:
    def given(session: Session) -> list[str]:
        rows = [version(session, 3), version(session, 4)]
        session.add(Run(voice="anna", engine="glow", job=0, dataset=1, to_version=5, uuid="f" * 32))
        return [session.get_one(Run, row.run).uuid for row in rows]

    known, _ = store.write_now(given)
    home = tmp_path / "home"
    lay(home, 3, identity.Mark("", known))
    lay(home, 4)  # from before there were marks
    lay(home, 5, identity.Mark("", "f" * 32))  # finished, its row is still to come
    (home / "voices/anna/1.of-another-database").mkdir()
    assert look(store, home) == {}


def test_versions_from_before_there_were_marks_are_marked_where_all_that_was_measured_agrees(
    store: Store, tmp_path: Path
) -> None:
    from datetime import timedelta

    home = tmp_path / "home"

    def given(session: Session) -> list[str]:
        since, uuids = session.scalars(select(Home)).one().since, []
        for number in (3, 4):
            row = version(session, number, parent=2)
            run = session.get_one(Run, row.run)
            run.started, run.step, run.best_step, run.result = since - timedelta(days=1), 120, 80, {"seconds": 12.5}
            lay(home, number, run=run.id, result={**ABOUT["result"], "seconds": 12.5 if number == 3 else 99.0})  # type: ignore[dict-item]
            uuids.append(run.uuid)
        return uuids

    mine, _ = store.write_now(given)
    asyncio.run(survey.at_start(store, home))
    ours = store.read_now(lambda session: session.scalars(select(Home)).one().uuid)
    assert identity.read(home / "voices/anna/3") == identity.Mark(ours, mine)
    assert identity.read(home / "voices/anna/4") is None


# -------------------------------------------------------------------------------------------------------- over the wire


def test_a_home_whose_database_lacks_something_says_so_after_the_start_and_takes_it_in_when_asked(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    lay(home, 3, MARK)

    async def notice(story: Living) -> pb.Notice:
        async with asyncio.timeout(10):
            async for event in story.daemon.events.watch(0):
                if event.HasField("notice"):
                    return event.notice
        raise AssertionError

    async def main() -> None:
        async with living(home) as story:
            told = await notice(story)
            assert told.sentence == "This home has 1 version that its database does not know."
            assert "myna adopt" in told.hint
            assert [finding.sentence for finding in (await story.client.info()).findings] == [told.sentence]
            assert told.sentence in [finding.sentence for finding in await story.client.doctor()]
            for _ in range(2):
                listed = await story.client.adopt(dry_run=True)
                assert [(one.name, one.state) for one in listed.found] == [("anna@3", "taken")]
            assert (await story.client.adopt()).versions == 1
            row = await story.client.version("anna", 3)
            assert row.HasField("adopted")
            assert (await story.client.voice("anna")).promoted == 0
            assert not (await story.client.adopt()).found
            assert not (await story.client.info()).findings
            assert "home contents" not in [finding.name for finding in await story.client.doctor()]

    asyncio.run(main())


def test_what_a_person_takes_out_and_brings_back_is_in_the_journal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "recordings").mkdir(parents=True)

    async def main() -> None:
        async with living(home) as story:
            row = story.daemon.store.read_now(lambda session: session.scalars(select(Recording).limit(1)).one())
            for wanted, change in ((True, story.client.remove_recording), (False, story.client.restore_recording)):
                await change("anna", row.sha256)
                assert journal.read(home)["anna", row.sha256].removed is wanted

    asyncio.run(main())
