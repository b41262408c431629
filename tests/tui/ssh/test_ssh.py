"""`myna --ssh user@box`, against a real sshd on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from proto.channel import Address, ClientError
from proto.client import Client
from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.ssh.conftest import Sshd
from tests.tui.stage.rows import NOW, job
from tests.tui.stage.server import Stage
from tests.tui.terminal import Terminal
from tui.ssh.destination import Destination
from tui.ssh.tunnel import Tunnel

pytestmark = pytest.mark.integration


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where links keep their sockets in this test: a short path, since a socket's is 108 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="myna-", dir="/tmp") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


@pytest.fixture
def laptop(sshd: Sshd, here: Path) -> dict[str, str]:
    """The environment of a machine that has no daemon, but a way to the other one."""
    return {"PATH": sshd.path, "MYNA_HOME": str(here / "nothing"), "TMPDIR": str(here)}


def links(home: Path) -> list[psutil.Process]:
    """ssh processes whose control socket lies below."""
    return [
        one
        for one in psutil.process_iter(["name", "cmdline"])
        if one.info["name"] == "ssh" and any(str(home) in word for word in one.info["cmdline"] or ())
    ]


def test_a_command_reaches_the_daemon_of_the_other_machine_and_leaves_nothing_behind(
    myna: Run, stage: Stage, home: Path, sshd: Sshd, laptop: dict[str, str], here: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    there = myna("--ssh", sshd.to, "status", "--json", **laptop)
    assert there.code == 0, there.err
    assert json.loads(there.out)["home"] == "/somewhere"
    assert myna("jobs", "-n", "1", MYNA_SSH=sshd.to, MYNA_SSH_HOME=str(home), **laptop).code == 0
    assert links(here) == []
    assert list(here.iterdir()) == []


def test_recordings_are_sent_through_the_link_not_copied_beside_it(
    myna: Run, stage: Stage, home: Path, sshd: Sshd, laptop: dict[str, str], tmp_path: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    (tmp_path / "a.wav").write_bytes(b"sound")
    ended = myna("--ssh", sshd.to, "add", "anna", tmp_path / "a.wav", **laptop)
    assert ended.code == 0, ended.err
    assert stage.datasets.uploaded == {"a.wav": b"sound"}


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        ("stranger@{to}", "localhost does not let you in as stranger.", "ssh-add -l"),
        ("{to}1", "localhost takes no SSH connections there.", "port"),
        ("nobody@no.such.host.invalid", "There is no host named no.such.host.invalid.", "name"),
    ],
)
def test_what_failed_is_said_in_plain_words(
    myna: Run, sshd: Sshd, laptop: dict[str, str], words: str, sentence: str, hint: str
) -> None:
    sshd.up()
    free = sshd.to.rpartition("@")[2]
    if words == "{to}1":  # a port where nobody listens
        sshd.down()
        to = sshd.to
    else:
        to = words.format(to=free)
    ended = myna("--ssh", to, "jobs", **laptop)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"myna: {sentence}\n")
    assert hint in ended.err


def test_a_host_whose_key_is_not_known_or_is_another_one_is_not_trusted(
    myna: Run, sshd: Sshd, laptop: dict[str, str], tmp_path: Path
) -> None:
    sshd.up()
    known = sshd.folder / "known_hosts"
    right = known.read_text()
    known.write_text("")
    assert "The key of localhost is not known here." in myna("--ssh", sshd.to, "jobs", **laptop).err
    key = (sshd.folder / "user_key.pub").read_text().split()[1]
    known.write_text(" ".join((*right.split()[:2], key)) + "\n")
    assert "is not the one that ssh knows" in myna("--ssh", sshd.to, "jobs", **laptop).err


def test_without_ssh_here_or_a_daemon_there_it_says_so(
    myna: Run, sshd: Sshd, laptop: dict[str, str], home: Path, tmp_path: Path
) -> None:
    ended = myna("--ssh", "box", "jobs", **{**laptop, "PATH": str(tmp_path)})
    assert "There is no ssh on this machine." in ended.err
    sshd.up()
    nowhere = myna("--ssh", sshd.to, "--ssh-home", home, "jobs", **laptop)
    assert f"No daemon runs on {sshd.to} in {home}." in nowhere.err
    (home / "run").mkdir(parents=True)
    import socket

    with socket.socket(socket.AF_UNIX) as left_behind:  # of a daemon that was killed
        left_behind.bind(str(home / "run" / "mynad.sock"))
    stale = myna("--ssh", sshd.to, "--ssh-home", home, "jobs", **laptop)
    assert f"The daemon on {sshd.to} does not answer" in stale.err


def test_a_server_that_forbids_such_forwards_is_named_as_the_cause(
    myna: Run, stage: Stage, sshd: Sshd, laptop: dict[str, str], home: Path
) -> None:
    sshd.more = ("AllowStreamLocalForwarding no",)
    sshd.up(MYNA_HOME=home)
    assert "localhost forbids forwards to sockets." in myna("--ssh", sshd.to, "jobs", **laptop).err


def test_two_daemons_at_once_cannot_be_asked_for(myna: Run) -> None:
    ended = myna("--ssh", "box", "--host", "box:7777", "jobs")
    assert ended.code == 2
    assert "--ssh" in ended.err


def test_up_through_a_link_says_that_the_daemon_is_on_another_machine(
    myna: Run, stage: Stage, sshd: Sshd, laptop: dict[str, str], home: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    ended = myna("--ssh", sshd.to, "up", **laptop)
    assert ended.code == 1
    assert f"The daemon at {sshd.to} is on another machine." in ended.err


def test_the_real_daemon_is_found_without_naming_its_folder(
    myna: Run, any_daemon: object, sshd: Sshd, laptop: dict[str, str], home: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    there = myna("--ssh", sshd.to, "status", "--json", **laptop)
    assert there.code == 0, there.err
    assert json.loads(there.out)["home"] == str(home)
    assert myna("--ssh", sshd.to, "recordings", "nobody", **laptop).err.startswith(
        "myna: There is no voice named 'nobody'."
    )


# ---------------------------------------------------------------------------------------------------- how a link ends


@pytest.fixture
def following(
    stage: Stage, sshd: Sshd, laptop: dict[str, str], home: Path
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """`myna --ssh … watch`, which has heard the daemon."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tui.cli", "--ssh", sshd.to, "logs", "-f", "1"]
        env = clean_environment(home, **laptop)
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_myna_ends_ssh_ends_too(
    following: Callable[[], subprocess.Popen[bytes]], sshd: Sshd, home: Path, here: Path, number: signal.Signals
) -> None:
    sshd.up(MYNA_HOME=home)
    process = following()
    (link,) = links(here)
    process.send_signal(number)
    process.communicate(timeout=30)
    link.wait(10)
    assert links(here) == []
    if number is not signal.SIGKILL:
        assert list(here.iterdir()) == []


