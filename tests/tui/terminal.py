"""A command at a terminal of its own, as a person has it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from tests.tui.conftest import ROOT

PATIENCE = 30.0  #: seconds that a person waits for something to be shown, and for the end
# the terminal becomes the controlling one (ssh asks there); done after the exec, since this process has threads
TAKE_IT = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """Begins the command; what it shows is read as it comes."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (100, 30)
    ) -> None:
        """`size`: columns and lines."""
        self._fd, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        env = {**environment, "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", TAKE_IT, *command],
            cwd=ROOT, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True,
        )  # fmt: skip
        os.close(its)
        self.shown = ""

    def until(self, words: str, seconds: float = PATIENCE) -> str:
        """Read until the words are shown; fails when they are not in time, whatever else comes."""
        end = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} did not come within {seconds:.0f} s: {self.text[-3_000:]!r}"
            goes_on = self._read(end)
            assert goes_on or words in self.text, f"it ended without {words!r}: {self.text[-3_000:]!r}"
        return self.shown

    def _read(self, end: float) -> bool:
        """Read what there is, or wait for it until then; False when nothing will come any more."""
        if select.select([self._fd], [], [], max(end - time.monotonic(), 0.0))[0]:
            try:
                data = os.read(self._fd, 65_536)
            except OSError:
                return False
            self.shown += data.decode("utf-8", "replace")
            return bool(data)
        return True

    @property
    def text(self) -> str:
        """What was shown, without colours and moves of the cursor."""
        return re.sub(r"\x1b\[[0-9;:?<>=$]*[a-zA-Z]", "", self.shown)

    def forget(self) -> None:
        """What was shown so far counts no more."""
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def send(self, number: signal.Signals) -> None:
        """A signal for the command itself."""
        self._process.send_signal(number)

    def hang_up(self) -> int:
        """Close the terminal's window, and wait for the end; the exit code."""
        self.send(signal.SIGHUP)
        return self.ended()

    def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; the exit code. It is killed when it does not end in time."""
        end = time.monotonic() + seconds
        try:
            while self._read(end):
                assert time.monotonic() < end, f"it does not end: {self.text[-3_000:]!r}"
            return self._process.wait(max(end - time.monotonic(), 0.1))
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            os.close(self._fd)
