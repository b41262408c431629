"""A small file system of a test's own: tmpfs, mounted in a namespace where we are root, so that it really runs full.

The namespace lives as long as a process that waits in it. From outside its files are seen through that process
(`/proc/PID/root/…`), and a command is started inside with `prefix` before it; so a daemon can die and another one find
the same disk.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A disk of `size` bytes at the folder `at`, for those who run inside; `seen` is a link by which those outside see
    it.

    Skips the test, with a sentence, on a machine where nobody may mount one.
    """

    def __init__(self, at: Path, size: int, seen: Path) -> None:
        at.mkdir(parents=True, exist_ok=True)
        self._at = at
        script = f'mount -t tmpfs -o size={size},mode=700 none "{at}" && echo mounted && exec cat'
        self._holder = subprocess.Popen(
            ["unshare", "-Urm", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline().strip() != "mounted":
            pytest.skip("this machine lets nobody mount a small disk in a namespace of their own")
        self.seen = seen  # a link, because a socket's path may not be long
        seen.symlink_to(Path(f"/proc/{self._holder.pid}/root") / at.relative_to("/"))
        self.prefix = ["nsenter", f"--target={self._holder.pid}", "--user", "--mount", "--preserve-credentials", "--"]
        self._ballast = self.seen / "ballast"

    def free(self) -> int:
        """Bytes that are free."""
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Put ballast in until `leave` bytes are free."""
        with self._ballast.open("ab") as file:
            while (room := self.free() - leave) > 0:
                try:
                    file.write(bytes(min(room, 1 << 20)))
                    file.flush()
                except OSError:
                    if self.free() == 0:
                        return
                    raise

    def make_room(self) -> None:
        """Take the ballast out."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """Mount it so that nothing can be written any more. No file on it may be open for writing."""
        self._mount_again("ro")

    def writable(self) -> None:
        """Mount it for writing again."""
        self._mount_again("rw")

    def _mount_again(self, how: str) -> None:
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{how}", str(self._at)], check=True, capture_output=True)

    def close(self) -> None:
        """Unmount: the holder is the namespace's last process once the daemon has ended."""
        assert self._holder.stdin is not None
        self._holder.stdin.close()
        self._holder.wait(10)
        assert self._holder.stdout is not None
        self._holder.stdout.close()
