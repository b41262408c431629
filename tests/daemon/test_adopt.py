"""Recordings that lie in a home and its database does not know: found, told, and taken in through the same ingest,
without a byte being changed. Versions: test_adopt_versions.py."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import lives
import pytest
from inbox_workshop import Workshop, write_wav
from living_daemon import living
from sqlalchemy import select

from daemon.database.models import Recording
from daemon.database.store import Store, opened
from daemon.home import adopt, journal, survey
from daemon.home.survey import State
from daemon.state import recordings
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


def scan(store: Store, home: Path, voice: str = "") -> dict[str, State]:
    return {one.name: one.state for one in store.read_now(survey.scan, home, voice)}


async def adopted(workshop: Workshop, voice: str = "") -> None:
    """`System.Adopt`, and the jobs that follow from it."""
    found = workshop.store.read_now(survey.scan, workshop.home, voice)
    workshop.store.write_now(
        lambda session: adopt.take_in(session, lives.lifecycle(session), found, workshop.home, 500)
    )
    await workshop.work()


def files(home: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in recordings/ but the journal, so exactly that a file written again would differ."""
    every = (path for path in (home / "recordings").rglob("*") if path.is_file() and path.name != journal.INDEX)
    return {
        str(path.relative_to(home)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in every
    }


async def three_recordings(workshop: Workshop) -> None:
    """One with a text beside it, one whose text comes late, and one that a person takes out."""
    write_wav(workshop.anna / "said.wav", 3.0, 200.0)
    (workshop.anna / "said.txt").write_text("what was said")
    write_wav(workshop.anna / "sub" / "late.wav", 2.0, 300.0)
    write_wav(workshop.anna / "out.wav", 1.0, 400.0)
    await workshop.all()
    (workshop.anna / "sub" / "late.txt").write_text("what came late")
    await workshop.all()
    row = next(row for row in workshop.recordings() if row.name == "out.wav")
    gone = workshop.store.write_now(recordings.remove, "anna", row.sha256)
    journal.add(workshop.home, [journal.Entry.of(gone)])


def test_when_a_text_is_said_comes_back_with_it(tmp_path: Path) -> None:
    was: list[Any] = []

    async def before(workshop: Workshop) -> None:
        write_wav(workshop.anna / "talk.wav", 3.0, 200.0)
        (workshop.anna / "talk.srt").write_text(
            "1\n00:00:00,500 --> 00:00:01,250\nThe boat left.\n\n2\n00:00:01,500 --> 00:00:02,500\nIt rained.\n"
        )
        await workshop.all()
        was.extend(row.cues for row in workshop.recordings())

    async def after(workshop: Workshop) -> None:
        await adopted(workshop)
        assert (
            [row.cues for row in workshop.recordings()]
            == was
            == [[[0.5, 1.25, "The boat left."], [1.5, 2.5, "It rained."]]]
        )
        assert workshop.store.read_now(survey.complete_journal, workshop.home) == []

    in_a_shop(tmp_path, before)
    lose(tmp_path)
    in_a_shop(tmp_path, after)


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

    async def first(workshop: Workshop) -> None:
        await three_recordings(workshop)
        before.extend(facts(row) for row in workshop.recordings() if row.removed is None)
        assert scan(workshop.store, home) == {}

    async def second(workshop: Workshop) -> None:
        assert scan(workshop.store, home) == {
            "said.wav": State.TAKEN,
            "sub/late.wav": State.TAKEN,
            "out.wav": State.REMOVED,
        }
        whole = files(home)
        await adopted(workshop)
        assert [facts(row) for row in workshop.recordings()] == before
        assert files(home) == whole
        assert scan(workshop.store, home) == {"out.wav": State.REMOVED}
        assert survey.finding(workshop.store.read_now(survey.scan, home)) is None, (
            "what a person took out is where they want it"
        )

    in_a_shop(home, first)
    lose(home)
    in_a_shop(home, second)
    assert {row[8] for row in before} == {"what was said", "what came late"}


def test_an_older_database_that_was_put_back_lacks_only_what_came_since(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(workshop: Workshop) -> None:
        write_wav(workshop.anna / "old.wav", 2.0, 200.0)
        await workshop.all()

    async def second(workshop: Workshop) -> None:
        write_wav(workshop.anna / "new.wav", 2.0, 300.0)
        await workshop.all()

    async def third(workshop: Workshop) -> None:
        assert scan(workshop.store, home) == {"new.wav": State.TAKEN}
        await adopted(workshop)
        assert [row.name for row in workshop.recordings()] == ["new.wav", "old.wav"]

    in_a_shop(home, first)
    older = (home / "myna.db").read_bytes()
    in_a_shop(home, second)
    (home / "myna.db").write_bytes(older)
    in_a_shop(home, third)


def test_a_recording_whose_bytes_are_not_those_of_its_name_is_left_and_the_job_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", 2.0, 200.0)
        await workshop.all()

    async def second(workshop: Workshop) -> None:
        (path,) = (home / "recordings").glob("??/*")
        path.write_bytes(path.read_bytes()[:-2] + b"\1\2")
        await adopted(workshop)
        assert workshop.recordings() == []
        assert "is not what its name says" in workshop.jobs()[0].why
        assert path.is_file()

    in_a_shop(home, first)
    lose(home)
    in_a_shop(home, second)


def test_recordings_of_which_nothing_tells_are_left_until_a_person_says_whose_they_are(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", 2.0, 200.0)
        await workshop.all()

    async def second(workshop: Workshop) -> None:
        await adopted(workshop)
        assert workshop.recordings() == []
        assert list(scan(workshop.store, home).values()) == [State.NO_VOICE]
        await adopted(workshop, "bea")
        assert len(workshop.recordings("bea")) == 1

    in_a_shop(home, first)
    lose(home)
    (home / "recordings" / journal.INDEX).unlink()
    in_a_shop(home, second)


def test_the_journal_of_a_home_from_before_there_was_one_is_written_after_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def first(workshop: Workshop) -> None:
        await three_recordings(workshop)

    async def second(workshop: Workshop) -> None:
        assert await survey.at_start(workshop.store, home) == []
        known = journal.read(home)
        assert {entry.name: (entry.text, entry.removed) for entry in known.values()} == {
            "said.wav": ("what was said", False),
            "sub/late.wav": ("what came late", False),
            "out.wav": (None, True),
        }
        assert workshop.store.read_now(survey.complete_journal, home) == []

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


def test_what_a_person_takes_out_and_brings_back_is_in_the_journal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "recordings").mkdir(parents=True)

    async def main() -> None:
        async with living(home) as running:
            row = running.daemon.store.read_now(lambda session: session.scalars(select(Recording).limit(1)).one())
            for wanted, change in (
                (True, running.client.remove_recording),
                (False, running.client.restore_recording),
            ):
                await change("anna", row.sha256)
                assert journal.read(home)["anna", row.sha256].removed is wanted

    asyncio.run(main())
