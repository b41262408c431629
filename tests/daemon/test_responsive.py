"""mynad's event loop goes on while a disk or a GPU driver takes its time."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from living_daemon import Living, lived
from test_attempts import ended
from test_gpu import FakeDriver

from daemon.main import Daemon
from tests.waits import until

pytestmark = pytest.mark.integration
SLOW = 1.0  #: seconds that each call of the slow part takes
LAG = 0.7  #: seconds for which the loop may stand still, at most: less than one such call


@asynccontextmanager
async def a_loop_that_goes_on() -> AsyncIterator[None]:
    """Fails when the event loop stood still for longer than LAG within the block."""
    most = 0.0

    async def beat() -> None:
        nonlocal most
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + 0.01
            await asyncio.sleep(0.01)  # no test waits for this: it is the clock that is read
            most = max(most, clock() - due)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
    assert most < LAG, f"the loop stood still for {most:.2f} s"


class Slow:
    """Makes calls slow, once it is switched on; counts them."""

    def __init__(self) -> None:
        self.on = False
        self.calls = 0

    def __call__(self) -> None:
        if self.on:
            self.calls += 1
            threading.Event().wait(SLOW)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def slow_logs(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the log of a job takes its time."""
    opened = Path.open

    def open_slowly(self: Path, *given: Any, **named: Any) -> Any:
        if self.name.startswith("job-"):
            slow()
        return opened(self, *given, **named)

    monkeypatch.setattr(Path, "open", open_slowly)


@pytest.fixture
def slow_driver(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU whose driver takes its time to tell its memory."""

    class Driver(FakeDriver):
        def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
            slow()
            return super().nvmlDeviceGetMemoryInfo(handle)

    monkeypatch.setitem(sys.modules, "pynvml", Driver())  # type: ignore[arg-type]


@pytest.mark.usefixtures("slow_logs")
def test_a_slow_disk_under_the_logs_slows_nobody_and_an_error_has_the_last_words(slow: Slow, tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        slow.on = True
        async with a_loop_that_goes_on():
            job = await living.until(await living.speak("vanish"), ended)
            assert "my last words" in job.status.failed.error.log_tail
            assert job.status.failed.error.log_tail.endswith("exit code 7 and no report.")
            texts = [line["text"] async for line in living.daemon.logs.follow(job.id)]
        assert "my last words" in texts
        assert slow.calls

    lived(tmp_path, life)


@pytest.mark.usefixtures("slow_driver")
def test_a_slow_driver_slows_nobody_who_speaks_or_trains(slow: Slow, tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.worker(await living.train("steps"))
        assert living.daemon.gpu.present
        slow.on = True
        async with a_loop_that_goes_on():
            await living.until(await living.speak("hello"), "succeeded")
            assert (await living.client.info()).sample.gpus
        assert slow.calls

    lived(tmp_path, life)


@pytest.mark.usefixtures("slow_driver")
def test_what_the_scheduler_knows_of_the_gpus_memory_is_kept_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.machine.gpu_watch.GLANCE", 0.01)

    async def life(living: Living) -> None:
        driver: Any = sys.modules["pynvml"]
        gpu = living.daemon.gpu
        await until(lambda: gpu.free() is not None)
        driver.deaf = True
        await until(lambda: gpu.free() is None)

    lived(tmp_path, life)


def test_the_lines_of_a_log_are_on_disk_when_mynad_has_ended(slow: Slow, tmp_path: Path) -> None:
    daemons: list[Daemon] = []

    async def life(living: Living) -> None:
        daemons.append(living.daemon)
        job = await living.speak("hello")
        await living.until(job, "succeeded")
        living.daemon.logs.append(job, 1, [(0, "info", f"line {number}") for number in range(10_000)])

    lived(tmp_path, life)
    path = daemons[0].logs.path(1)
    assert path.read_text().count('"line ') == 10_000
