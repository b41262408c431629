"""`myna up`, `down`, `status` and `doctor` with the real mynad."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.processes.lock import Lock
from proto import findings, lock
from proto import myna_pb2 as pb
from proto.client import connect
from proto.home import socket_path
from tests.tui.conftest import Run
from tests.waits import appears
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


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there may be a GPU")
def test_a_doctor_asked_for_the_gpu_says_that_there_is_none(myna: Run, home: Path) -> None:
    ended = myna("doctor", "--gpu", "--json")
    assert ended.code == 2
    assert json.loads(ended.out)["reason"] == "no-gpu"
    assert not home.exists(), "nothing is written where nothing is tested"


def test_a_far_daemons_gpu_is_tested_where_it_is(myna: Run) -> None:
    ended = myna("--host", "box:7777", "doctor", "--gpu")
    assert ended.code == 1
    assert "myna doctor --gpu" in ended.err


def test_a_doctor_beside_a_daemon_names_each_thing_once(myna: Run, any_daemon: object) -> None:
    names = [finding["name"] for finding in json.loads(myna("doctor", "--json").out)]
    assert len(names) == len(set(names))
    assert "engine glow" in names


def test_a_doctor_finds_settings_that_no_mynad_would_start_with(tmp_path: Path) -> None:
    assert doctor.settings(tmp_path).state == "ok"
    (tmp_path / "myna.toml").write_bytes(b'default_language = "caf\xe9"\n')
    found = doctor.settings(tmp_path)
    assert (found.state, found.sentence) == ("problem", f"{tmp_path / 'myna.toml'} is not UTF-8 text.")
    (tmp_path / "myna.toml").write_text("poll = true\n")
    assert doctor.settings(tmp_path).state == "ok"


def test_a_doctor_finds_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    assert doctor.state_folder(home).state == "problem"
    home.unlink()
    home.mkdir(mode=0o777)
    os.chmod(home, 0o777)  # whatever the umask
    assert "Anybody" in doctor.state_folder(home).sentence


def test_of_two_findings_of_one_name_the_worse_is_shown() -> None:
    fine, bad = findings.ok("torch", "Found."), findings.problem("torch", "It does not load.", "Install it.")
    assert doctor.merge([bad], [fine]) == [bad]
    assert doctor.merge([pb.Finding(name="torch", state="ok", sentence="mine")], [fine]) == [fine]


# ------------------------------------------------------------------------------- a daemon that runs and does not answer


def frozen(myna: Run) -> int:
    """A daemon of this home that was stopped (SIGSTOP): its process id."""
    pid = int(json.loads(myna("up", "--json").out)["pid"])
    os.kill(pid, signal.SIGSTOP)
    return pid


def alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}/exe")


def test_a_daemon_that_hangs_is_not_called_absent_and_can_be_ended(myna: Run, home: Path) -> None:
    pid = frozen(myna)
    try:
        with ThreadPoolExecutor() as together:  # each waits for its answer as long as it may
            told = list(together.map(myna, ("status", "jobs", "up")))
        for ended in told:
            assert ended.code == 1, ended.out
            assert f"runs (process {pid}), but does not answer" in ended.err
            assert "myna down" in ended.err
            assert "No daemon" not in ended.err
        down = myna("down")
        assert down.code == 0, down.err
        assert not alive(pid)
        assert "No daemon was running" in myna("down").out
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_whose_socket_is_deleted_makes_it_anew(myna: Run, home: Path, any_daemon: object) -> None:
    with connect(home=home) as client:
        pid = client.info().pid
        watch = client.watch()
        socket_path(home).unlink()
        ended = myna("status")
        # whichever came first: it made the socket anew, or was asked, and may have made it before that was explained
        assert ended.code == 0 or f"runs (process {pid}), but" in ended.err
        appears(socket_path(home))
        with connect(home=home) as another:
            assert another.info().pid == pid
        assert client.info().pid == pid  # who was connected still is
        watch.close()
    assert stat.S_IMODE(socket_path(home).stat().st_mode) == 0o600
    down = myna("down")
    assert down.code == 0, down.err
    assert not socket_path(home).exists()


def test_a_daemon_whose_run_folder_is_deleted_stays_the_only_one(myna: Run, home: Path, any_daemon: object) -> None:
    with connect(home=home) as client:
        pid = client.info().pid
    shutil.rmtree(home / "run")
    appears(socket_path(home))
    assert lock.holder(home) == pid
    assert json.loads(myna("up", "--json").out) == {"pid": pid, "home": str(home), "started": False}


def test_a_daemon_that_hangs_with_its_socket_deleted_can_be_ended(myna: Run, home: Path) -> None:
    pid = frozen(myna)
    try:
        socket_path(home).unlink()
        ended = myna("status")
        assert f"runs (process {pid}), but its socket is not there" in ended.err
        assert json.loads(myna("down", "--now", "--json").out) == {"ended": True}
        assert not alive(pid)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_process_that_has_not_the_lock_is_never_ended(myna: Run, home: Path, any_daemon: object) -> None:
    """Whatever id the file names: it may have been used again."""
    pid = json.loads(myna("status", "--json").out)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        lock.lock_path(home).write_text(f"{os.getpid()}\n")
        assert lock.holder(home) is None
        down = myna("down", "--now")
        assert down.code == 1
        assert "its process is not to be seen" in down.err
    finally:
        os.kill(pid, signal.SIGCONT)


def test_who_looks_for_a_daemon_does_not_keep_one_from_starting(myna: Run, home: Path) -> None:
    (home / "run").mkdir(parents=True)
    with (home / "run" / "mynad.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        timer = threading.Timer(0.2, lambda: fcntl.flock(file, fcntl.LOCK_UN))
        timer.start()
        held = Lock(home)
        held.release()
        timer.join()
