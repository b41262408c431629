"""Who works when, who gives way to whom, and what a waiting job says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_attempts import ended
from voice_rows import folder, version

from daemon.database.models import Voice
from daemon.scheduling import queue_view, scheduler, share
from daemon.scheduling.lanes import Action, GiveWay, GoOn, Lane, Ready, decide
from daemon.scheduling.share import Doing
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


def waits_because(words: str):  # type: ignore[no-untyped-def]
    return lambda job: job.status.HasField("queued") and words in job.status.queued.why_waiting


def test_the_gpu_has_one_owner_and_who_waits_says_who_it_is(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first = await living.train("steps")
        await living.worker(first)
        second = await living.train("bruno")
        waiting = await living.until(second, waits_because("held by"))
        assert waiting.status.queued.why_waiting.endswith(f"held by train #{first} (steps)")
        await living.client.cancel(first)
        await living.until(second, "running")

    lived(tmp_path, life)


def test_within_a_priority_first_come_is_first_served_and_a_person_can_reorder(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(holder := await living.train("steps"))
        early, late = await living.train("bruno"), await living.train("carla")
        await living.client.reorder(late, before=early)
        await living.client.cancel(holder)
        await living.until(late, "running")
        assert (await living.now(early)).status.HasField("queued")

    lived(tmp_path, life)


def test_speaking_does_not_wait_for_a_training_and_the_training_goes_on(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        training = await living.train("steps")
        worker = await living.worker(training)
        speaking = await living.speak("hello")
        paused = await living.until(training, "paused")
        assert not paused.status.paused.by_person
        assert paused.status.paused.why == f"speak #{speaking}"
        await living.until(speaking, "succeeded")
        await living.until(training, "running")
        os.kill(worker, 0)  # the same process: nothing was saved and loaded, it simply went on
        assert living.outcomes(training) == [""]

    lived(tmp_path, life)


def test_sentence_after_sentence_is_spoken_by_the_same_worker(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        spoken = {
            (await living.until(await living.speak("hello"), "succeeded")).status.succeeded.sentence for _ in range(3)
        }
        assert len(spoken) == 1  # it names the process

    lived(tmp_path, life)


def test_an_idle_speech_worker_gives_its_memory_back(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        spoken = await living.until(await living.speak("hello"), "succeeded")
        again = await living.until(await living.speak("hello"), "succeeded")
        assert living.daemon.speech.pid is not None
        worker = living.daemon.speech._worker
        assert worker is not None
        await worker.ended  # by itself, after speech_idle_seconds
        assert living.daemon.speech.pid is None
        other = await living.until(await living.speak("hello"), "succeeded")
        assert spoken.status.succeeded.sentence == again.status.succeeded.sentence != other.status.succeeded.sentence

    lived(tmp_path, life, speech_idle_seconds=0.5)


def test_a_speech_worker_that_crashes_costs_one_request(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.until(await living.speak("hello"), "succeeded")
        assert (await living.until(await living.speak("segfault"), ended)).status.HasField("failed")
        await living.until(await living.speak("hello"), "succeeded")

    lived(tmp_path, life)


def test_a_paused_training_lets_others_work_and_goes_on_when_told(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(held := await living.train("steps"))
        assert (await living.client.pause(held)).status.running.transition == pb.PAUSING
        with contextlib.suppress(ClientError):  # it may have paused by now: then it is paused already
            await living.client.pause(held)
        paused = await living.until(held, "paused")
        assert paused.status.paused.by_person
        assert paused.status.paused.transition == pb.TRANSITION_UNSPECIFIED
        other = await living.train("carla")
        await living.until(other, ended)  # the lane was free
        await living.client.resume(held)
        await living.until(held, "running")
        assert living.outcomes(held) == [""]

    lived(tmp_path, life)


def test_a_resumed_training_waits_for_whoever_has_the_gpu_now(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(held := await living.train("steps"))
        await living.client.pause(held)
        await living.until(held, "paused")
        other = await living.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps", dataset=1)))
        await living.until(other.id, "running")
        await living.client.resume(held)
        resumed = await living.until(
            held, lambda job: job.status.HasField("paused") and not job.status.paused.by_person
        )
        assert "waiting for the GPU" in resumed.status.paused.why
        await living.client.cancel(other.id)
        await living.until(held, "running")

    lived(tmp_path, life)


def test_pausing_while_somebody_speaks_keeps_the_training_paused_afterwards(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(training := await living.train("steps"))
        speaking = await living.speak(f"until={tmp_path}/said")
        await living.until(training, "paused")
        await living.client.pause(training)
        (tmp_path / "said").touch()
        await living.until(speaking, "succeeded")
        assert (await living.now(training)).status.paused.by_person
        await living.client.resume(training)
        await living.until(training, "running")

    lived(tmp_path, life)


def test_a_person_pauses_before_the_worker_is_there(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        with_luck = await living.until(job, "running")
        await living.client.pause(with_luck.id)
        await living.until(job, "paused")
        await living.until(await living.train("bruno"), ended)  # so it did give way

    lived(tmp_path, life)


def test_a_waiting_job_that_is_cancelled_never_starts(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(await living.train("steps"))
        waiting = await living.train("bruno")
        await living.client.cancel(waiting)
        assert (await living.now(waiting)).status.HasField("cancelled")
        with pytest.raises(ClientError, match="cancelled already"):
            await living.client.cancel(waiting)
        assert living.outcomes(waiting) == []

    lived(tmp_path, life)


def test_taking_recordings_does_not_wait_for_a_training(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(await living.train("steps"))
        taking = await living.ingest("anna")
        assert (await living.until(taking, ended)).status.HasField("succeeded")

    lived(tmp_path, life)


def test_a_voices_recordings_are_handled_by_one_job_at_a_time(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first = await living.ingest(living.voice("steps"))
        await living.worker(first)
        second = await living.ingest("steps")
        await living.until(second, waits_because(f"ingest #{first} is at work on steps's recordings"))
        data = (await living.client.submit(pb.JobSpec(dataset=pb.DatasetSpec(voice="steps")))).id
        await living.until(data, waits_because("is at work on steps's recordings"))
        other = await living.ingest("anna")
        await living.until(other, ended)  # another voice's need not wait
        await living.client.cancel(first)
        await living.until(second, "running")

    lived(tmp_path, life)


def test_the_cpu_lane_has_so_many_places(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first = await living.ingest(living.voice("steps"))
        await living.worker(first)
        waiting = await living.ingest("anna")
        await living.until(waiting, waits_because(f"CPU lane busy with ingest #{first}"))
        await living.client.cancel(first)
        await living.until(waiting, "succeeded")

    lived(tmp_path, life, cpu_jobs=1)


def test_speech_starts_beside_an_evaluation_that_is_slow_to_give_way(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(scoring := await living.evaluate("deaf"))
        await living.until(await living.speak("hello"), "succeeded")
        assert (await living.now(scoring)).status.HasField("running")

    lived(tmp_path, life, stop_grace=0.3)


def test_an_evaluation_does_not_interrupt_a_training(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(training := await living.train("steps"))
        scoring = await living.evaluate("bruno")
        await living.until(scoring, waits_because(f"held by train #{training}"))
        assert (await living.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_an_evaluation_that_needs_the_gpu_no_more_leaves_it_to_the_next_and_goes_on_beside_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(listening := await living.evaluate("listens"))
        await living.worker(training := await living.train("steps"))
        assert (await living.now(listening)).status.HasField("running")
        assert (await living.client.info()).gpu_holder == f"train #{training}"
        await living.client.cancel(listening)
        await living.until(listening, ended)
        assert (await living.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_one_listens_beside_the_gpu_lane_and_a_second_one_keeps_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(first := await living.evaluate("listens"))
        await living.worker(second := await living.evaluate("listens-too"))
        training = await living.train("steps")
        await living.until(training, waits_because(f"held by evaluate #{second}"))
        await living.client.cancel(first)
        await living.until(training, "running")
        assert (await living.now(second)).status.HasField("running")

    lived(tmp_path, life)


def test_speech_takes_the_gpu_beside_a_listener_at_once_and_nobody_is_paused_for_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(listening := await living.evaluate("listens"))
        await living.until(await living.train("bruno"), ended)  # so it is known that it listens
        await living.until(await living.speak("hello"), "succeeded")
        assert (listening, "paused") not in [(job.id, job.status.WhichOneof("status")) for job in living.told]

    lived(tmp_path, life)


def test_a_listener_that_a_person_pauses_goes_on_without_waiting_for_the_gpu(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(listening := await living.evaluate("listens"))
        await living.worker(training := await living.train("steps"))
        await living.client.pause(listening)
        await living.until(listening, "paused")
        await living.client.resume(listening)
        await living.until(listening, "running")
        assert (await living.now(training)).status.HasField("running")

    lived(tmp_path, life)


def test_what_an_evaluation_decides_is_waited_for_by_the_trainings_and_evaluations_of_its_voice(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(listening := await living.evaluate("listens"))
        spec = pb.JobSpec(train=pb.TrainSpec(voice="listens", dataset=1))
        training = (await living.client.submit(spec)).id
        await living.until(training, waits_because(f"evaluate #{listening} decides what listens is trained from"))
        again = (await living.client.submit(pb.JobSpec(evaluate=pb.EvaluateSpec(voice="listens", version=1)))).id
        await living.until(again, waits_because(f"evaluate #{listening} is at work on listens's samples"))
        await living.client.cancel(again)
        await living.client.cancel(listening)
        await living.until(training, "running")

    lived(tmp_path, life)


def test_a_crowd_of_waiting_jobs_is_looked_at_through_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look stays cheap; jobs behind the window get their turn all the same."""
    monkeypatch.setattr(queue_view, "WINDOW", 3)

    async def life(living: Living) -> None:
        ids = [await living.speak("hi") for _ in range(10)]
        for job in ids:
            await living.until(job, "succeeded")

    lived(tmp_path, life)


