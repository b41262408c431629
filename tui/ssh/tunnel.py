"""A link that is kept: opened once with the person at the terminal, and opened again by itself when it drops."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from proto.channel import ClientError
from proto.home import socket_path
from tui.ssh.destination import Destination
from tui.ssh.link import Link

AGAIN = (0.2, 1.0, 2.0, 5.0)  #: seconds before the link is opened again; the last is kept


class Tunnel:
    """The near end is the socket of `home`, a folder made for it, as if the daemon were here."""

    def __init__(self, to: Destination, far_home: str = "") -> None:
        """`far_home`: the daemon's state folder on the other machine; empty: found there."""
        self.to = to
        self.home = Path(tempfile.mkdtemp(prefix="myna-ssh-"))
        self.problem: ClientError | None = None  #: why the link is down; None while it is up
        self._far_home = far_home
        self._ending = threading.Event()
        self._lock = threading.Lock()  #: of the link that is the present one
        self._link: Link | None = None

    def open(self, *, prompt: bool = True) -> None:
        """Open it; with `prompt` ssh may ask at the terminal. Raises ClientError, and then nothing is left."""
        socket_path(self.home).parent.mkdir(mode=0o700)
        try:
            link = self._opened(prompt=prompt)
        except BaseException:
            self.close()
            raise
        link.quiet()
        threading.Thread(target=self._keep, args=(link,), name="tunnel", daemon=True).start()

    def close(self) -> None:
        """End it for good."""
        self._ending.set()
        with self._lock:
            if self._link is not None:
                self._link.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _opened(self, *, prompt: bool) -> Link:
        link = Link(self.to, self.home, socket_path(self.home), self._far_home, prompt=prompt)
        with self._lock:
            if self._ending.is_set():
                raise ClientError("The link was closed.", "", "CANCELLED")
            self._link = link
        link.open()
        return link

    def _keep(self, link: Link) -> None:
        while True:
            self.problem = link.wait()
            tries = 0
            while True:
                if self._ending.wait(AGAIN[min(tries, len(AGAIN) - 1)]):
                    return
                try:
                    link = self._opened(prompt=False)
                except ClientError as problem:
                    self.problem = problem
                    tries += 1
                else:
                    self.problem = None
                    break
