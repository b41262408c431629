"""Who works when, who gives way to whom, and what a waiting job says."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_attempts import ended
from voice_rows import folder, version

from daemon.database.models import Voice
from daemon.scheduling import scheduler, share
from daemon.scheduling.share import Doing
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


def waits_because(words: str):  # type: ignore[no-untyped-def]
    return lambda job: job.status.HasField("queued") and words in job.status.queued.why_waiting


def test_the_gpu_has_one_owner_and_who_waits_says_who_it_is(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        first = await story.train("steps")
        await story.worker(first)
        second = await story.train("bruno")
        waiting = await story.until(second, waits_because("held by"))
        assert waiting.status.queued.why_waiting.endswith(f"held by train #{first} (steps)")
        await story.client.cancel(first)
        await story.until(second, "running")

    lived(tmp_path, life)


def test_within_a_priority_first_come_is_first_served_and_a_person_can_reorder(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(holder := await story.train("steps"))
        early, late = await story.train("bruno"), await story.train("carla")
        await story.client.reorder(late, before=early)
        await story.client.cancel(holder)
        await story.until(late, "running")
        assert (await story.now(early)).status.HasField("queued")

    lived(tmp_path, life)


def test_speaking_does_not_wait_for_a_training_and_the_training_goes_on(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        training = await story.train("steps")
        worker = await story.worker(training)
        speaking = await story.speak("hello")
        paused = await story.until(training, "paused")
        assert not paused.status.paused.by_person
        assert paused.status.paused.why == f"speak #{speaking}"
        await story.until(speaking, "succeeded")
        await story.until(training, "running")
        os.kill(worker, 0)  # the same process: nothing was saved and loaded, it simply went on
        assert story.outcomes(training) == [""]

    lived(tmp_path, life)


def test_sentence_after_sentence_is_spoken_by_the_same_worker(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        spoken = {
            (await story.until(await story.speak("hello"), "succeeded")).status.succeeded.sentence for _ in range(3)
        }
        assert len(spoken) == 1  # it names the process

    lived(tmp_path, life)


def test_an_idle_speech_worker_gives_its_memory_back(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        spoken = await story.until(await story.speak("hello"), "succeeded")
        again = await story.until(await story.speak("hello"), "succeeded")
        assert story.daemon.speech.pid is not None
        worker = story.daemon.speech._worker
        assert worker is not None
        await worker.ended  # by itself, after speech_idle_seconds
        assert story.daemon.speech.pid is None
        other = await story.until(await story.speak("hello"), "succeeded")
        assert spoken.status.succeeded.sentence == again.status.succeeded.sentence != other.status.succeeded.sentence

    lived(tmp_path, life, speech_idle_seconds=0.5)


def test_a_speech_worker_that_crashes_costs_one_request(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.until(await story.speak("hello"), "succeeded")
        assert (await story.until(await story.speak("segfault"), ended)).status.HasField("failed")
        await story.until(await story.speak("hello"), "succeeded")

    lived(tmp_path, life)


def test_a_paused_training_lets_others_work_and_goes_on_when_told(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(held := await story.train("steps"))
        assert (await story.client.pause(held)).status.running.transition == pb.PAUSING
        with contextlib.suppress(ClientError):  # it may have paused by now: then it is paused already
            await story.client.pause(held)
        paused = await story.until(held, "paused")
        assert paused.status.paused.by_person
        assert paused.status.paused.transition == pb.TRANSITION_UNSPECIFIED
        other = await story.train("carla")
        await story.until(other, ended)  # the lane was free
        await story.client.resume(held)
        await story.until(held, "running")
        assert story.outcomes(held) == [""]

    lived(tmp_path, life)


def test_a_resumed_training_waits_for_whoever_has_the_gpu_now(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(held := await story.train("steps"))
        await story.client.pause(held)
        await story.until(held, "paused")
        other = await story.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps", dataset=1)))
        await story.until(other.id, "running")
        await story.client.resume(held)
        resumed = await story.until(held, lambda job: job.status.HasField("paused") and not job.status.paused.by_person)
        assert "waiting for the GPU" in resumed.status.paused.why
        await story.client.cancel(other.id)
        await story.until(held, "running")

    lived(tmp_path, life)


def test_pausing_while_somebody_speaks_keeps_the_training_paused_afterwards(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(training := await story.train("steps"))
        speaking = await story.speak(f"until={tmp_path}/said")
        await story.until(training, "paused")
        await story.client.pause(training)
        (tmp_path / "said").touch()
        await story.until(speaking, "succeeded")
        assert (await story.now(training)).status.paused.by_person
        await story.client.resume(training)
        await story.until(training, "running")

    lived(tmp_path, life)


def test_a_person_pauses_before_the_worker_is_there(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        job = await story.train("steps")
        with_luck = await story.until(job, "running")
        await story.client.pause(with_luck.id)
        await story.until(job, "paused")
        await story.until(await story.train("bruno"), ended)  # so it did give way

    lived(tmp_path, life)


def test_a_waiting_job_that_is_cancelled_never_starts(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(await story.train("steps"))
        waiting = await story.train("bruno")
        await story.client.cancel(waiting)
        assert (await story.now(waiting)).status.HasField("cancelled")
        with pytest.raises(ClientError, match="cancelled already"):
            await story.client.cancel(waiting)
        assert story.outcomes(waiting) == []

    lived(tmp_path, life)


def test_taking_recordings_does_not_wait_for_a_training(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(await story.train("steps"))
        taking = await story.ingest("anna")
        assert (await story.until(taking, ended)).status.HasField("succeeded")

    lived(tmp_path, life)


def test_a_voices_recordings_are_handled_by_one_job_at_a_time(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        first = await story.ingest(story.voice("steps"))
        await story.worker(first)
        second = await story.ingest("steps")
        await story.until(second, waits_because(f"ingest #{first} is at work on steps's recordings"))
        data = (await story.client.submit(pb.JobSpec(dataset=pb.DatasetSpec(voice="steps")))).id
        await story.until(data, waits_because("is at work on steps's recordings"))
        other = await story.ingest("anna")
        await story.until(other, ended)  # another voice's need not wait
        await story.client.cancel(first)
        await story.until(second, "running")

    lived(tmp_path, life)


def test_the_cpu_lane_has_so_many_places(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        first = await story.ingest(story.voice("steps"))
        await story.worker(first)
        waiting = await story.ingest("anna")
        await story.until(waiting, waits_because(f"CPU lane busy with ingest #{first}"))
        await story.client.cancel(first)
        await story.until(waiting, "succeeded")

    lived(tmp_path, life, cpu_jobs=1)


def test_speech_starts_beside_an_evaluation_that_is_slow_to_give_way(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(scoring := await story.evaluate("deaf"))
        await story.until(await story.speak("hello"), "succeeded")
        assert (await story.now(scoring)).status.HasField("running")

    lived(tmp_path, life, stop_grace=0.3)


def test_an_evaluation_does_not_interrupt_a_training(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(training := await story.train("steps"))
        scoring = await story.evaluate("bruno")
        await story.until(scoring, waits_because(f"held by train #{training}"))
        assert (await story.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_an_evaluation_that_needs_the_gpu_no_more_leaves_it_to_the_next_and_goes_on_beside_it(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(listening := await story.evaluate("listens"))
        await story.worker(training := await story.train("steps"))
        assert (await story.now(listening)).status.HasField("running")
        assert (await story.client.info()).gpu_holder == f"train #{training}"
        await story.client.cancel(listening)
        await story.until(listening, ended)
        assert (await story.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_one_listens_beside_the_gpu_lane_and_a_second_one_keeps_it(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(first := await story.evaluate("listens"))
        await story.worker(second := await story.evaluate("listens-too"))
        training = await story.train("steps")
        await story.until(training, waits_because(f"held by evaluate #{second}"))
        await story.client.cancel(first)
        await story.until(training, "running")
        assert (await story.now(second)).status.HasField("running")

    lived(tmp_path, life)


def test_speech_takes_the_gpu_beside_a_listener_at_once_and_nobody_is_paused_for_it(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(listening := await story.evaluate("listens"))
        await story.until(await story.train("bruno"), ended)  # so it is known that it listens
        await story.until(await story.speak("hello"), "succeeded")
        assert (listening, "paused") not in [(job.id, job.status.WhichOneof("status")) for job in story.told]

    lived(tmp_path, life)


def test_a_listener_that_a_person_pauses_goes_on_without_waiting_for_the_gpu(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(listening := await story.evaluate("listens"))
        await story.worker(training := await story.train("steps"))
        await story.client.pause(listening)
        await story.until(listening, "paused")
        await story.client.resume(listening)
        await story.until(listening, "running")
        assert (await story.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_what_an_evaluation_decides_is_waited_for_by_the_trainings_and_evaluations_of_its_voice(tmp_path: Path) -> None:
    async def life(story: Living) -> None:
        await story.worker(listening := await story.evaluate("listens"))
        spec = pb.JobSpec(train=pb.TrainSpec(voice="listens", dataset=1))
        training = (await story.client.submit(spec)).id
        await story.until(training, waits_because(f"evaluate #{listening} decides what listens is trained from"))
        again = (await story.client.submit(pb.JobSpec(evaluate=pb.EvaluateSpec(voice="listens", version=1)))).id
        await story.until(again, waits_because(f"evaluate #{listening} is at work on listens's samples"))
        await story.client.cancel(again)
        await story.client.cancel(listening)
        await story.until(training, "running")

    lived(tmp_path, life)


def test_a_crowd_of_waiting_jobs_is_looked_at_through_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look stays cheap; jobs behind the window get their turn all the same."""
    monkeypatch.setattr(scheduler, "WINDOW", 3)

    async def life(story: Living) -> None:
        ids = [await story.speak("hi") for _ in range(10)]
        for job in ids:
            await story.until(job, "succeeded")

    lived(tmp_path, life)


