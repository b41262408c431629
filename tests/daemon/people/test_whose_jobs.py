"""Whose the jobs are that nobody asks for, and whose disk the files that are dropped."""

from __future__ import annotations

from collections.abc import Callable

import lives
import pytest
from inbox_workshop import Workshop, write_wav
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Job, Voice, now
from daemon.database.people_rows import Person
from daemon.database.store import Store
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def test_what_is_due_for_a_voice_by_itself_is_of_whoever_has_the_voice(
    alive: Callable[..., None], store: Store
) -> None:
    def bobs(session: Session) -> None:
        session.get_one(Voice, "anna").owner = "bob"

    async def scenario(workshop: Workshop) -> None:
        store.write_now(bobs)
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        await workshop.wait(8.0)
        (dataset,) = workshop.jobs("dataset")
        assert [job.person for job in workshop.jobs()] == ["bob"]
        assert dataset.person == "bob"

        def follows(session: Session) -> str:
            asked = pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))
            return lives.submit(session, asked, parent_job=dataset.id).person

        assert store.write_now(follows) == "bob"

    alive(scenario)


def test_the_owners_own_are_nobodys(alive: Callable[..., None], store: Store) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        await workshop.wait(8.0)
        persons = store.read_now(lambda session: {row.person for row in session.query(Job)})
        assert persons == {""}

    alive(scenario)


def test_what_is_dropped_and_is_more_than_one_may_have_waits_in_the_inbox_and_that_is_said(
    alive: Callable[..., None], store: Store
) -> None:
    def bobs(session: Session) -> None:
        session.get_one(Voice, "anna").owner = "bob"
        session.add(Person(name="bob", rights=int(Right.READ), created=now(), revoked=None, disk=1_000))

    def more(session: Session) -> None:
        session.get_one(Person, "bob").disk = 10**9

    async def scenario(workshop: Workshop) -> None:
        store.write_now(bobs)
        write_wav(workshop.anna / "a.wav")
        (workshop.anna / "hers.myna.tar.zst").write_bytes(b"a package")
        await workshop.all(30.0)
        assert (workshop.recordings(), workshop.jobs("import")) == ([], [])
        assert (workshop.anna / "a.wav").is_file()
        (said,) = workshop.notices()
        assert "The files in inbox/anna wait: with them the voices of bob take more of the disk than they may." in said
        assert "1.0 kB" not in said, "whoever may read the voice reads it"
        store.write_now(more)
        await workshop.wait(2 * workshop.settings.rescan)
        await workshop.work()
        assert len(workshop.recordings()) == len(workshop.jobs("import")) == 1

    alive(scenario)
