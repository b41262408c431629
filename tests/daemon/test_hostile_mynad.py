"""A real mynad over an inbox that was made to stop it: it answers, takes the good recordings, and stays small."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deep_folders import nest
from inbox_workshop import write_wav

from proto.client import Client, connect

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]


def taken(client: Client, after: int, name: str) -> int:
    """The cursor of the event that a file of bea was taken."""
    for event in client.watch(after=after):
        if event.inbox.voice == "bea" and event.inbox.name == name and event.inbox.state == "taken":
            return event.cursor
    raise AssertionError(f"{name} was not taken")


@pytest.mark.long
@pytest.mark.parametrize("deep", ["at the start", "while it is watched"])
def test_bombs_in_one_voices_folder_cost_mynad_neither_time_nor_memory(tmp_path: Path, deep: str) -> None:
    home, inbox = tmp_path / "home", tmp_path / "home" / "inbox"
    for number, bomb in enumerate(
        ("[" * 40_000, ".".join("a" * 40_000) + "=1", ".".join("a" * 7_500) + "=1", "a=" + "[" * 15_000)
    ):
        (inbox / f"anna{number}").mkdir(parents=True)
        (inbox / f"anna{number}" / "voice.toml").write_text(bomb)
        (inbox / f"anna{number}" / "sub").mkdir()
        (inbox / f"anna{number}" / "sub" / "metadata.csv").write_text(
            "".join(f"id-{line:07}|{'word ' * 25}\n" for line in range(199_999))
        )
    (inbox / "anna0" / "metadata.csv").write_bytes(b"a|b|c\n" * 14_000_000)
    if deep == "at the start":
        nest(inbox / "anna1" / "deep", 1_100)
    write_wav(inbox / "bea" / "first.wav", pitch=300)
    environment = {
        **os.environ,
        "MYNA_HOME": str(home),
        "MYNA_SETTLE": "0.5",
        "MYNA_AUTO_TRAIN_QUIET": "600",
        "MYNA_MIN_FREE_DISK": "0",
    }
    process = subprocess.Popen([sys.executable, "-m", "daemon.main"], cwd=ROOT, env=environment)
    try:
        with connect(home=home) as client:
            client.wait_ready(20.0)
            cursor = taken(client, 0, "first.wav")
            nest(tmp_path / "aside", 1_100)
            (tmp_path / "aside").rename(inbox / "anna2" / "deep")
            slowest = 0.0
            for number in range(3):
                write_wav(inbox / "bea" / f"{number}.wav", pitch=310 + number)
                began = time.monotonic()
                client.info()
                slowest = max(slowest, time.monotonic() - began)
                cursor = taken(client, cursor, f"{number}.wav")
            assert slowest < 5.0
            waits = [event for event in client.info().inbox if event.name == "sub/metadata.csv"]
            assert {event.why for event in waits} == {"waits for 199999 of the 199999 recordings that it lists"}
            status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
            assert int(status["VmHWM"].split()[0]) < 200_000, "kB"
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["rm", "-rf", str(inbox)], check=True)  # pytest's own clearing away recurses
        shutil.rmtree(tmp_path, ignore_errors=True)