def test_jobs_that_cannot_start_hold_up_nobody_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "WINDOW", 2)
    monkeypatch.setattr(scheduler, "SEARCH_LIMIT", 4)
    monkeypatch.setattr(scheduler, "RECHECK", 0.1)

    async def life(story: Living) -> None:
        licensed = story.voice("licensed")
        await story.daemon.store.write(lambda session: setattr(session.get_one(Voice, licensed), "engine", "xtts"))
        spec = pb.JobSpec(train=pb.TrainSpec(voice=licensed))
        waiting = [(await story.client.submit(spec)).id for _ in range(9)]
        last = await story.train("bruno")
        await story.until(last, "running")
        assert "not accepted" in (await story.now(waiting[0])).status.queued.why_waiting

    lived(tmp_path, life)


def test_speech_without_a_pause_leaves_a_training_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "TURN", 0.01)

    async def life(story: Living) -> None:
        await story.worker(training := await story.train("steps"))
        speaking = [await story.speak("hi") for _ in range(12)]
        await story.until(speaking[-1], "succeeded")
        told = [(job.id, job.status.WhichOneof("status")) for job in story.told]
        turns = told[told.index((training, "paused")) :].count((training, "running"))
        assert turns > 0, "it goes on before everybody has spoken"

    lived(tmp_path, life, train_share=0.5)


