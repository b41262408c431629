"""`myna` alone, as a person types it: on a terminal, into a pipe, with --once; on the real mynad."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tui.conftest import ROOT, Run, clean_environment

pytestmark = pytest.mark.integration
PATIENCE = 30.0  #: seconds


class Terminal:
    """`myna` in a pseudo-terminal."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
        env = clean_environment(home, TERM="xterm-256color", **environment)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(sys.executable, [sys.executable, "-m", "tui.cli", *words], env)
        self.seen = b""

    def sees(self, words: str) -> None:
        """Wait until it has written them."""
        end = time.monotonic() + PATIENCE
        while words.encode() not in self.seen:
            assert time.monotonic() < end, f"no {words!r} in {self.seen[-3_000:]!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65_536)
                except OSError:  # it has ended
                    assert words.encode() in self.seen, f"no {words!r} in {self.seen[-3_000:]!r}"

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def ended(self) -> int:
        """Its exit code."""
        end = time.monotonic() + PATIENCE
        while True:
            if select.select([self.fd], [], [], 0.05)[0]:
                with suppress(OSError):
                    self.seen += os.read(self.fd, 65_536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "it does not end"


def test_alone_it_starts_the_daemon_and_q_leaves_it_working(home: Path, myna: Run) -> None:
    try:
        terminal = Terminal(home)
        terminal.sees("Queue")
        terminal.sees("nothing to do")
        terminal.press("q")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.seen.decode("utf-8", "replace")
        assert myna("status").code == 0, "the daemon ended with the dashboard"
    finally:
        myna("down", "--now")


def test_read_only_starts_no_daemon_and_says_how(home: Path, myna: Run) -> None:
    terminal = Terminal(home, "--readonly")
    terminal.sees("No daemon is running")
    terminal.press("q")
    assert terminal.ended() == 0
    assert myna("status").code == 1


def test_once_and_a_pipe_get_one_frame_as_text(home: Path, myna: Run) -> None:
    try:
        piped = myna()
        assert piped.code == 0, piped.err
        assert "jobs" in piped.out
        assert "\x1b[" not in piped.out
        terminal = Terminal(home, "--once")
        terminal.sees("disk")
        assert terminal.ended() == 0
        assert b"\x1b[?1049h" not in terminal.seen, "a full screen was opened"
    finally:
        myna("down", "--now")


def test_a_command_does_not_load_the_dashboard(home: Path) -> None:
    """`myna status` stays quick."""
    code = (
        "import sys; from tui import cli; cli.run(['status']); sys.exit(any(name.partition('.')[0] == "
        "'textual' for name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(home), capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_wrong_settings_are_said_before_anything_is_drawn(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "myna" / "dashboard.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[keymap]\n"queue.cancle" = "x"\n')
    terminal = Terminal(home, "--readonly", XDG_CONFIG_HOME=str(tmp_path))
    terminal.sees("queue.cancle")
    assert terminal.ended() == 2
    assert b"\x1b[?1049h" not in terminal.seen


def test_a_mistake_of_ours_is_a_sentence(home: Path, tmp_path: Path) -> None:
    """A widget that cannot be drawn: the terminal is given back, and what went wrong is said without frames of code."""
    (tmp_path / "sitecustomize.py").write_text(
        "import tui.widgets.queue_pane as q\n"
        "def broken(self, *a): raise RuntimeError('the table fell over')\n"
        "q.QueuePane.show_jobs = broken\n"
    )
    terminal = Terminal(home, "--readonly", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    terminal.sees("the table fell over")
    assert terminal.ended() == 1
    said = terminal.seen.decode("utf-8", "replace")
    assert "This is a bug in Myna" in said
    assert "Traceback" not in said
