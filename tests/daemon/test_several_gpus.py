"""A whole mynad on a machine with several GPUs: the driver is a stand-in, workers are real processes that are told by
CUDA_VISIBLE_DEVICES which GPU is theirs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from living_daemon import Living, lived
from test_attempts import ended
from test_gpu import GB, FakeDriver

from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
UUIDS = ["GPU-0000-aaaa", "GPU-1111-aaaa"]


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Two cards of 24 GB, of which 17 are free."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    two = FakeDriver()
    two.count, two.processes = 2, []
    monkeypatch.setitem(sys.modules, "pynvml", two)  # type: ignore[arg-type]
    monkeypatch.setattr("daemon.machine.gpu_watch.GLANCE", 0.02)
    return two


async def running(living: Living, voice: str) -> tuple[int, pb.GpuUse]:
    """A training that its worker is at, and its GPU."""
    job = await living.train(voice)
    await living.worker(job)
    return job, (await living.now(job)).gpu


def paused(living: Living) -> set[int]:
    """Jobs that were paused, as far as the story went."""
    return {job.id for job in living.told if job.status.HasField("paused")}


def test_two_train_at_once_each_on_its_gpu_and_a_third_says_what_it_waits_for(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first, on_first = await running(living, "sees")
        second, on_second = await running(living, "sees-too")
        assert (list(on_first.indices), on_first.uuid) == ([0], UUIDS[0])
        assert (list(on_second.indices), on_second.uuid) == ([1], UUIDS[1])
        assert await living.line(first, "sees ") == repr(UUIDS[0])
        assert await living.line(second, "sees ") == repr(UUIDS[1])
        assert (await living.client.info()).gpu_holder == f"train #{first} (GPU 0), train #{second} (GPU 1)"
        third = await living.train("sees-as-well")
        waits = await living.until(third, lambda job: "held" in job.status.queued.why_waiting)
        said = f"GPU 0 held by train #{first} (sees), GPU 1 held by train #{second} (sees-too)"
        assert waits.status.queued.why_waiting == said
        assert (list(waits.gpu.indices), waits.gpu.uuid, bool(waits.gpu.needs)) == ([0, 1], "", True)
        await living.client.cancel(second)
        assert (await living.until(third, "running")).gpu.uuid == UUIDS[1], "the GPU that was freed"

    lived(tmp_path, life)


def test_a_worker_that_is_killed_frees_its_gpu_and_its_job_takes_one_again(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first, _ = await running(living, "steps")
        second, _ = await running(living, "steps-not")
        os.kill(await living.worker(first), signal.SIGKILL)
        back = await living.until(first, lambda job: job.status.HasField("running") and job.attempts == 2)
        assert back.gpu.uuid == UUIDS[0]
        assert (await living.now(second)).attempts == 1

    lived(tmp_path, life)


def test_speech_lives_on_one_gpu_while_another_trains(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        training, _ = await running(living, "steps")
        for _ in range(3):
            spoken = await living.until(await living.speak("hello"), "succeeded")
            assert spoken.gpu.uuid == UUIDS[1]
        assert (await living.now(training)).status.HasField("running")
        assert not paused(living)

    lived(tmp_path, life)


def test_the_worker_that_waits_for_speech_lives_where_it_is_asked_for(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        training, _ = await running(living, "steps")
        await living.daemon.speech.get_ready()
        spoken = await living.until(await living.speak("hello"), "succeeded")
        assert (spoken.gpu.uuid, living.daemon.speech.gpu) == (UUIDS[1], UUIDS[1])
        assert spoken.status.succeeded.sentence.endswith("that had glow ready"), "it was not thrown away for another"
        assert (await living.now(training)).status.HasField("running")

    lived(tmp_path, life, speech_ready=True)


def test_where_both_train_one_gives_way_to_speech_and_goes_on(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first, _ = await running(living, "steps")
        second, _ = await running(living, "measures")
        await living.until(await living.speak("hello"), "succeeded")
        assert len(paused(living)) == 1
        for job in paused(living):
            await living.until(job, "running")
        assert [living.outcomes(job) for job in (first, second)] == [[""], [""]]

    lived(tmp_path, life)


def test_speech_moves_to_the_gpu_that_is_free(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        assert (await living.until(await living.speak("hello"), "succeeded")).gpu.uuid == UUIDS[0]
        first, on_first = await running(living, "steps")
        assert on_first.uuid == UUIDS[1], "speech is left its own"
        second, on_second = await running(living, "measures")
        assert on_second.uuid == UUIDS[0]
        await living.client.cancel(first)
        await living.until(first, ended)
        assert (await living.until(await living.speak("hello"), "succeeded")).gpu.uuid == UUIDS[1]
        assert (await living.now(second)).status.HasField("running")

    lived(tmp_path, life)


def test_a_gpu_that_stops_answering_is_told_and_the_other_works_on(tmp_path: Path, driver: FakeDriver) -> None:
    async def life(living: Living) -> None:
        driver.lost = {0}
        async for event in living.daemon.events.watch(0):
            if event.HasField("notice"):
                assert event.notice.sentence == "GPU 0 (NVIDIA RTX 4090) does not answer; no job begins there."
                break
        _, on = await running(living, "steps")
        assert on.uuid == UUIDS[1]
        waiting = await living.train("measures")
        waits = await living.until(waiting, lambda job: "held" in job.status.queued.why_waiting)
        assert list(waits.gpu.indices) == [1]
        driver.lost = set()
        assert (await living.until(waiting, "running")).gpu.uuid == UUIDS[0]

    lived(tmp_path, life)


def test_a_job_whose_gpu_is_lost_goes_on_on_another_and_other_failures_are_failures(
    tmp_path: Path, driver: FakeDriver
) -> None:
    async def life(living: Living) -> None:
        job, use = await running(living, f"breaks={tmp_path / 'go'}")
        assert use.uuid == UUIDS[0]
        driver.lost = {0}
        (tmp_path / "go").touch()
        again = await living.until(job, lambda job: job.status.HasField("running") and job.attempts == 2)
        assert again.gpu.uuid == UUIDS[1]
        failed = await living.until(job, "failed")
        assert "unspecified launch failure" in failed.status.failed.error.sentence, "that GPU answers"
        assert living.outcomes(job) == ["crashed", "failed"]

    lived(tmp_path / "home", life)


def test_a_speech_worker_whose_engine_failed_on_a_gpu_speaks_no_more(tmp_path: Path) -> None:
    (tmp_path / "go").touch()

    async def life(living: Living) -> None:
        async def speaker() -> str:
            spoken = await living.until(await living.speak("hello"), "succeeded")
            assert spoken.gpu.uuid == UUIDS[0]
            return spoken.status.succeeded.sentence  # it names the process

        first = await speaker()
        refused = await living.until(await living.speak("refuse"), "failed")
        assert refused.status.failed.error.kind == pb.BAD_INPUT
        assert await speaker() == first, "the text was to blame"
        broken = await living.until(await living.speak(f"breaks={tmp_path / 'go'}"), "failed")
        assert broken.status.failed.error.kind == pb.ENGINE
        second = await speaker()
        assert second != first, "what CUDA keeps of an error stays in its process"
        assert await speaker() == second

    lived(tmp_path / "home", life)


def test_a_driver_that_hangs_holds_neither_a_job_nor_the_end_of_mynad(
    tmp_path: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.machine.patience.PATIENCE", 0.2)
    answers = threading.Event()

    async def life(living: Living) -> None:
        job, use = await running(living, f"breaks={tmp_path / 'go'}")
        assert use.uuid == UUIDS[0]
        driver.hangs = answers
        (tmp_path / "go").touch()
        again = await living.until(job, lambda job: job.status.HasField("running") and job.attempts == 2)
        assert again.gpu.uuid == UUIDS[1], "what does not answer in time counts as lost"
        assert living.outcomes(job)[0] == "crashed"

    try:
        lived(tmp_path / "home", life)
        assert not answers.is_set(), "it hangs still, and mynad ended"
    finally:
        answers.set()


def test_a_voice_is_trained_once_at_a_time_however_many_gpus_are_free(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        first, _ = await running(living, "steps")
        again = pb.JobSpec(train=pb.TrainSpec(voice="steps", dataset=1))
        second, third = [(await living.client.submit(again)).id for _ in range(2)]
        await living.until(second, lambda job: job.status.queued.why_waiting == f"train #{first} is at work on steps")
        other, use = await running(living, "measures")
        assert use.uuid == UUIDS[1]
        await living.client.cancel(other)
        await living.client.cancel(first)
        await living.until(second, "running")
        await living.until(third, lambda job: job.status.queued.why_waiting == f"train #{second} is at work on steps")
        assert living.outcomes(third) == []

    lived(tmp_path, life)


def test_a_job_with_too_little_memory_free_says_so_before_it_fails(tmp_path: Path, driver: FakeDriver) -> None:
    driver.count, driver.taken = 1, {0: 23 * GB}

    async def life(living: Living) -> None:
        job, use = await running(living, "steps")
        assert (use.free, use.total, use.measured) == (1 * GB, 24 * GB, False)
        assert use.needs > use.free
        said = f"needs {use.needs / 1e9:.1f} GB, as its engine states, 1.0 GB free on GPU 0."
        assert await living.line(job, "This job ") == said
        estimate = await living.client.estimate("steps")
        assert (estimate.gpu.needs, estimate.gpu.free, list(estimate.gpu.indices)) == (use.needs, 1 * GB, [0])

    lived(tmp_path, life)


def test_only_the_gpus_of_the_setting_are_worked_on_and_the_cpu_lane_sees_none(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job, use = await running(living, "sees")
        assert use.uuid == UUIDS[1]
        other = await living.train("sees-too")
        waits = await living.until(other, lambda job: "held" in job.status.queued.why_waiting)
        assert waits.status.queued.why_waiting == f"GPU held by train #{job} (sees)"
        taking = await living.ingest(living.voice("sees-nothing"))
        assert await living.line(taking, "sees ") == "''"
        doctor = {finding.name: finding for finding in await living.client.doctor()}
        assert "names 7, which no GPU" in doctor["gpus"].sentence
        async for event in living.daemon.events.watch(0):
            if event.HasField("notice"):
                assert event.notice.sentence == doctor["gpus"].sentence, "told at the start, too"
                break

    lived(tmp_path, life, gpus=("1", "7"))


def test_where_no_gpu_is_called_so_work_runs_on_the_cpu_and_takes_no_other(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job, use = await running(living, "sees")
        assert await living.line(job, "sees ") == "''"
        assert use == pb.GpuUse()
        other = await living.train("sees-too")
        waits = await living.until(other, lambda job: "held" in job.status.queued.why_waiting)
        assert waits.status.queued.why_waiting.startswith("CPU, in place of a GPU, held by")

    lived(tmp_path, life, gpus=("7",))
