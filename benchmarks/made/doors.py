"""A mynad with doors, in processes of their own, and a voice that speaks by the shipped base: for the benchmarks of the
doors."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from proto.client import Client, connect

START = 60.0  #: seconds
TEXT = "The ferry leaves at noon."


class Workplace:
    """Up for the length of a `with`."""

    def __init__(self, most_at_once: int = 200, requests_a_minute: int = 6_000) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="myna-")
        self.home = Path(self._folder.name)
        ports = [_free() for _ in range(2)]
        self.http, self.wyoming = f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        (self.home / "myna.toml").write_text(
            f'[http]\nlisten = "127.0.0.1:{ports[0]}"\nmost_at_once = {most_at_once}\n'
            f"requests_a_minute = {requests_a_minute}\n"
            f'[wyoming]\nlisten = "{self.wyoming}"\n'
        )

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "daemon.main", "--home", str(self.home)]
        self._mynad = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with connect(home=self.home) as client:
            client.wait_ready(START)
            client.create_voice("anna", "en", "glow")
        deadline = time.monotonic() + START
        while not self._open():
            if time.monotonic() > deadline:
                raise SystemExit("the doors did not open")
            time.sleep(0.05)
        self.speak(TEXT)  # loads the voice
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mynad.terminate()
        self._mynad.wait(60)
        self._folder.cleanup()

    def client(self) -> Client:
        """Of mynad, over gRPC."""
        return connect(home=self.home)

    def speak(self, text: str, format: str = "wav") -> bytes:
        """A whole speech, over HTTP."""
        body = {"model": "myna", "voice": "anna", "input": text, "response_format": format, "seed": 7}
        answer = httpx.post(f"{self.http}/v1/audio/speech", json=body, timeout=120, trust_env=False)
        answer.raise_for_status()
        return answer.content

    def memory(self) -> dict[str, int]:
        """Resident bytes of mynad and of the doors."""
        found = {"mynad": _resident(self._mynad.pid)}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_doors(entry):
                found["doors"] = _resident(int(entry.name))
        return found

    def log(self) -> str:
        """mynad's, with what the doors said."""
        return (self.home / "log" / "mynad.log").read_text(errors="replace")

    def _open(self) -> bool:
        try:
            return httpx.get(f"{self.http}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _is_doors(self, entry: Path) -> bool:
        try:
            return re.search(rb"-m\0doors\0", (entry / "cmdline").read_bytes()) is not None and (
                f"MYNA_HOME={self.home}\0".encode() in (entry / "environ").read_bytes()
            )
        except OSError:
            return False


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _free() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
