"""One ssh process and the forward through it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from proto.channel import ClientError
from tui.ssh import explanations
from tui.ssh.destination import Destination
from tui.ssh.far_end import END, FarEnd, command

ANSWER = 15.0  #: seconds that an open link may take to set up the forward, and a daemon to say its first word
GRACE = 2.0  #: seconds that ssh gets to end
OPTIONS = (
    "ControlPersist=no",  # never into the background: the process we started is the link
    # forwards of the person's configuration are for other purposes, and their ports may be taken
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "StreamLocalBindUnlink=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=5",  # a dead line is noticed within 15 s
    "ServerAliveCountMax=3",
    "LogLevel=INFO",  # says why it fails, whatever the configuration says
)


class Link:
    """Opened once, then up until ssh ends: by `close`, by the other side, or because the line is dead.

    The remote script reads from us until we hang up: should we be killed, ssh ends by itself.
    """

    def __init__(
        self, to: Destination, folder: Path, socket_path: Path, home: str = "", *, prompt: bool = True
    ) -> None:
        """`folder`: ours alone, for ssh's control socket. `prompt`: ssh may ask at the terminal."""
        self._to, self._home, self._prompt = to, home, prompt
        self._control, self._socket = folder / "control", socket_path
        self._process: subprocess.Popen[str] | None = None
        self._written: deque[str] = deque(maxlen=30)  #: what ssh wrote last
        self._reader: threading.Thread | None = None

    def open(self) -> None:
        """Log in, find the daemon's socket, forward to it. Raises ClientError, and then nothing is left."""
        try:
            self._start()
            far = FarEnd.read(self._answer())
            home = far.home(self._to)
            self._forward(f"{home}/run/mynad.sock")
            self._greet(listens=home in far.listens)
        except BaseException:
            self.close()
            raise

    def wait(self) -> ClientError:
        """Wait until the link has ended; why."""
        assert self._process is not None
        code = self._process.wait()
        self._listened()
        return explanations.problem(self._to, self._written, code)

    def close(self) -> None:
        """End ssh. Harmless when it has ended."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._listened()

    # ------------------------------------------------------------------------------------------------- steps of opening

    def _start(self) -> None:
        self._control.unlink(missing_ok=True)  # of an ssh that was killed
        batch = [] if self._prompt else ["-o", "BatchMode=yes"]
        # its prompts go to the terminal itself, not through these pipes
        self._process = subprocess.Popen(
            [_ssh(), "-M", "-S", str(self._control), "-T", "-a", "-x", *_options(), *batch, *self._to.arguments(),
            command(self._home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace",
        )  # fmt: skip
        self._reader = threading.Thread(target=self._listen, args=(self._process.stderr,), name="ssh", daemon=True)
        self._reader.start()

    def _answer(self) -> Iterator[str]:
        """The script's lines. Raises ClientError when ssh ends before the last one."""
        assert self._process is not None
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            if line.strip() == END:
                return
            said.append(line)
            yield line
        code = self._process.wait()
        self._listened()
        raise explanations.problem(self._to, self._written or said, code)

    def _forward(self, remote: str) -> None:
        escaped = remote.replace("\\", "\\\\").replace(":", "\\:").replace("%", "%%")
        # no configuration: forwards that a person has there would be asked for as well
        plain = ("-F", "/dev/null", "-o", "StreamLocalBindUnlink=yes", "-S", str(self._control))
        asked = [_ssh(), *plain, "-O", "forward", "-L", f"{self._socket}:{escaped}", *self._to.arguments()]
        try:
            done = subprocess.run(
                asked,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ANSWER,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ClientError(
                f"ssh to {self._to} does not set up the forward.", "Try again.", "DEADLINE_EXCEEDED"
            ) from None
        if done.returncode:
            raise explanations.problem(self._to, done.stderr.splitlines(), done.returncode)

    def _greet(self, *, listens: bool) -> None:
        """A daemon says its first word unasked (HTTP/2 settings); a forward that leads nowhere is closed. `listens`:
        the other side says that a daemon is there."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWER)
            try:
                line.connect(str(self._socket))
                heard = line.recv(1)
            except OSError:
                heard = b""
        if heard:
            return
        if listens:
            hint = "Its sshd_config must have AllowStreamLocalForwarding yes."
            raise ClientError(f"{self._to.host} forbids forwards to sockets.", hint, "PERMISSION_DENIED")
        hint = f"Start it there: `ssh {self._to.login} myna up`."
        raise ClientError(
            f"The daemon on {self._to} does not answer: its socket is there, but nobody listens.", hint, "UNAVAILABLE"
        )

    # -------------------------------------------------------------------------------------------------- what ssh writes

    def _listen(self, stream: IO[str]) -> None:
        """Keep ssh's lines; while a person waits at the terminal, show those that may be meant for them (such as how to
        confirm)."""
        with stream:
            for line in stream:
                self._written.append(line.rstrip())
                if self._prompt and not explanations.is_explained(line) and sys.stderr.isatty():
                    print(line.rstrip(), file=sys.stderr, flush=True)

    def _listened(self) -> None:
        if self._reader is not None:
            self._reader.join(GRACE)

    def quiet(self) -> None:
        """The terminal belongs to somebody else from now on."""
        self._prompt = False


def _options() -> list[str]:
    return [word for option in OPTIONS for word in ("-o", option)]


def _ssh() -> str:
    found = shutil.which("ssh")
    if found is None:
        raise ClientError(
            "There is no ssh on this machine.",
            "Install OpenSSH's client (Debian: openssh-client).",
            "FAILED_PRECONDITION",
        )
    return found
