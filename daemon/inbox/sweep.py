"""What a dead daemon or worker left half-written, cleared away when mynad starts."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from daemon.inbox import arrivals
from daemon.inbox.folder import InboxFolder
from daemon.inbox.new_voice import ASIDE


def sweep(home: Path) -> None:
    """Clear away copies that were never reported, uploads that broke off, and folders of voices that were not made
    whole."""
    shutil.rmtree(home / "recordings" / ".incoming", ignore_errors=True)
    for half in (home / "inbox").glob(f"{os.fsdecode(ASIDE)}*"):
        shutil.rmtree(half, ignore_errors=True)
    for name in arrivals.scan_root(InboxFolder(home)).folders:
        folder = InboxFolder(home, name)
        for entry in arrivals.scan(folder).entries:
            if os.path.basename(entry.path).startswith(b".upload-"):
                with contextlib.suppress(OSError):
                    folder.unlink(entry.path)
