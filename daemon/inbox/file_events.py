"""Noticing that something in the inbox changed: inotify where it works, and looking again and again where it is silent.

inotify tells nothing of what other machines write to a network mount, and has limits that other programs may have used
up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path
from typing import Any

log = logging.getLogger("mynad.inbox")

#: Seconds between two looks at whether changes are still told of.
GUARD = 1.0
#: File systems on which other machines write without inotify telling.
SILENT = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "fuse",
    "vboxsf",
    "virtiofs",
    "afs",
    "ceph",
    "gluster",
    "lustre",
    "davfs",
    "prl_fs",
    "drvfs",
)
#: Events that never begin or change a file: our own reading and unlinking would wake us for nothing.
_IGNORED = frozenset(("opened", "closed_no_write", "deleted"))


class Watch:
    """Collects which paths were touched. `changed` is set in the event loop when there are any."""

    def __init__(self, folder: Path, poll: str) -> None:
        self.folder = os.fsencode(folder)
        self.changed = asyncio.Event()
        self.why_polling = ""  #: a sentence; empty: inotify tells
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._touched: set[bytes] = set()
        self._observer: Any = None
        self._threads: list[threading.Thread] = []
        self._guard: asyncio.Task[None] | None = None
        if poll == "always":
            self.why_polling = "The settings say so."
        elif poll == "auto" and (kind := file_system(folder)).startswith(SILENT):
            self.why_polling = f"It is on a network mount ({kind}), for which the system reports no changes."

    async def start(self) -> None:
        """Begin to listen (importing watchdog takes a moment: in a thread)."""
        if not self.why_polling:
            await asyncio.to_thread(self._start)
        if not self.why_polling:
            self._guard = asyncio.create_task(self._until_it_dies())

    async def _until_it_dies(self) -> None:
        """A thread of watchdog ends by any error in it, as when a folder of a thousand nested ones appears: then it
        tells nothing more."""
        alive = True
        while alive:
            await asyncio.sleep(GUARD)
            alive = all(thread.is_alive() for thread in self._threads)
        self.why_polling = (
            "What tells of changes in it broke, which a very deep folder does; it works again "
            "after a restart without that."
        )
        log.warning("The inbox is scanned at regular times from now on. %s", self.why_polling)
        self.changed.set()

    def _start(self) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        watch = self

        class Handler(FileSystemEventHandler):  # type: ignore[misc]  # watchdog is not checked
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type not in _IGNORED:
                    watch.touch(*(os.fsencode(path) for path in (event.src_path, event.dest_path) if path))

        observer = Observer()
        try:
            observer.schedule(Handler(), os.fsdecode(self.folder), recursive=True)
            observer.start()
        except OSError as error:
            self.why_polling = f"The system has no room for another watch ({error.strerror})."
            return
        except RecursionError:
            self.why_polling = "A folder in it is too deep to be watched."
            return
        self._observer = observer
        shared = [
            thread for thread in threading.enumerate() if type(thread).__module__ == "watchdog.observers.inotify_c"
        ]
        self._threads = [observer, *observer.emitters, *shared]

    def touch(self, *paths: bytes) -> None:
        """An event told of these paths (absolute). Thread-safe."""
        seen = {path for path in paths if b"/." not in path[len(self.folder) :]}
        if not seen:
            if any(b"/.refused" in path[len(self.folder) :] for path in paths):  # somebody may have taken a file out
                self._loop.call_soon_threadsafe(self.changed.set)
            return
        with self._lock:
            quiet = not self._touched
            self._touched |= seen
        if quiet:
            self._loop.call_soon_threadsafe(self.changed.set)

    def take(self) -> set[bytes]:
        """The paths touched since the last call, relative to the folder."""
        with self._lock:
            touched, self._touched = self._touched, set()
        self.changed.clear()
        cut = len(self.folder) + 1
        return {path[cut:] for path in touched}

    def stop(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
        if self._observer is not None:
            self._observer.stop()


def file_system(path: Path) -> str:
    """Type of the file system that holds a path ("ext4", "nfs4", "fuse.sshfs"); empty if the system does not say."""
    wanted = os.path.realpath(path)
    best = found = ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                _, mounted, kind, *_ = line.split(" ")
                mounted = mounted.replace("\\040", " ")
                covers = wanted == mounted or wanted.startswith(mounted.rstrip("/") + "/")
                if covers and len(mounted) >= len(best):
                    best, found = mounted, kind
    except OSError:
        return ""
    return found
