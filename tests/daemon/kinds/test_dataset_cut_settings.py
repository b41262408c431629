"""Recordings that were cut by other settings than the voice has are cut again, whenever the settings changed: before
the job, or while it ran."""

from __future__ import annotations

from typing import Any

import lives
import pytest
from cut_marks import cut, said, waiting
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Job, Recording
from daemon.database.store import Store
from daemon.state import cut_settings, datasets, jobs
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

GLOW, XTTS = cut_settings.mark("glow", {}), cut_settings.mark("xtts", {})
DENOISED = cut_settings.mark("glow", {"dataset": {"denoise": "rnnoise"}})
#: Of a job that had cut both.
CHANGED = (
    "No dataset: anna's engine, language, denoise or separate changed meanwhile, and 2 recordings wait to be cut again."
)


def begun(session: Session) -> Job:
    job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
    jobs.start_attempt(session, job)
    return job


def reported(session: Session, job: Job, name: str, mark: str, language: str = "") -> None:
    """As a worker does that had a plan of that mark, and language."""
    one = wire.CutClip(start=0.0, end=4.0, kept=True, text=name, sha256=sha(f"{name} {mark}"), path=name)
    report = wire.RecordingCut(recording=sha(f"recording {name}"), clips=[one], cut_by=mark, language=language)
    lives.kind(session, "dataset").commit(session, job, wire.Report(cut=report))  # type: ignore[arg-type]


def test_a_plan_says_by_what_settings_recordings_are_cut(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=GLOW, b=XTTS, c="")
        job = begun(session)
        plan = lives.kind(session, "dataset").plan(session, job).dataset
        return [plan.cut_by, [one.name for one in plan.recordings]]

    assert store.write_now(act) == [GLOW, ["b.wav"]], "what another engine's settings cut, and nothing else"


def test_what_a_job_cut_for_the_engine_before_is_cut_again_and_no_dataset_is_made_of_it(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a="", b="")
        for row in session.scalars(select(Recording)):
            row.cut = None
        job = begun(session)
        reported(session, job, "a", GLOW)
        session.flush()
        found: list[Any] = [said(session, 'engine = "xtts"'), waiting(session)]
        reported(session, job, "b", GLOW)
        lives.succeed(session, job, "Cut.")
        return [*found, waiting(session), job.why, datasets.last(session, "anna")]

    again, first, second, why, made = store.write_now(act)
    assert (again, first, second) == (True, ["a.wav", "b.wav"], ["a.wav", "b.wav"])
    assert why == CHANGED
    assert made is None

    def next_one(session: Session) -> list[Any]:
        job = begun(session)
        for name in ("a", "b"):
            reported(session, job, name, XTTS)
        lives.succeed(session, job, "Cut.")
        made = datasets.last(session, "anna")
        return [waiting(session), made is not None and made.clips + made.held_out]

    assert store.write_now(next_one) == [[], 2]


def test_what_was_cut_in_another_language_is_cut_again_before_a_job_and_while_it_runs(store: Store) -> None:
    """What a recogniser wrote of it was in that language."""

    def act(session: Session) -> list[Any]:
        cut(session, a=XTTS, b=XTTS)
        found: list[Any] = [said(session, 'engine = "xtts"\nlanguage = "de-AT"'), waiting(session)]
        job = begun(session)
        reported(session, job, "a", XTTS, "de")
        session.flush()
        found += [waiting(session), said(session, 'engine = "xtts"\nlanguage = "de"'), waiting(session)]
        found += [said(session, 'engine = "xtts"\nlanguage = "fr"'), waiting(session)]
        for name in ("a", "b"):
            reported(session, job, name, XTTS, "de")
        lives.succeed(session, job, "Cut.")
        return [*found, waiting(session), job.why, datasets.last(session, "anna")]

    both = ["a.wav", "b.wav"]
    assert store.write_now(act) == [True, both, ["b.wav"], False, ["b.wav"], True, both, both, CHANGED, None]

    def next_one(session: Session) -> list[Any]:
        job = begun(session)
        plan = lives.kind(session, "dataset").plan(session, job).dataset
        for name in ("a", "b"):
            reported(session, job, name, XTTS, plan.language)
        lives.succeed(session, job, "Cut.")
        made = datasets.last(session, "anna")
        return [plan.language, waiting(session), made is not None and made.clips + made.held_out]

    assert store.write_now(next_one) == ["fr", [], 2]


def test_settings_that_cut_alike_have_nothing_cut_again(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=GLOW, b="")
        datasets.build(session, "anna")
        return [said(session, "[dataset]\nnoisy = 11"), waiting(session)]

    assert store.write_now(act) == [False, []]


def test_with_other_settings_only_what_they_did_not_cut_is_cut_again(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=GLOW, b=DENOISED, c=XTTS)
        return [said(session, '[dataset]\ndenoise = "rnnoise"'), waiting(session)]

    assert store.write_now(act) == [True, ["a.wav", "c.wav"]]


def test_what_bears_no_mark_is_cut_again_for_another_engine(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a="", b=XTTS)
        return [said(session, 'engine = "xtts"'), waiting(session)]

    assert store.write_now(act) == [True, ["a.wav"]]
