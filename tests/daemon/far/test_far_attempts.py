"""Trainings by way of the shared folder, with the real mynad, relay and agent as processes: only what a training does
is stepwise_worker's, and the other machine is another folder of this one. The same on a Ray cluster: tests/e2e."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from living_daemon import Living, lived
from stepwise_worker import GATE, STEPS
from test_attempts import ended
from test_energy import powercap
from test_gpu import FakeDriver

from daemon.executor_settings import Executor
from daemon.far.attempt_folder import AttemptFolder
from daemon.far.far_home import ENVIRONMENT
from daemon.far.shared_store import SharedStore
from daemon.far.values import Ending, Result
from daemon.state import spent
from proto import myna_pb2 as pb
from tests.waits import appears, until

pytestmark = pytest.mark.integration
PROGRAM = (sys.executable, str(Path(__file__).with_name("stepwise_worker.py")))
LEASE = 3.0
PATIENCE = 60.0  #: seconds: three Pythons start one after the other, on a machine that others use, too


class Elsewhere:
    """A home, the folder that it shares, and the other machine's."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.shared, self.machine = tmp_path / "home", tmp_path / "shared", tmp_path / "machine"
        self.gate, self.url = tmp_path / "gate", f"file://{self.shared}"
        self.gate.mkdir()
        monkeypatch.setenv(GATE, str(self.gate))
        monkeypatch.setenv(ENVIRONMENT, str(self.machine))

    def lived(self, life: Callable[[Living], Any], lease: float = LEASE) -> None:
        """Run a test's coroutine function with a mynad that has trainings done there."""
        executor = Executor(kind="process", store=self.url, lease=lease, poll=0.05)
        lived(self.home, life, PROGRAM, executor=executor)

    async def train(self, living: Living) -> int:
        """Submit a training of Berta."""
        return await living.train("berta")

    def go(self, step: int | str = "all") -> None:
        """Let the training go on after a step."""
        (self.gate / str(step)).touch()

    def folder(self, job: int, attempt: int) -> AttemptFolder:
        """As the shared folder has it."""
        (folder,) = (self.shared / "homes").glob(f"*/{job}-*")
        return AttemptFolder(SharedStore(self.url), folder.parent.name, folder.name, attempt)

    def agent(self, job: int, attempt: int) -> psutil.Process:
        """The agent's process, once it has claimed the attempt."""
        return psutil.Process(int(self.folder(job, attempt).claimed().split()[1]))

    def version(self) -> bytes:
        """What the version of Berta holds."""
        return (self.home / "voices" / "berta" / "1" / "weights").read_bytes()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    made = Elsewhere(tmp_path, monkeypatch)
    (made.home / "clips").mkdir(parents=True)
    for number in range(8):
        (made.home / "clips" / f"berta {number}.flac").write_text(f"sound {number}")
    return made


def whole(elsewhere: Elsewhere) -> None:
    """The version was counted to the end, of clips that all came there."""
    clips, _, counted = elsewhere.version().decode().rpartition("|")
    assert counted == str(STEPS)
    assert sorted(clips.split("sound ")[1:]) == [str(number) for number in range(1, 8)]