def test_jobs_that_cannot_start_hold_up_nobody_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_view, "WINDOW", 2)
    monkeypatch.setattr(queue_view, "SEARCH_LIMIT", 4)
    monkeypatch.setattr(scheduler, "RECHECK", 0.1)

    async def life(living: Living) -> None:
        licensed = living.voice("licensed")
        await living.daemon.store.write(lambda session: setattr(session.get_one(Voice, licensed), "engine", "xtts"))
        spec = pb.JobSpec(train=pb.TrainSpec(voice=licensed))
        waiting = [(await living.client.submit(spec)).id for _ in range(9)]
        last = await living.train("bruno")
        await living.until(last, "running")
        assert "not accepted" in (await living.now(waiting[0])).status.queued.why_waiting

    lived(tmp_path, life)


def test_speech_without_a_pause_leaves_a_training_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "TURN", 0.01)

    async def life(living: Living) -> None:
        await living.worker(training := await living.train("steps"))
        speaking = [await living.speak("hi") for _ in range(12)]
        await living.until(speaking[-1], "succeeded")
        told = [(job.id, job.status.WhichOneof("status")) for job in living.told]
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

    async def life(living: Living) -> None:
        voice = living.voice(f"until={tmp_path / 'go'}")
        living.daemon.store.write_now(lambda session: folder(living.daemon.home, version(session, 1, voice=voice)))
        spec = pb.JobSpec(export=pb.ExportSpec(voice=voice, version=1))
        first, second, third = [(await living.client.submit(spec)).id for _ in range(3)]
        await living.until(second, waits_because(f"export #{first} is at work on {voice}'s exports"))
        await living.until(third, waits_because("'s exports"))
        (tmp_path / "go").touch()
        for job in (first, second, third):
            await living.until(job, "succeeded")

    lived(tmp_path / "home", life, min_free_disk=0)


def test_a_job_that_ended_since_the_look_at_the_lanes_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def late(lanes: Sequence[Lane], ready: Sequence[Ready], *, speaking: bool) -> list[Action]:
        gone = [GiveWay(999, one.job, offload=False) for one in ready]
        return [GoOn(999, "", turn=False), *gone, *decide(lanes, ready, speaking=speaking)]

    monkeypatch.setattr("daemon.scheduling.scheduler.decide", late)

    async def life(living: Living) -> None:
        await living.until(await living.speak("hello"), "succeeded")

    lived(tmp_path, life)
    assert "A pass over the queue failed" not in caplog.text
