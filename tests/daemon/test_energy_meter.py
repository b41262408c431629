"""Whose energy it was, in a whole mynad: the driver and the kernel's counters are stand-ins, workers are real."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy import select
from test_energy import powercap
from test_gpu import FakeDriver

from daemon.database.energy_rows import Spent
from daemon.database.models import Run
from daemon.database.store import Store
from daemon.price import Price
from daemon.scheduling import energy_meter
from daemon.state import runs, spent
from daemon.state.spent import Total
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
PRICE = Price(per_hour=3_600.0, currency="€", per_kwh=3_600.0)  #: a euro a second, and one a kilojoule
WATTS = 1_000.0


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDriver:
    """A card with a counter of its energy, in a machine whose CPU's counters cannot be read."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    card = FakeDriver()
    card.processes, card.counts, card.watts = [], True, WATTS
    monkeypatch.setitem(sys.modules, "pynvml", card)  # type: ignore[arg-type]
    monkeypatch.setattr("daemon.machine.gpu_watch.GLANCE", 0.02)
    monkeypatch.setattr(energy_meter, "TICK", 0.2)
    monkeypatch.setattr(energy_meter, "WRITE", 0.2)
    monkeypatch.setattr("daemon.main.POWERCAP", tmp_path / "powercap")
    return card


async def told(living: Living, job: int, true: Callable[[pb.Spent], bool], seconds: float = 20.0) -> pb.Spent:
    """What the running job says that it took, once that is so."""
    async with asyncio.timeout(seconds):
        async for event in living.daemon.events.watch(living.cursor, progress=True):
            found = event.job.status.running.progress.spent
            if event.job.id == job and event.job.status.running.progress.HasField("spent") and true(found):
                return found
    raise AssertionError


class Counter:
    """Of a CPU package that takes 50 J each tenth of a second."""

    def __init__(self, root: Path) -> None:
        self._file = root / "intel-rapl:0" / "energy_uj"
        self.joules = 0

    async def go_round(self) -> None:
        """Until cancelled."""
        while True:
            self.joules += 50
            aside = self._file.with_suffix(".new")
            aside.write_text(f"{self.joules}000000\n")
            aside.replace(self._file)
            await asyncio.sleep(0.1)  # no test waits for it: it is what the counter takes


def of(living: Living, job: int) -> Total:
    return living.daemon.store.read_now(lambda session: spent.of_job(session, job))


async def ended(living: Living, job: int) -> Total:
    """What a job took, cancelled now, when all of it is written."""
    await living.client.cancel(job)
    await living.until(job, "cancelled")
    await living.daemon.energy.look()
    return of(living, job)


