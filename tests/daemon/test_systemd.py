"""The system unit says what mynad relies on."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
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


def fitted(folder: Path) -> Path:
    """The unit as a machine without Myna can look at it: another program, and a user that is there."""
    text = (Path(next(iter(systemd.__path__))) / "mynad.service").read_text()
    text = re.sub(r"(?m)^ExecStart=.*$", f"ExecStart={shutil.which('true')}", text)
    unit = folder / "mynad.service"
    unit.write_text(re.sub(r"(?m)^User=.*$", "User=daemon", text))
    return unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    asked = subprocess.run(["systemd-analyze", "verify", str(fitted(tmp_path))], capture_output=True, text=True)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_what_the_unit_may_do_is_narrow(tmp_path: Path) -> None:
    """systemd's own measure: 10 is all that its user may, 9.2 a unit that says nothing; below 3 it calls OK."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(fitted(tmp_path))]
    told = subprocess.run(command, capture_output=True, text=True)
    if "offline" in told.stderr:
        pytest.skip("this systemd-analyze cannot look at a unit that is not loaded")
    found = re.search(r"exposure level for mynad\.service: ([\d.]+)", told.stdout)
    assert found is not None, told.stdout + told.stderr
    assert float(found[1]) <= 2.6
