"""The program `doors` in a process of its own, as mynad starts it, in front of the paper daemon."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from tests.tui.conftest import ROOT, clean_environment

START = 30.0  #: seconds the program gets to open its doors


class Opened:
    """The program, from construction to `close`; `http` and `wyoming` are its addresses. `before`: Python that runs
    first."""

    def __init__(self, home: Path, before: str = "", **told: Any) -> None:
        environment = clean_environment(home, MYNA_DOORS=json.dumps({"here": False, **told}))
        program = ["-c", f"{before}\nfrom doors.__main__ import main\nmain()"] if before else ["-m", "doors"]
        self.process = subprocess.Popen(
            [sys.executable, *program], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        self.said: deque[str] = deque(maxlen=500)  #: lines of its log
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.http = self._address(r"The HTTP door is open at (\S+)/v1\.") if "http" in told else ""
        self.wyoming = self._address(r"The Wyoming door is open at (\S+)\.$") if "wyoming" in told else ""

    @property
    def port(self) -> int:
        """Of the HTTP door."""
        return int(self.http.rpartition(":")[2])

    def until(self, pattern: str, seconds: float = START) -> str:
        """The part in brackets of a line that it says or has said."""

        def found() -> re.Match[str] | None:
            return next((match for line in list(self.said) if (match := re.search(pattern, line))), None)

        with self._told:
            assert self._told.wait_for(lambda: found() or self.process.poll() is not None, seconds), list(self.said)
        match = found()
        assert match, list(self.said)
        return match[1] if match.groups() else match[0]

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._reader.join(5)

    def _address(self, pattern: str) -> str:
        return self.until(pattern)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._told:
                self.said.append(line.rstrip())
                self._told.notify_all()
        with self._told:
            self._told.notify_all()