def test_a_job_has_the_energy_of_its_gpu_while_it_holds_it_and_no_other(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        began = time.monotonic()
        job = await living.train("steps")
        await told(living, job, lambda found: found.gpu_joules > 500)
        total = await ended(living, job)
        took = time.monotonic() - began
        assert total.gpu_joules is not None
        assert 500 < total.gpu_joules < took * WATTS * 1.05
        assert total.gpu_joules == pytest.approx(total.gpu_held * WATTS, rel=0.05, abs=30)
        assert total.gpu_metered == pytest.approx(total.gpu_held)
        assert total.gpu_error == pytest.approx(0.05 * total.gpu_joules)
        assert not total.integrated
        assert total.cpu_joules is None, "nobody knows"
        assert total.unmetered == [pb.UNMETERED_CPU]
        assert total.money == {"€": pytest.approx(total.seconds + total.gpu_joules / 1_000)}
        assert total.message().money_lacks_energy
        answer = await living.client.costs("steps")
        assert answer.all.gpu_joules == pytest.approx(total.gpu_joules)
        assert answer.cpu_meter == pb.CPU_METER_NONE
        assert [(one.job, one.kind) for one in answer.jobs] == [(job, pb.TRAIN)]
        assert [one.month for one in answer.months] == [answer.month]
        assert (await living.client.job(job)).spent.gpu_joules == pytest.approx(total.gpu_joules)

    lived(tmp_path, life, cost=PRICE)


def test_while_it_gives_way_the_energy_is_the_speakers(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await told(living, job, lambda found: found.gpu_joules > 200)
        speaking = await living.speak(f"until={tmp_path}/go")
        await living.until(job, "paused")
        await living.daemon.energy.look()
        before = of(living, job)
        # the speaker holds the lane until it has taken more than the training could have in the moment between
        async with asyncio.timeout(20):
            while (of(living, speaking).gpu_joules or 0.0) < 600:
                await living.daemon.energy.look()
        aside = of(living, job)
        (tmp_path / "go").touch()
        await living.until(job, "running")
        later = await told(living, job, lambda found: found.gpu_joules > (before.gpu_joules or 0.0) + 200)
        assert aside.gpu_joules == pytest.approx(before.gpu_joules or 0.0, abs=1.0), "it waited, and took nothing"
        assert aside.seconds == pytest.approx(before.seconds, abs=0.01)
        assert later.gpu_joules > aside.gpu_joules

    lived(tmp_path, life, cost=PRICE)


def test_without_a_counter_samples_of_power_are_integrated(tmp_path: Path, driver: FakeDriver) -> None:
    driver.counts = False

    async def life(living: Living) -> None:
        job = await living.train("steps")
        found = await told(living, job, lambda found: found.gpu_joules > 500)
        assert found.integrated
        total = await ended(living, job)
        assert total.gpu_joules == pytest.approx(total.gpu_held * WATTS, rel=0.01)

    lived(tmp_path, life)


def test_a_card_that_tells_nothing_leaves_it_unknown(tmp_path: Path, driver: FakeDriver) -> None:
    driver.counts = driver.power_known = False

    async def life(living: Living) -> None:
        job = await living.train("steps")
        found = await told(living, job, lambda found: found.seconds > 0.5)
        assert not found.HasField("joules")
        assert list(found.unmetered) == [pb.UNMETERED_GPU, pb.UNMETERED_CPU]
        assert [(sum.currency, sum.amount > 0) for sum in found.money] == [("€", True)], "an hour has its price"
        total = await ended(living, job)
        assert total.joules is None
        assert total.gpu_joules is None

    lived(tmp_path, life, cost=PRICE)


def test_the_cpus_energy_is_shared_by_processor_time(
    tmp_path: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = powercap(tmp_path / "powercap", 0)
    driver.count = 0

    async def life(living: Living) -> None:
        job = await living.train("steps")
        counter = Counter(root)
        taking = asyncio.create_task(counter.go_round())
        found = await told(living, job, lambda found: found.cpu_joules > 0)
        taking.cancel()
        assert found.cpu_joules < counter.joules, "the machine's other programs have theirs"
        total = await ended(living, job)
        assert total.gpu_held == 0
        assert total.joules == total.cpu_joules
        assert (await living.client.costs()).cpu_meter == pb.CPU_METER_READ

    lived(tmp_path, life, cost=PRICE)


def test_totals_survive_the_death_of_worker_and_daemon_and_nothing_counts_twice(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await told(living, job, lambda found: found.gpu_joules > 300)
        os.kill(await living.worker(job), signal.SIGKILL)
        back = lambda told: told.status.HasField("running") and told.attempts == 2  # noqa: E731
        await living.until(job, back)
        found = await told(living, job, lambda found: found.gpu_joules > 600)
        rows = living.daemon.store.read_now(lambda session: list(session.scalars(select(Spent))))
        assert [row.attempt for row in rows] == [1, 2]
        assert sum(row.gpu_joules or 0.0 for row in rows) >= found.gpu_joules * 0.99
        assert rows[0].gpu_joules == pytest.approx(rows[0].gpu_held * WATTS, rel=0.1, abs=30)

    lived(tmp_path, life)


def test_the_same_total_written_twice_counts_once(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await told(living, job, lambda found: found.gpu_joules > 200)
        total = await ended(living, job)
        rows = living.daemon.store.read_now(lambda session: list(session.scalars(select(Spent))))
        await living.daemon.store.write(spent.put, rows)
        await living.daemon.store.write(spent.put, rows)
        assert of(living, job) == total

    lived(tmp_path, life)


def test_a_run_knows_what_each_step_took_and_what_it_had_taken_at_each(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await told(living, job, lambda found: found.gpu_joules > 500)
        run = (await living.now(job)).run
        async with asyncio.timeout(20):
            while not await living.client.points(run, ["energy"]):
                await living.daemon.energy.look()
        await ended(living, job)
        found = await living.client.run(run)
        assert found.spent.gpu_joules > 500
        assert found.joules_per_step == pytest.approx(found.spent.joules / found.step)
        (series,) = await living.client.points(run, ["energy"])
        assert list(series.values) == sorted(series.values)
        assert series.values[-1] <= found.spent.joules
        before = living.daemon.store.read_now(lambda session: session.get_one(Run, run).result[runs.BEFORE])
        assert 0 < before <= of(living, job).seconds, "at work before its first step"

    lived(tmp_path, life)


def test_a_kill_of_mynad_loses_no_more_than_the_last_seconds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen([sys.executable, __file__, str(home)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()  # what it had told when it was killed
        process.kill()
    store = Store(home)
    (row,) = store.read_now(lambda session: list(session.scalars(select(Spent))))
    store.close()
    assert row.gpu_joules is not None
    assert row.gpu_joules >= float(line), "what was told was written before"
    assert row.gpu_joules == pytest.approx(row.gpu_held * WATTS, rel=0.1, abs=30)


def _daemon_to_kill(home: Path) -> None:
    card = FakeDriver()
    card.processes, card.counts, card.watts = [], True, WATTS
    sys.modules["pynvml"] = card  # type: ignore[assignment]
    energy_meter.TICK = energy_meter.WRITE = 0.2

    async def life(living: Living) -> None:
        job = await living.train("steps")
        found = await told(living, job, lambda found: found.gpu_joules > 500)
        print(found.gpu_joules, flush=True)
        await asyncio.Event().wait()

    lived(home, life)


if __name__ == "__main__":
    _daemon_to_kill(Path(sys.argv[1]))
