"""People at terminals: dashboards that are opened, moved through and closed or hung up; commands that look after the
home."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress

from benchmarks.soaking.callers import Caller
from benchmarks.soaking.house import ROOT

SIZES = ((80, 24), (100, 30), (200, 50))
PATIENCE = 120.0
#: what is looked at: each screen, and panes, rows and help on it
KEYS = ("1", "2", "j", "3", "4", "5", "6", "j", "k", "\t", "z", "z", "?", "\x1b", "g", "1", "j", "\r", "\x1b")
LIVE = ("queued", "running", "paused")
MOVES = re.compile(r"\x1b\[[0-9;:?<>=$]*[a-zA-Z]")


class Screen:
    """A dashboard in a pseudo-terminal."""

    def __init__(self, environment: dict[str, str], size: tuple[int, int]) -> None:
        """`size`: columns and lines."""
        self._fd, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        env = {**environment, "TERM": "xterm-256color", "PYTHONFAULTHANDLER": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui.cli"],
            cwd=ROOT, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True,
        )  # fmt: skip
        os.close(its)
        self.text = ""  #: the last of what it wrote, without colours and moves

    def read(self, seconds: float) -> bool:
        """Read for so long; False: it has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                try:
                    data = os.read(self._fd, 65_536)
                except OSError:
                    return False
                if not data:
                    return False
                self.text = (self.text + MOVES.sub("", data.decode("utf-8", "replace")))[-20_000:]
        return True

    def press(self, keys: str) -> None:
        with suppress(OSError):
            os.write(self._fd, keys.encode())

    def ended(self) -> int | None:
        """Wait for its end; its exit status, or None: it had to be killed."""
        end = time.monotonic() + PATIENCE
        while self.read(0.5) and time.monotonic() < end:
            pass
        try:
            return self.process.wait(max(end - time.monotonic(), 1.0))
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # says where it hangs
            self.read(5.0)
            return None
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._fd)


class Dashboards(Caller):
    """Opens one, looks around and closes it."""

    name = "dashboards"
    pause = 40.0

    def turn(self) -> None:
        screen = Screen(dict(self.house.environment), self.chance.choice(SIZES))
        end = time.monotonic() + PATIENCE
        while "Queue" not in screen.text and time.monotonic() < end and screen.read(0.3):
            pass
        drawn = "Queue" in screen.text
        self.expect(drawn, f"nothing was drawn: {screen.text[-300:]!r}")
        for key in KEYS[: self.chance.randrange(4, len(KEYS))]:
            screen.press(key)
            screen.read(self.chance.uniform(0.2, 0.8))
        screen.press("\x1b")  # in a dialog where one writes Ctrl+C ends nothing, so it is left first
        screen.read(1.0)
        hung_up = self.chance.random() < 0.25
        if hung_up:
            screen.process.send_signal(signal.SIGHUP)
        else:
            screen.press("\x03")
        status = screen.ended()
        how = "hung up" if hung_up else "closed"
        self.expect(status is not None, f"it did not end, {how}: {screen.text[-2_500:]!r}")
        self.expect("Traceback" not in screen.text, f"a traceback: {screen.text[-600:]!r}")
        self.did(how)


class Upkeep(Caller):
    """Backups, checks, and commands that are looked at now and then."""

    name = "upkeep"
    pause = 60.0

    def turn(self) -> None:
        backups = str(self.house.folder / "backups")
        for words in self.chance.choice(
            (
                (("backup", backups, "--keep", "2"),), (("check",),), (("check", "--deep"),), (("clean",),),
                (("status",), ("jobs",)), (("doctor",), ("notify",)), (("voices",), ("cost",), ("people", "usage")),
            )
        ):  # fmt: skip
            self._command(*words)

    def _command(self, *words: str, again: bool = True) -> None:
        words = (*words, "--json") if words[0] != "clean" else (*words, "--yes", "--json")
        process = self.house.myna(*words)
        try:
            out, err = process.communicate(timeout=PATIENCE * 4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fault(f"myna {' '.join(words)} did not end")
            return
        if words[0] == "check" and process.returncode == 1 and again and self._at_work_has_ended():
            self._command(*words[:-1], again=False)
            return
        good = (0, 1) if words[0] == "doctor" else (0,)  # a finding of doctor's is of this machine
        self.expect(process.returncode in good, f"myna {words[0]}: {process.returncode}: {(err or out)[-400:]}")
        self.did(words[0])

    def _at_work_has_ended(self) -> bool:
        """Wait for the jobs that are at work. A check passes over files that are younger than the oldest of these: that
        goes by the clock of rows, which is moved, and by the time of files, which is not, so here it takes for nobody's
        what a job is about to tell of. When that job has ended, nothing is left of it."""
        with self.house.client() as client:
            at_work = {job.id for job in client.jobs(states=("running", "paused"))}
            end = time.monotonic() + PATIENCE * 4
            while at_work & {job.id for job in client.jobs(states=LIVE)} and time.monotonic() < end:
                self.rest(2.0)
            return time.monotonic() < end
