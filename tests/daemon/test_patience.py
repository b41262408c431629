"""A GPU's driver that hangs: who asks it is told in time, and nobody waits for its thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from test_gpu import FakeDriver

from daemon.machine import patience
from daemon.machine.gpu import Gpus

pytestmark = pytest.mark.unit
UUID = "GPU-0000-aaaa"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set, the driver answers again."""
    monkeypatch.setattr(patience, "PATIENCE", 0.05)
    event = threading.Event()
    yield event
    event.set()


def test_what_does_not_answer_in_time_is_lost_until_it_answers(answers: threading.Event) -> None:
    driver = FakeDriver()
    gpus = Gpus(driver)
    gpus.sample()
    assert not asyncio.run(patience.lost(gpus, UUID))
    driver.hangs = answers
    assert asyncio.run(patience.lost(gpus, UUID))
    assert [(device.lost, device.free) for device in gpus.devices] == [(True, None)]
    answers.set()
    gpus.refresh()
    assert [device.lost for device in gpus.devices] == [False]


def test_the_end_does_not_wait_for_a_driver_that_hangs(answers: threading.Event) -> None:
    gpus = Gpus(FakeDriver())
    gpus.sample()
    with gpus._lock:  # as who asks the driver holds it
        asyncio.run(patience.close(gpus))
    assert gpus.present


def test_what_a_call_returns_or_raises_comes_through() -> None:
    def broken() -> None:
        raise KeyError("no such thing")

    assert asyncio.run(patience.apart(lambda: 7)) == 7
    with pytest.raises(KeyError, match="no such thing"):
        asyncio.run(patience.apart(broken))
