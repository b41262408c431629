"""Which daemon is meant, of those that the other machine has."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from proto.channel import ClientError
from tui.ssh.destination import Destination
from tui.ssh.far_end import END, FarEnd, command

BOX = Destination("anna@box")


def listen(home: Path) -> socket.socket:
    """A daemon's socket in `home`."""
    (home / "run").mkdir(parents=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(home / "run" / "mynad.sock"))
    return made


def ask(tmp_path: Path, *homes: Path, given: str = "", shell: str = "/bin/sh", **environment: str) -> FarEnd:
    """The script's answer on a machine where daemons listen in `homes`, and other programs too."""
    listing = tmp_path / "unix"
    head = (
        "Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 1 "
        "/run/other.sock\n0000: 3 0 0 1 3 2\n"
    )
    listing.write_text(
        head + "".join(f"0000: 00000002 00000000 00010000 0001 01 7 {home}/run/mynad.sock\n" for home in homes)
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment}
    done = subprocess.run(
        [shell, "-c", command(given, str(listing))],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == END
    return FarEnd.read(done.stdout.splitlines())


def test_the_only_daemon_that_runs_is_meant(tmp_path: Path) -> None:
    with listen(tmp_path / "a b"):
        assert ask(tmp_path, tmp_path / "a b").home(BOX) == str(tmp_path / "a b")


def test_of_several_the_one_in_the_usual_place_is_meant(tmp_path: Path) -> None:
    with listen(tmp_path / "a"), listen(tmp_path / "b"):
        homes = tmp_path / "a", tmp_path / "b"
        assert ask(tmp_path, *homes, MYNA_HOME=str(tmp_path / "b")).home(BOX) == str(tmp_path / "b")
        with pytest.raises(ClientError, match=r"2 daemons run on anna@box: .*a, .*b\. Choose one with --ssh-home"):
            ask(tmp_path, *homes).home(BOX)


def test_without_a_list_of_sockets_the_usual_place_is_looked_into(tmp_path: Path) -> None:
    with listen(tmp_path / "state" / "myna"):
        answer = ask(tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
        assert answer.home(BOX) == str(tmp_path / "state" / "myna")
    with pytest.raises(ClientError, match="No daemon runs on anna@box") as caught:
        ask(tmp_path).home(BOX)
    assert f"{tmp_path}/.local/state/myna" in caught.value.sentence
    assert "ssh anna@box myna up" in caught.value.hint


def test_a_named_folder_is_taken_at_its_word(tmp_path: Path) -> None:
    with listen(tmp_path / "it's here"), listen(tmp_path / "b"):
        assert ask(tmp_path, tmp_path / "b", given="~/it's here").home(BOX) == f"{tmp_path}/it's here"
        with pytest.raises(ClientError, match=r"No daemon runs on anna@box in /nowhere\. Daemons run there in .*/b"):
            ask(tmp_path, tmp_path / "b", given="/nowhere").home(BOX)


def test_every_login_shell_there_is_here_runs_it(tmp_path: Path) -> None:
    with listen(tmp_path / "a"):
        for shell in filter(None, map(shutil.which, ("sh", "bash", "dash", "zsh", "fish", "tcsh", "ksh"))):
            assert ask(tmp_path, tmp_path / "a", given=str(tmp_path / "a"), shell=shell).home(BOX) == str(
                tmp_path / "a"
            ), shell


def test_what_an_account_says_at_every_login_is_passed_over() -> None:
    assert (
        FarEnd.read(["Welcome!", "myna usual yes /srv/m y", "myna", "myna listens yes", "Last login"]).home(BOX)
        == "/srv/m y"
    )


@pytest.mark.parametrize(
    ("text", "login", "port"),
    [
        ("box", "box", 0),
        ("anna@box", "anna@box", 0),
        ("anna@box:2222", "anna@box", 2222),
        ("ssh://anna@box:22/", "anna@box", 22),
        ("[::1]:22", "::1", 22),
        ("anna@fe80::1", "anna@fe80::1", 0),
        ("anna@corp@box", "anna@corp@box", 0),
    ],
)
def test_a_destination_is_read_as_ssh_reads_it(text: str, login: str, port: int) -> None:
    assert Destination.parse(text) == Destination(login, port)


@pytest.mark.parametrize(
    "text", ["", "@box", "anna@", "box:", "box:ssh", "box:70000", "-oProxyCommand=x", "a b", "$(x)", "box\n"]
)
def test_a_destination_that_cannot_be_meant_is_refused(text: str) -> None:
    if text == "box\n":  # only around it, spaces do no harm
        assert Destination.parse(text) == Destination("box")
        return
    with pytest.raises(ClientError, match="user@box"):
        Destination.parse(text)
