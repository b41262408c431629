"""What becomes of a job when its worker succeeds, fails, crashes, freezes or is told to go."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_launcher import alive

from daemon.errors import brief
from daemon.kinds.lifecycle import CRASH_LIMIT
from daemon.state.status import ENDED
from daemon.worker.failures import REFUSALS, explain
from proto import myna_pb2 as pb
from tests.waits import ends

pytestmark = pytest.mark.integration


def ended(job: pb.Job) -> bool:
    return job.status.WhichOneof("status") in ENDED


def error_of(home: Path, text: str) -> pb.JobError:
    """What a speak job whose worker does `text` fails with."""
    found: list[pb.JobError] = []

    async def life(living: Living) -> None:
        job = await living.until(await living.speak(text), ended)
        found.append(job.status.failed.error)

    lived(home, life)
    return found[0]


def test_a_job_that_is_done_says_what_it_did(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.until(await living.speak("hello"), ended)
        assert job.status.succeeded.sentence.startswith("spoken by process")
        assert living.outcomes(job.id) == ["succeeded"]

    lived(tmp_path, life)


def test_a_refusal_keeps_its_kind_sentence_and_hint(tmp_path: Path) -> None:
    error = error_of(tmp_path, "refuse")
    assert (error.kind, error.sentence, error.hint) == (pb.BAD_INPUT, "This text cannot be spoken.", "Give another.")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("memory", pb.OUT_OF_MEMORY, "ran out of memory"),
        ("full", pb.DISK_FULL, "The disk is full"),
        ("bug", pb.ENGINE, "KeyError"),
        ("exit", pb.ENGINE, "tried to end the worker"),
    ],
)
def test_other_failures_are_told_apart(tmp_path: Path, text: str, kind: pb.ErrorKind.ValueType, words: str) -> None:
    error = error_of(tmp_path, text)
    assert error.kind == kind
    assert words in error.sentence
    assert error.hint


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/proc/sys/kernel/ostype", "has no right to it"),  # not even root may write there
        ("folder", "is a folder where a file should be"),
        ("file/inside", "a file is where a folder should be"),
        ("n" * 300, "has a name that is too long"),
        ("gone/file", "is not there"),
        ("circle", "leads back to itself"),
    ],
)
def test_what_the_system_refuses_a_worker_is_a_sentence_that_names_the_path(
    tmp_path: Path, path: str, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    error = error_of(tmp_path / "home", f"write={tmp_path / path}")
    assert error.kind == pb.ENGINE
    assert re.search(words, error.sentence), error.sentence
    assert error.sentence.startswith(brief(str(tmp_path / path)))
    assert "no words for" not in error.sentence
    assert error.hint


@pytest.mark.parametrize("number", REFUSALS)
def test_every_refusal_of_the_system_has_words_with_and_without_a_path(number: int) -> None:
    """Those too that cannot be had here: a read-only disk, too many open files."""
    for error in (
        OSError(number, "words of the system", "/home/voices/anna/7"),
        OSError(number, "words of the system"),
    ):
        kind, sentence, hint, stack = explain(error, Path("/home"))
        assert kind == "engine"
        assert sentence.startswith("/home/voices/anna/7 " if error.filename else "something in /home ")
        assert hint
        assert stack


def test_the_details_of_a_bug_are_in_the_log_not_in_the_sentence(tmp_path: Path) -> None:
    error = error_of(tmp_path, "bug")
    assert "Traceback" not in error.sentence
    assert "Traceback" in error.log_tail


def test_a_worker_that_vanishes_leaves_its_last_words(tmp_path: Path) -> None:
    error = error_of(tmp_path, "vanish")
    assert error.kind == pb.CRASHED
    assert "exit code 7" in error.sentence
    assert "my last words" in error.log_tail


async def started_by(living: Living, job: int) -> int:
    """Process id of what the job's worker started."""

    async def yes() -> bool:
        return True

    async with asyncio.timeout(10):
        async for line in living.daemon.logs.follow(job, alive=yes):
            if line["text"].endswith("was started by it"):
                return int(line["text"].split()[1])
    raise AssertionError


def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.until(await living.speak("grandchild"), ended)
        assert "exit code 3" in job.status.failed.error.sentence
        grandchild = await started_by(living, job.id)
        await asyncio.to_thread(ends, grandchild)

    lived(tmp_path, life)


