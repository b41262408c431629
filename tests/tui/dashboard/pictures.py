"""Pictures of the screens as text files, beside the tests: what a screen must look like, to be read and reviewed.

`MYNA_DRAW=1 pytest tests/tui/dashboard` draws those that differ anew. Look at them before they are committed.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from tests.tui.dashboard.looking import PATIENCE, Viewer

FOLDER = Path(__file__).parent / "pictures"
STILL = 1.5  #: seconds after which a screen that is drawn anew will not change any more
POLL_INTERVAL = 0.05


async def looks_like(viewer: Viewer, name: str, home: Path) -> str:
    """Wait until the screen is the picture `name`; what differs, if it never is (empty: all is well).

    A screen that stands still may wait for a busy machine: only where there is nothing to wait for, since it is drawn
    anew, is that the end.
    """
    file = FOLDER / f"{name}.txt"
    wanted = file.read_text("utf-8") if file.exists() else ""
    drawing = bool(os.environ.get("MYNA_DRAW"))
    looks = int(PATIENCE / POLL_INTERVAL)
    seen, still = "", 0.0
    for _ in range(looks):
        before, seen = seen, _anywhere(viewer.text(), home)
        still = still + POLL_INTERVAL if seen == before else 0.0
        if seen == wanted or (drawing and still > STILL):
            break
        await viewer.pilot.pause(POLL_INTERVAL)
    if seen == wanted:
        return ""
    if drawing:
        file.parent.mkdir(exist_ok=True)
        file.write_text(seen, "utf-8")
        return ""
    return "".join(difflib.unified_diff(wanted.splitlines(True), seen.splitlines(True), str(file.name), "the screen"))


def _anywhere(text: str, home: Path) -> str:
    """Without this run's folder (whose name has always the same length)."""
    return text.replace(str(home), "/the/home".ljust(len(str(home)), "-"))
