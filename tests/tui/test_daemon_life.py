"""`myna up`, `down`, `status` and `doctor` with the real mynad."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.home import socket_path
from tests.tui.conftest import Run
from tui import doctor

pytestmark = pytest.mark.integration


def test_a_daemon_comes_up_answers_and_goes_down(myna: Run, home: Path) -> None:
    up = json.loads(myna("up", "--json").out)
    try:
        assert up["started"]
        assert stat.S_IMODE(socket_path(home).stat().st_mode) == 0o600
        again = json.loads(myna("up", "--json").out)
        assert (again["started"], again["pid"]) == (False, up["pid"])
        status = json.loads(myna("status", "--json").out)
        assert (status["pid"], status["home"], status["live_jobs"], status["voices"]) == (up["pid"], str(home), [], [])
        assert "none yet" in myna("status").out
        assert myna("job", 12).code == 1
        unknown = myna("train", "ana")
        assert unknown.code == 1
        assert "no voice named 'ana'" in unknown.err
    finally:
        down = myna("down")
    assert down.code == 0, down.err
    assert not os.path.exists(f"/proc/{up['pid']}/exe")  # ended, at most not yet buried by whoever adopted it
    assert myna("status").code == 1
    assert "No daemon was running" in myna("down").out


def test_a_daemon_that_cannot_start_says_why(myna: Run, home: Path) -> None:
    home.mkdir()
    (home / "myna.toml").write_text("settle = 'soon'\n")
    ended = myna("up")
    assert ended.code == 1
    assert "settle" in ended.err
    assert "mynad.out" in ended.err


def test_myna_alone_starts_a_daemon_and_says_what_to_do_next(myna: Run, any_daemon: object) -> None:
    ended = myna()
    assert ended.code == 0, ended.err
    assert "myna add" in ended.out


def test_a_doctor_without_a_daemon_still_examines_the_machine(myna: Run, home: Path) -> None:
    ended = myna("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(ended.out)}
    assert {
        "daemon",
        "python",
        "torch",
        "gpu",
        "disk",
        "audio",
        "home",
        "inbox",
        "socket",
        "inotify",
        "espeak-ng",
        "whisper",
    } <= found.keys()
    assert found["daemon"]["state"] == "note"
    assert found["torch"]["state"] == "ok", found["torch"]
    assert all(finding["hint"] for finding in found.values() if finding["state"] == "problem")
    assert ended.code == int(any(finding["state"] == "problem" for finding in found.values()))


def test_a_doctor_beside_a_daemon_names_each_thing_once(myna: Run, any_daemon: object) -> None:
    names = [finding["name"] for finding in json.loads(myna("doctor", "--json").out)]
    assert len(names) == len(set(names))
    assert "engine glow" in names


def test_a_doctor_finds_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    assert doctor.state_folder(home).state == "problem"
    home.unlink()
    home.mkdir(mode=0o777)
    os.chmod(home, 0o777)  # whatever the umask
    assert "Anybody" in doctor.state_folder(home).sentence


def test_of_two_findings_of_one_name_the_worse_is_shown() -> None:
    fine, bad = doctor.ok("torch", "Found."), doctor.problem("torch", "It does not load.", "Install it.")
    assert doctor.merge([bad], [fine]) == [bad]
    assert doctor.merge([pb.Finding(name="torch", state="ok", sentence="mine")], [fine]) == [fine]
