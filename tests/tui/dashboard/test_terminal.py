"""`myna` alone, as a person types it: on a terminal, into a pipe, with --once; on the real mynad."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.integration


def opened(home: Path, *words: str, **environment: str) -> Terminal:
    """`myna` with these words on a terminal of 80x24."""
    return Terminal([sys.executable, "-m", "tui.cli", *words], clean_environment(home, **environment), (80, 24))


def test_alone_it_starts_the_daemon_and_q_leaves_it_working(home: Path, myna: Run) -> None:
    try:
        terminal = opened(home)
        terminal.until("Queue")
        terminal.until("nothing to do")
        terminal.type("q")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.shown
        assert myna("status").code == 0, "the daemon ended with the dashboard"
    finally:
        myna("down", "--now")


def test_read_only_starts_no_daemon_and_says_how(home: Path, myna: Run) -> None:
    terminal = opened(home, "--readonly")
    terminal.until("No daemon is running")
    terminal.type("q")
    assert terminal.ended() == 0
    assert myna("status").code == 1


def test_once_and_a_pipe_get_one_frame_as_text(home: Path, myna: Run) -> None:
    try:
        piped = myna()
        assert piped.code == 0, piped.err
        assert "jobs" in piped.out
        assert "\x1b[" not in piped.out
        terminal = opened(home, "--once")
        terminal.until("disk")
        assert terminal.ended() == 0
        assert "\x1b[?1049h" not in terminal.shown, "a full screen was opened"
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
    terminal = opened(home, "--readonly", XDG_CONFIG_HOME=str(tmp_path))
    terminal.until("queue.cancle")
    assert terminal.ended() == 2
    assert "\x1b[?1049h" not in terminal.shown


def test_a_mistake_of_ours_is_a_sentence(home: Path, tmp_path: Path) -> None:
    """A widget that cannot be drawn: the terminal is given back, and what went wrong is said without frames of code."""
    (tmp_path / "sitecustomize.py").write_text(
        "import tui.widgets.queue_pane as q\n"
        "def broken(self, *a): raise RuntimeError('the table fell over')\n"
        "q.QueuePane.show_jobs = broken\n"
    )
    terminal = opened(home, "--readonly", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    terminal.until("the table fell over")
    assert terminal.ended() == 1
    said = terminal.shown
    assert "This is a bug in Myna" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_as_q_does_and_gives_the_terminal_back(home: Path, number: signal.Signals) -> None:
    terminal = opened(home, "--readonly")
    terminal.until("No daemon is running")
    terminal.send(number)
    assert terminal.ended() == 128 + number
    assert "\x1b[?1049l" in terminal.shown, "the full screen was left open"
