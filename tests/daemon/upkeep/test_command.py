"""`myna backup`, `restore` and `check` without a daemon: what a person reads, what a script gets, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from whole_home import build, flip

from daemon.processes.lock import Lock
from tui import cli

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build(tmp_path / "home")
    return tmp_path / "home"


def test_a_database_that_is_none_is_said_and_not_backed_up(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (home / "myna.db").open("r+b") as file:
        file.write(b"no header")
    assert cli.run(["--home", str(home), "backup", str(tmp_path / "disk")]) == 1
    said = capfd.readouterr().err
    assert "myna.db cannot be used" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("also", [("--verify",), ("--keep", "3"), ("--secrets",)])
def test_what_a_listing_does_not_do_is_refused(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], also: tuple[str, ...]
) -> None:
    assert cli.run(["--home", str(home), "backup", str(tmp_path / "disk"), "--list", *also]) == 2
    assert "--list" in capsys.readouterr().err


@pytest.mark.long
def test_the_way_of_a_person(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk, back = str(tmp_path / "disk"), str(tmp_path / "back")

    def said(*command: str, code: int = 0) -> str:
        assert cli.run(["--home", str(home), *command]) == code
        out = capsys.readouterr()
        return out.out + out.err

    assert "Snapshot " in (taken := said("backup", disk))
    assert "on the disk that the home is on" in taken
    assert "read back" in said("backup", disk, "--verify")
    assert "Work on in one of them only." in said("restore", disk, "--to", back)
    assert "is not empty" in said("restore", disk, "--to", back, code=2)
    assert "nothing is wrong" in said("check", "--deep")
    flip(home / "voices/anna/1/model.safetensors")
    damaged = said("check", "--deep", code=1)
    assert "voices/anna/1/model.safetensors holds something else than was written. It is of anna@1." in damaged
    assert "1 of them mended" in said("check", "--deep", "--repair", "--from", disk)
    assert json.loads(said("check", "--json"))["done"]["good"] is True
    assert "name a recording" in said("restore", "anna", code=2)
    lock = Lock(home)
    try:
        assert "A daemon runs" in said("check", "--repair", code=1)
    finally:
        lock.release()
