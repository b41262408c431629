"""`myna` at a terminal: colours, progress, and no sound written onto it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import ROOT, clean_environment
from tests.tui.stage.rows import NOW, job
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def on_terminal(home: Path, *words: str, until: bytes, **environment: str) -> bytes:
    """What the command writes to a terminal of its own, once `until` was written."""
    parent, child = pty.openpty()
    env = clean_environment(home, TERM="xterm-256color", **environment)
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", *words], cwd=ROOT, env=env, stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    written, deadline = b"", time.monotonic() + 30
    try:
        while until not in written and time.monotonic() < deadline:
            if select.select([parent], [], [], 0.5)[0]:
                try:
                    written += os.read(parent, 65536)
                except OSError:  # the command has ended
                    break
    finally:
        process.kill()
        process.wait(10)
        os.close(parent)
    return written


def test_a_terminal_gets_colours_unless_no_color_says_otherwise(home: Path, stage: Stage) -> None:
    coloured = on_terminal(home, "jobs", "-n", "3", until=b"#3")
    plain = on_terminal(home, "jobs", "-n", "3", until=b"#3", NO_COLOR="1")
    assert b"\x1b[32m" in coloured
    assert b"\x1b[" not in plain


def test_waiting_on_a_terminal_shows_how_far_the_job_is(home: Path, stage: Stage) -> None:
    running = pb.JobStatus.Running(
        started=NOW, progress=pb.Progress(done=120, total=500, unit="steps", eta_seconds=200)
    )
    stage.jobs.events = [pb.Event(cursor=101, time=NOW, job=job(900, running=running))]
    assert b"120 of 500 steps" in on_terminal(home, "train", "anna", "--wait", until=b"120 of 500 steps")


def test_saving_speech_shows_how_far_it_is(home: Path, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert b"0.1 s of speech" in on_terminal(home, "say", "slowly", "-o", str(out), until=b"0.1 s of speech")


def test_sound_is_not_written_onto_a_terminal(home: Path, stage: Stage) -> None:
    assert b"RIFF" not in on_terminal(home, "say", "One.", "-o", "-", until=b"pipe it")
