"""The system unit says what mynad relies on."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from daemon import systemd
from daemon.settings import Settings

pytestmark = pytest.mark.unit


def test_the_unit_lets_workers_save_and_a_worker_out_of_memory_does_not_end_mynad() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(Path(next(iter(systemd.__path__))) / "mynad.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["KillMode"] == "mixed"
    assert service["OOMPolicy"] == "continue"
    assert service["RestartPreventExitStatus"] == "2"
    assert int(re.sub(r"\D", "", service["TimeoutStopSec"])) > Settings().stop_grace
