"""Whose the jobs are that nobody asks for."""

from __future__ import annotations

from collections.abc import Callable

import lives
import pytest
from inbox_workshop import Workshop, write_wav
from sqlalchemy.orm import Session

from daemon.database.models import Job, Voice
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
