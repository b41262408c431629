"""Noticing that something in the inbox changed: inotify where it works, and looking again and again where it is silent.

inotify tells nothing of what other machines write to a network mount, and has limits that other programs may have used
up.

A watch is of one folder: those inside are watched, too, as deep as the inbox is looked into. A library that does this
by itself (watchdog) walks a new folder's inside again at each event of it: nine hundred nested folders took gigabytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from inotify_simple import Event, INotify, flags

from daemon.inbox.arrivals import DEEPEST

log = logging.getLogger("mynad.inbox")

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


class Watch:
    """Collects which paths were touched. `changed` is set in the event loop when there are any."""

    def __init__(self, folder: Path, poll: str) -> None:
        self.folder = os.fsencode(folder)
        self.changed = asyncio.Event()
        self.why_polling = ""  #: a sentence; empty: inotify tells
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._touched: set[bytes] = set()
        self._folders: WatchedFolders | None = None
        if poll == "always":
            self.why_polling = "The settings say so."
        elif poll == "auto" and (kind := file_system(folder)).startswith(SILENT):
            self.why_polling = f"It is on a network mount ({kind}), for which the system reports no changes."

    async def start(self) -> None:
        """Begin to listen (the first walk through the folder may take a moment: in a thread)."""
        if not self.why_polling:
            await asyncio.to_thread(self._start)

    def _start(self) -> None:
        try:
            self._folders = WatchedFolders(self.folder, self.touch, self._broke)
        except OSError as error:
            self._broke(error)

    def _broke(self, error: OSError) -> None:
        """inotify tells no more."""
        self.why_polling = f"The system has no room for another watch ({error.strerror})."
        log.warning("The inbox is scanned at regular times from now on. %s", self.why_polling)
        self._loop.call_soon_threadsafe(self.changed.set)

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
        if self._folders is not None:
            self._folders.stop()


class WatchedFolders:
    """A folder and those inside it, `DEEPEST` deep at most, each with a watch; a thread tells of what happens in them.
    Work and memory grow with the folders there are."""

    def __init__(self, top: bytes, touched: Callable[[bytes], None], broke: Callable[[OSError], None]) -> None:
        """Watch `top` and begin to tell. Raises OSError if there is no room for that."""
        self._top, self._touched, self._broke = top, touched, broke
        self._inotify = INotify()
        self._paths: dict[int, bytes] = {}  #: by watch
        self._watches: dict[bytes, int] = {}  #: by path
        self._over = os.eventfd(0)
        self._walk(top, told=False)
        self._thread = threading.Thread(target=self._run, name="myna-inbox-events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and give the watches back."""
        os.eventfd_write(self._over, 1)
        self._thread.join()

    def _run(self) -> None:
        waiting = select.poll()
        waiting.register(self._inotify.fileno(), select.POLLIN)
        waiting.register(self._over, select.POLLIN)
        try:
            while self._over not in {descriptor for descriptor, _ in waiting.poll()}:
                for event in self._inotify.read(timeout=0):
                    self._happened(event)
        except OSError as error:
            self._broke(error)
        finally:
            self._inotify.close()
            os.close(self._over)

    def _happened(self, event: Event) -> None:
        if event.mask & flags.Q_OVERFLOW:  # more happened than the system keeps: there may be folders without a watch
            self._walk(self._top, told=True)
            return
        folder = self._paths.get(event.wd)
        if folder is None:
            return  # of a watch that was just given back
        if event.mask & flags.IGNORED:  # the folder is gone, and its watch with it
            del self._paths[event.wd]
            if self._watches.get(folder) == event.wd:
                del self._watches[folder]
            return
        path = os.path.join(folder, os.fsencode(event.name)) if event.name else folder
        if event.mask & flags.ISDIR and event.mask & (flags.MOVED_FROM | flags.DELETE):
            self._forget(path)
        if event.mask & flags.ISDIR and event.mask & (flags.MOVED_TO | flags.CREATE):
            self._walk(path, told=True)
        if not event.mask & flags.DELETE:  # what is gone needs no rest
            self._touched(path)
        if event.mask & (flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO):
            self._touched(folder)

    def _walk(self, path: bytes, *, told: bool) -> None:
        """Watch a folder and those inside it that have no watch yet. What lies in a new one came before its watch did:
        with `told` it is told of. Raises OSError where the system has no room for a watch."""
        left = [path]
        while left:
            folder = left.pop()
            if self._depth(folder) > DEEPEST:
                continue
            if (known := folder in self._watches) and folder != self._top:
                continue
            try:
                if not known:
                    self._watch(folder)
                with os.scandir(folder) as found:
                    for entry in found:
                        if told:
                            self._touched(entry.path)
                        if entry.is_dir(follow_symlinks=False):
                            left.append(entry.path)
            except OSError as error:
                if error.errno in _NO_ROOM or folder == self._top:
                    raise
                # gone again, or closed to us: looking at the inbox tells that

    def _watch(self, folder: bytes) -> None:
        watch = self._inotify.add_watch(folder, _EVENTS)
        self._paths[watch], self._watches[folder] = folder, watch

    def _forget(self, path: bytes) -> None:
        """Give back the watches of a folder that was moved away, and of those inside it."""
        inside = path + b"/"
        for folder in [one for one in self._watches if one == path or one.startswith(inside)]:
            watch = self._watches.pop(folder)
            del self._paths[watch]
            with contextlib.suppress(OSError):  # it is gone already
                self._inotify.rm_watch(watch)

    def _depth(self, path: bytes) -> int:
        return path.count(b"/") - self._top.count(b"/")


#: What begins, changes or takes away a file; our own reading would wake us for nothing.
_EVENTS = (
    flags.CREATE
    | flags.MODIFY
    | flags.ATTRIB
    | flags.CLOSE_WRITE
    | flags.MOVED_FROM
    | flags.MOVED_TO
    | flags.DELETE
    | flags.ONLYDIR
    | flags.DONT_FOLLOW
    | flags.EXCL_UNLINK
)
#: The system has no room for another watch: by its own limit, or the user's.
_NO_ROOM = frozenset((errno.ENOSPC, errno.ENOMEM, errno.EMFILE, errno.ENFILE))


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
