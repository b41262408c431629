"""Texts that were spoken are forgotten in time, and looked for among the jobs that have one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.database.store import Store
from daemon.state import spoken_texts
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def transcribed(session: Session, prompt: str = "") -> int:
    """A transcription of long ago."""
    spec, moment = pb.JobSpec(transcribe=pb.TranscribeSpec(prompt=prompt)), now() - timedelta(days=365)
    row = Job(
        kind="transcribe", voice="", title="transcribe", spec=spec.SerializeToString(), gpu_lane=False, priority=1,
        place=1.0, state="succeeded", submitted=moment, queued_since=moment, started=moment, ended=moment,
        has_text=spoken_texts.in_spec(spec),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def steps(store: Store) -> int:
    """What SQLite's machine does to find the one job whose text is to be forgotten."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(step, 1)
        found = spoken_texts.jobs_with_text(Session(connection), now() - timedelta(days=30))
        raw.set_progress_handler(None, 0)
    assert len(found) == 1
    return count


def test_what_it_takes_to_find_texts_does_not_grow_with_what_has_ended(store: Store) -> None:
    number = store.write_now(transcribed, "Doctor Ngũgĩ")
    before = steps(store)
    store.write_now(lambda session: [transcribed(session) for _ in range(500)])
    assert steps(store) == before
    assert store.write_now(spoken_texts.forget, [number]) == 1
    assert store.read_now(spoken_texts.jobs_with_text, now()) == []


def test_a_title_without_a_quoted_text_is_left_as_it_is() -> None:
    assert spoken_texts._title("train anna from anna@6") == "train anna from anna@6"
    assert spoken_texts._title("say “a” and “b” as anna") == f"say {spoken_texts.FORGOTTEN} as anna"