def test_what_a_worker_started_ends_with_mynad(tmp_path: Path) -> None:
    started = []

    async def life(living: Living) -> None:
        started.append(await started_by(living, await living.train("deaf-parent")))
        assert alive(started[0])

    lived(tmp_path, life, stop_grace=0.3)
    ends(started[0])


def test_a_segfault_names_the_signal_and_leaves_the_stack(tmp_path: Path) -> None:
    error = error_of(tmp_path, "segfault")
    assert error.kind == pb.CRASHED
    assert "SIGSEGV" in error.sentence
    assert "strange_worker.py" in error.log_tail


def test_a_killed_training_goes_on_with_another_worker(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        os.kill(await living.worker(job), signal.SIGKILL)
        waiting = await living.until(job, lambda told: told.attempts == 1 and told.status.HasField("queued"))
        assert "SIGKILL" in waiting.status.queued.why_waiting
        await living.until(job, lambda told: told.attempts == 2 and told.status.HasField("running"))
        assert living.outcomes(job)[0] == "crashed"

    lived(tmp_path, life)


def test_a_training_that_keeps_crashing_is_given_up(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.until(await living.train("segfault"), ended)
        assert job.status.failed.error.kind == pb.CRASHED
        assert "3 times in a row" in job.status.failed.error.sentence
        assert living.outcomes(job.id) == ["crashed"] * 3

    lived(tmp_path, life)


def test_a_frozen_worker_is_ended_and_its_job_queued_again(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("freeze")
        frozen = await living.worker(job)
        await living.until(
            job, lambda told: told.status.HasField("queued") and "did not answer" in told.status.queued.why_waiting
        )
        await asyncio.to_thread(ends, frozen)
        assert living.outcomes(job)[0] == "crashed"

    lived(tmp_path, life, heartbeat_timeout=3.0)


def test_a_killed_launcher_costs_an_attempt_and_no_job(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        worker = await living.worker(job)
        for attempt in range(2, 2 + CRASH_LIMIT):  # as often as a job may crash: but it is not the job that does
            os.kill(living.daemon.launcher.pid, signal.SIGKILL)
            await living.until(
                job, lambda told, attempt=attempt: told.attempts == attempt and told.status.HasField("running")
            )
        assert not alive(worker)
        assert set(living.outcomes(job)) == {"lost", ""}

    lived(tmp_path, life)


def test_a_cancelled_job_ends_its_worker(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        worker = await living.worker(job)
        await living.client.cancel(job)
        assert (await living.until(job, ended)).status.cancelled.by == "a person"
        await asyncio.to_thread(ends, worker)
        assert living.outcomes(job) == ["cancelled"]

    lived(tmp_path, life)


def test_a_worker_that_does_not_listen_is_cancelled_all_the_same(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.speak("deaf")
        worker = await living.worker(job)
        await living.client.cancel(job)
        assert (await living.until(job, ended)).status.HasField("cancelled")
        await asyncio.to_thread(ends, worker)

    lived(tmp_path, life)


def test_at_the_end_of_mynad_a_training_goes_back_to_the_queue_and_on_at_the_next_start(tmp_path: Path) -> None:
    ids: list[int] = []

    async def first(living: Living) -> None:
        ids.append(await living.train("steps"))
        await living.worker(ids[0])

    async def second(living: Living) -> None:
        await living.until(ids[0], lambda told: told.attempts == 2 and told.status.HasField("running"))
        assert living.outcomes(ids[0])[0] == "stopped"

    lived(tmp_path, first)
    lived(tmp_path, second)


def test_at_the_end_of_mynad_a_deaf_worker_does_not_keep_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("deaf")
        await living.worker(job)

    lived(tmp_path, life, stop_grace=0.3)


def test_an_end_that_is_asked_for_twice_does_not_wait(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("deaf")
        await living.worker(job)
        living.daemon.end()
        await living.client.shutdown(now=True)

    lived(tmp_path, life, stop_grace=1000.0)


def test_progress_is_seen_by_those_who_ask_and_never_stored(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        async for event in living.client.watch(after=0, progress=True):
            if event.job.id == job and event.job.status.running.progress.done > 20:
                assert event.cursor == 0
                break
        assert (await living.client.job(job)).status.running.progress.unit == "steps"

    lived(tmp_path, life)