def test_a_share_is_counted_while_others_work_and_worked_off(monkeypatch: pytest.MonkeyPatch) -> None:
    one = share.Share(0.2, time=0.0)
    one.note(Doing.WAITING)
    one.count(16.0)
    assert (one.owed, one.take_turn()) == (pytest.approx(4.0), False), "a turn of four seconds is not worth it"
    one.note(Doing.WAITING)
    one.count(20.0)
    assert (one.owed, one.take_turn()) == (pytest.approx(5.0), True)
    one.count(24.0)
    assert one.in_turn
    one.count(25.0)
    assert (one.owed, one.in_turn) == (0.0, False)
    nothing = share.Share(0.0, time=0.0)
    nothing.note(Doing.WAITING)
    nothing.count(1e6)
    assert not nothing.take_turn()


def test_two_exports_of_a_voice_are_not_written_at_once(tmp_path: Path) -> None:
    """They may be the same file, and a worker writes it aside under one name."""

    async def life(story: Living) -> None:
        voice = story.voice(f"until={tmp_path / 'go'}")
        story.daemon.store.write_now(lambda session: folder(story.daemon.home, version(session, 1, voice=voice)))
        spec = pb.JobSpec(export=pb.ExportSpec(voice=voice, version=1))
        first, second, third = [(await story.client.submit(spec)).id for _ in range(3)]
        await story.until(second, waits_because(f"export #{first} is at work on {voice}'s exports"))
        await story.until(third, waits_because("'s exports"))
        (tmp_path / "go").touch()
        for job in (first, second, third):
            await story.until(job, "succeeded")

    lived(tmp_path / "home", life, min_free_disk=0)
