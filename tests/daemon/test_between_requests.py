"""What the speech worker does while nobody waits for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.kinds.speak import worker
from daemon.worker import __main__ as program

PLENTY = 10**12  #: bytes that voices may hold


class Settling:
    """An engine that notes which voices settled."""

    def __init__(self) -> None:
        self.settled: list[Any] = []

    def settle(self, model: Any) -> None:
        self.settled.append(model)


def test_the_voice_that_spoke_last_settles_once() -> None:
    engine: Any = Settling()
    first, second = object(), object()
    worker._spoken_with.extend([(engine, first, PLENTY), (engine, second, PLENTY)])
    program.settle()
    program.settle()
    assert engine.settled == [second]


def test_a_voice_that_cannot_settle_ends_no_worker(capsys: pytest.CaptureFixture[str]) -> None:
    faulty: Any = type("Faulty", (), {"settle": lambda self, model: 1 / 0})()
    worker._spoken_with.append((faulty, None, PLENTY))
    program.settle()
    assert "did not settle: ZeroDivisionError" in capsys.readouterr().err


def test_an_engine_that_cannot_get_ready_is_told_of_and_the_worker_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYNA_GLOW_BASE", str(tmp_path))
    program.get_ready("glow")
    assert "The engine glow is not ready to speak: WeightsMissing" in capsys.readouterr().err


def test_an_engine_that_gets_ready_has_said_a_word() -> None:
    program.get_ready("glow")
    assert "gruut" in sys.modules