async def gone(process: psutil.Process) -> None:
    """Until a process has ended."""
    await asyncio.to_thread(psutil.wait_procs, [process], PATIENCE)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_training_elsewhere_becomes_a_version_here(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        elsewhere.go()
        job = await living.until(await elsewhere.train(living), ended, PATIENCE)
        assert job.status.succeeded.sentence == f"counted to {STEPS}", job.status
        whole(elsewhere)
        told = await living.line(job.id, "process ")
        assert str(elsewhere.machine) in told, "it was at work in the other machine's folder"
        assert (await living.client.version("berta", 1)).number == 1
        assert await living.line(job.id, "printed by ")
        assert job.gpu.node == os.uname().nodename
        run = (await living.client.version("berta", 1)).run
        assert (await living.client.run(run)).steps == STEPS, "how it was begun is told, too"

    elsewhere.lived(life)
    assert not list((elsewhere.machine / "attempts").iterdir()), "nothing of it stays there but what it may need again"
    assert not list((elsewhere.shared).glob("homes/*/*/*/events")), "nor events in the shared folder"


def test_what_a_training_elsewhere_takes_is_said_not_to_be_known(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    powercap(tmp_path / "powercap", 0)
    monkeypatch.setattr("daemon.main.POWERCAP", tmp_path / "powercap")

    async def life(living: Living) -> None:
        elsewhere.go(1)
        job = await elsewhere.train(living)
        await points(living, job, 2)
        await living.daemon.energy.look()
        await living.daemon.energy.look()
        elsewhere.go()
        assert (await living.until(job, ended, PATIENCE)).status.HasField("succeeded")
        await until(lambda: job not in living.daemon.scheduler.attempts)
        await living.daemon.energy.look()
        total = await living.daemon.store.read(lambda session: spent.of_job(session, job))
        assert total.seconds > 0
        assert total.joules is None, "the relay's share of this machine's CPU is not the training's energy"
        assert total.unmetered == [pb.UNMETERED_CPU]

    elsewhere.lived(life)


def test_the_estimate_of_a_training_elsewhere_is_not_held_against_a_gpu_of_this_machine(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", FakeDriver())  # type: ignore[arg-type]

    async def life(living: Living) -> None:
        assert (await living.client.info()).sample.gpus
        told = await living.client.estimate(living.voice("berta"))
        assert not told.HasField("gpu")
        assert not told.gpu_memory, "that machine lends its CPU"

    elsewhere.lived(life)


def test_a_killed_agent_is_lost_and_the_next_attempt_goes_on_from_what_was_kept(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        elsewhere.go(1)
        job = await elsewhere.train(living)
        worker = psutil.Process(await living.worker(job, PATIENCE))
        await points(living, job, 2)
        elsewhere.agent(job, 1).kill()
        await gone(worker)
        elsewhere.go()
        told = await living.until(job, ended, PATIENCE)
        assert told.status.HasField("succeeded"), told.status
        assert living.outcomes(job) == ["crashed", "succeeded"]
        assert await living.line(job, "Nothing was heard of the agent on ")
        assert await living.line(job, "Goes on from what attempt 1 kept.") == ""
        lines = [line["text"] for line in living.daemon.logs.read(job)[0]]
        assert sum("goes on from 2" in text for text in lines) == 1
        whole(elsewhere)

    elsewhere.lived(life)


@pytest.mark.long
def test_a_killed_worker_is_told_of_at_once(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        elsewhere.go(1)
        job = await elsewhere.train(living)
        worker = await living.worker(job, PATIENCE)
        await points(living, job, 2)
        os.kill(worker, signal.SIGKILL)
        elsewhere.go()
        told = await living.until(job, ended, PATIENCE)
        assert told.status.HasField("succeeded"), told.status
        assert (await living.line(job, "The worker on ")).endswith(
            "died (signal 9). The end of the log shows the last thing that it did."
        )
        whole(elsewhere)

    elsewhere.lived(life, lease=60.0)


def test_a_late_result_of_an_old_attempt_is_refused_and_said(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        elsewhere.go(1)
        job = await elsewhere.train(living)
        await points(living, job, 2)
        elsewhere.agent(job, 1).kill()
        await living.until(job, lambda told: told.attempts == 2, PATIENCE)
        elsewhere.go(2)
        await points(living, job, 3)
        old = elsewhere.folder(job, 1)
        late = Result(Ending.SAID, outputs=())
        old.store.write(f"homes/{old.home}/{old.job}/1/result.json", late.to_json())
        assert await living.line(job, "A result of attempt 1 came late and is refused: attempt 2 has ") == "the job."
        elsewhere.go()
        told = await living.until(job, ended, PATIENCE)
        assert told.status.succeeded.sentence == f"counted to {STEPS}"
        whole(elsewhere)

    elsewhere.lived(life)


@pytest.mark.long
def test_a_cancelled_training_ends_there_too(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        job = await elsewhere.train(living)
        worker = psutil.Process(await living.worker(job, PATIENCE))
        await living.client.cancel(job)
        told = await living.until(job, ended, PATIENCE)
        assert told.status.HasField("cancelled"), told.status
        await gone(worker)

    elsewhere.lived(life)


@pytest.mark.long
def test_mynad_that_ends_has_it_saved_and_the_next_one_goes_on_from_there(elsewhere: Elsewhere) -> None:
    jobs: list[int] = []

    async def first(living: Living) -> None:
        elsewhere.go(1)
        jobs.append(await elsewhere.train(living))
        await points(living, jobs[0], 2)

    async def second(living: Living) -> None:
        elsewhere.go()
        told = await living.until(jobs[0], ended, PATIENCE)
        assert told.status.HasField("succeeded"), told.status
        assert living.outcomes(jobs[0])[-1] == "succeeded"
        lines = [line["text"] for line in living.daemon.logs.read(jobs[0])[0]]
        assert sum("goes on from 2" in text for text in lines) == 1, lines

    elsewhere.lived(first)
    left = [one for one in psutil.process_iter(["cmdline"]) if elsewhere.url in (one.info["cmdline"] or ())]
    assert left == [], "no agent outlives its mynad"
    (saved,) = (elsewhere.home / "runs").glob("*/checkpoints/step-1/state.json")
    assert saved.read_text() == "2", "its checkpoint came home"
    elsewhere.lived(second)
    whole(elsewhere)


@pytest.mark.long
def test_a_finished_training_whose_result_nobody_took_is_not_done_again(elsewhere: Elsewhere) -> None:
    async def life(living: Living) -> None:
        elsewhere.go(1)
        job = await elsewhere.train(living)
        await points(living, job, 2)
        relay = psutil.Process(elsewhere.agent(job, 1).ppid())
        relay.suspend()
        elsewhere.go()
        await until_result(elsewhere, job)
        relay.kill()
        told = await living.until(job, ended, PATIENCE)
        assert told.status.HasField("succeeded"), told.status
        whole(elsewhere)

    elsewhere.lived(life, lease=60.0)


async def points(living: Living, job: int, step: int) -> None:
    """Until mynad has the point of a step of the job's run."""
    async with asyncio.timeout(PATIENCE):
        async for batch in living.client.watch_points((await running(living, job)), ["train/loss"]):
            if any(at >= step for series in batch.series for at in series.steps):
                return
    raise AssertionError


async def running(living: Living, job: int) -> int:
    """The job's run, once a plan made it."""
    await living.worker(job, PATIENCE)
    return (await living.now(job)).run


async def until_result(elsewhere: Elsewhere, job: int) -> None:
    folder = elsewhere.folder(job, 1)
    await asyncio.to_thread(appears, elsewhere.shared / folder._at("result.json"), PATIENCE)
    assert folder.has_result()
