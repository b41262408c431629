"""A command at a terminal of its own, as a person has it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from tests.tui.conftest import ROOT


class Terminal:
    """Begins the command; what it shows is read as it comes."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.chdir(ROOT)
            os.execvpe(command[0], command, {**environment, "TERM": "xterm-256color"})
        self.shown = ""

    def until(self, words: str, seconds: float = 30.0) -> str:
        """Read until the words are shown; fails when they are not in time, whatever else comes."""
        end = time.monotonic() + seconds
        while words not in self.text:
            ready, _, _ = select.select([self._fd], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{words!r} did not come within {seconds:.0f} s: {self.text[-2000:]!r}"
            try:
                self.shown += os.read(self._fd, 65536).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(f"it ended without {words!r}: {self.text!r}") from None
        return self.shown

    @property
    def text(self) -> str:
        """What was shown, without colours and moves of the cursor."""
        return re.sub(r"\x1b\[[0-9;:?<>=$]*[a-zA-Z]", "", self.shown)

    def forget(self) -> None:
        """What was shown so far counts no more."""
        self.shown = ""

    def hang_up(self) -> None:
        """Close the terminal's window, and wait for the end."""
        os.kill(self.pid, signal.SIGHUP)
        self.ended()

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode("utf-8", "replace")
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
