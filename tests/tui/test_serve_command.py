"""`myna serve`: doors by hand."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_doors_stay_open_until_a_signal(home: Path, stage: Stage) -> None:
    home.mkdir(exist_ok=True)
    (home / "myna.toml").write_text('[http.voices]\nalloy = "anna@7"\n')
    command = [sys.executable, "-m", "tui.cli", "serve", "--http", "127.0.0.1:0"]
    serving = subprocess.Popen(command, cwd=ROOT, env=clean_environment(home), stderr=subprocess.PIPE, text=True)
    assert serving.stderr is not None
    try:
        said = serving.stderr.readline()
        found = re.search(r"The HTTP door is open at (\S+)\.$", said)
        assert found, said
        body = {"model": "tts-1", "input": "One.", "voice": "alloy"}
        assert httpx.post(f"{found[1]}/audio/speech", json=body, timeout=20, trust_env=False).status_code == 200
        assert stage.speech.asked[-1].version == 7
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0
        serving.stderr.close()


def test_a_door_that_anybody_could_come_in_by_is_refused(myna: Run, home: Path) -> None:
    ended = myna("serve", "--http", "0.0.0.0:8765")
    assert ended.code == 2
    assert ended.err.strip() == "myna: Anybody who reaches 0.0.0.0:8765 could use the HTTP door. Set token_file."


def test_an_address_that_is_taken_is_a_sentence(myna: Run, home: Path, stage: Stage) -> None:
    ended = myna("serve", "--wyoming", f"unix:{home}/no-such-folder/socket")
    assert ended.code == 2
    assert "It cannot listen on unix:" in ended.err
    assert "Traceback" not in ended.err