def test_a_link_that_drops_is_opened_again_by_itself(
    stage: Stage, sshd: Sshd, home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd.up(MYNA_HOME=home)
    monkeypatch.setenv("PATH", sshd.path)
    tunnel = Tunnel(Destination.parse(sshd.to))
    tunnel.open()
    try:
        with Client(Address(tunnel.home, through=str(tunnel.to))) as client:
            assert client.info().pid == 1
            sshd.down()
            with pytest.raises(ClientError, match=f"No daemon answers on {sshd.to}"):
                client.info()
            sshd.up(MYNA_HOME=home)
            client.wait_ready(30)
            assert client.info().pid == 1
            assert tunnel.problem is None
    finally:
        tunnel.close()
    assert links(here) == []
    assert list(here.iterdir()) == []


def test_a_watch_goes_on_over_a_link_that_drops(
    stage: Stage, sshd: Sshd, home: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proto import myna_pb2 as pb

    def event(cursor: int) -> pb.Event:
        return pb.Event(cursor=cursor, time=NOW, job=job(5, running=pb.JobStatus.Running(started=NOW)))

    sshd.up(MYNA_HOME=home)
    monkeypatch.setenv("PATH", sshd.path)
    tunnel = Tunnel(Destination.parse(sshd.to))
    tunnel.open()
    try:
        with Client(Address(tunnel.home, through=str(tunnel.to))) as client:
            stage.jobs.events = [event(101)]
            watch = client.watch(100)
            assert next(watch).cursor == 101
            stage.jobs.events.append(event(102))
            sshd.down()
            threading.Timer(0, lambda: sshd.up(MYNA_HOME=home)).start()
            assert next(watch).cursor == 102
            watch.close()
    finally:
        tunnel.close()


# ------------------------------------------------------------------------------------------------------ at a terminal


def test_ssh_asks_at_the_terminal_whether_a_host_is_to_be_trusted_and_for_the_passphrase(
    stage: Stage, sshd: Sshd, home: Path, laptop: dict[str, Any]
) -> None:
    sshd.up(MYNA_HOME=home)
    (sshd.folder / "known_hosts").write_text("")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(sshd.folder / "user_key")], check=True
    )
    command = [sys.executable, "-m", "tui.cli", "--ssh", sshd.to, "status"]
    terminal = Terminal(command, clean_environment(home, **laptop))
    terminal.until("Are you sure you want to continue connecting")
    terminal.type("yes\n")
    terminal.until("Enter passphrase")
    terminal.type("open sesame\n")
    assert terminal.ended() == 0, terminal.shown
    assert "Myna 0.1.0" in terminal.shown
    assert sshd.to in terminal.shown


def test_the_dashboard_comes_up_after_ssh_has_asked_and_ends_its_link_with_itself(
    stage: Stage, sshd: Sshd, home: Path, laptop: dict[str, Any], here: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(sshd.folder / "user_key")], check=True
    )
    terminal = Terminal([sys.executable, "-m", "tui.cli", "--ssh", sshd.to], clean_environment(home, **laptop))
    terminal.until("Enter passphrase")
    terminal.type("open sesame\n")
    terminal.until("filter")  # connected: the keys stand in the last line
    assert sshd.to in terminal.text, "it says which daemon this is"
    assert len(links(here)) == 1
    terminal.type("q")
    assert terminal.ended() == 0, terminal.shown
    assert links(here) == []
    assert list(here.iterdir()) == []


def test_the_dashboard_says_that_the_link_dropped_and_goes_on_when_it_is_back(
    stage: Stage, sshd: Sshd, home: Path, laptop: dict[str, Any], here: Path
) -> None:
    sshd.up(MYNA_HOME=home)
    terminal = Terminal([sys.executable, "-m", "tui.cli", "--ssh", sshd.to], clean_environment(home, **laptop))
    terminal.until("filter")
    terminal.forget()
    sshd.down()
    terminal.until("localhost takes no SSH connections there")
    terminal.forget()
    sshd.up(MYNA_HOME=home)
    terminal.until("filter")  # the keys stand in the last line again
    assert terminal.hang_up() == 128 + signal.SIGHUP
    assert links(here) == []
