"""What follows once the inbox is quiet: datasets, made again when texts, clips or the engine change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import lives
import pytest
import soundfile
from inbox_workshop import Workshop, write_wav

from daemon.database.store import Store
from daemon.state import datasets
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def test_a_dataset_is_made_once_the_inbox_is_quiet(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        for index in range(4):
            write_wav(workshop.anna / f"{index}.wav", pitch=200 + index)
            await workshop.wait(3.0)
            await workshop.work()
            assert not workshop.jobs("dataset"), "more may come"
        await workshop.wait(8.0)
        (job,) = workshop.jobs("dataset")
        assert pb.JobSpec.FromString(job.spec).dataset.train_after

    alive(scenario)


def test_a_voice_or_a_setting_can_say_that_nothing_trains_by_itself(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        await workshop.wait(8.0)
        (job,) = workshop.jobs("dataset")
        assert not pb.JobSpec.FromString(job.spec).dataset.train_after

    alive(scenario, auto_train=False)


def test_a_dataset_job_that_failed_is_not_tried_in_circles(alive: Callable[..., None], store: Store) -> None:
    from daemon.state import jobs
    from daemon.state.status import Error

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", pitch=200)
        await workshop.all()
        await workshop.wait(8.0)
        store.write_now(
            lambda session: lives.fail(
                session, jobs.get(session, workshop.jobs("dataset")[0].id), Error("engine", "No.", "", "")
            )
        )
        await workshop.wait(600.0, step=5.0)
        assert len(workshop.jobs("dataset")) == 1
        write_wav(workshop.anna / "b.wav", pitch=300)
        await workshop.all()
        await workshop.wait(8.0)
        assert len(workshop.jobs("dataset")) == 2

    alive(scenario)


def test_a_corrected_clip_makes_a_new_dataset(alive: Callable[..., None], store: Store) -> None:
    async def scenario(workshop: Workshop) -> None:
        demo = Path(__file__).parents[2] / "demo" / "recordings"
        for number in ("d01", "d02"):
            shutil.copy(demo / f"{number}.flac", workshop.anna)
            shutil.copy(demo / f"{number}.txt", workshop.anna)
        await workshop.all()
        await workshop.wait(8.0)
        await workshop.work(("dataset",))
        first = store.read_now(datasets.get, "anna", 0)
        assert (first.number, first.clips, first.held_out) == (1, 1, 1)
        clip = next(clip for clip in workshop.clips() if not clip.held_out)
        store.write_now(datasets.set_clip, "anna", clip.sha256, "Quite another text.", None)
        workshop.inbox.nudge("anna")
        await workshop.wait(8.0)
        await workshop.work(("dataset",))
        second = store.read_now(datasets.get, "anna", 0)
        assert (second.number, second.new_clips) == (2, 1)

    alive(scenario, auto_train=False)


def test_another_engine_has_the_recordings_cut_again_at_its_own_rate(alive: Callable[..., None], store: Store) -> None:
    async def scenario(workshop: Workshop) -> None:
        demo = Path(__file__).parents[2] / "demo" / "recordings"
        for number in ("d01", "d02"):
            shutil.copy(demo / f"{number}.flac", workshop.anna)
            shutil.copy(demo / f"{number}.txt", workshop.anna)
        await workshop.all()
        await workshop.wait(8.0)
        await workshop.work(("dataset",))
        held = {clip.recording for clip in workshop.clips() if clip.held_out}
        (workshop.anna / "voice.toml").write_text('engine = "xtts"')
        await workshop.wait(12.0)
        await workshop.work(("dataset",))
        second = store.read_now(datasets.get, "anna", 0)
        assert (second.number, second.clips, second.held_out, second.new_clips) == (2, 1, 1, 1)
        kept = [clip for clip in workshop.clips() if clip.kept]
        assert {soundfile.info(workshop.home / clip.path).samplerate for clip in kept} == {22_050}
        assert {clip.recording for clip in kept if clip.held_out} == held, "what is held out stays held out"

    alive(scenario, auto_train=False)


def test_a_text_that_comes_while_its_recording_is_cut_is_not_passed_over(
    alive: Callable[..., None], store: Store
) -> None:
    from daemon.state import jobs

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        await workshop.wait(8.0)
        (cutting,) = workshop.jobs("dataset")
        store.write_now(lambda session: jobs.start_attempt(session, jobs.get(session, cutting.id)))
        (workshop.anna / "a.txt").write_text("Good morning.")
        await workshop.wait(10.0)
        assert workshop.recordings()[0].text is None
        store.write_now(lambda session: lives.requeue(session, jobs.get(session, cutting.id), "stopped"))
        await workshop.wait(10.0)
        assert workshop.recordings()[0].text == "Good morning."
        await workshop.work(("dataset",))
        assert all(clip.text in ("Good morning.", "") for clip in workshop.clips())

    alive(scenario)
