"""Where a screenshot goes: into ~/Downloads where there is one, else into the folder that `myna` was started in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from proto.channel import ClientError
from tui import wording


def save(svg: str) -> Path:
    """Write the picture; its path. Raises ClientError when it cannot be written."""
    downloads = Path.home() / "Downloads"
    folder = downloads if downloads.is_dir() else Path.cwd()
    path = folder / f"myna-{datetime.fromtimestamp(wording.clock()):%Y-%m-%d-%H-%M-%S}.svg"
    try:
        path.write_text(svg, "utf-8")
    except OSError as error:
        raise ClientError(
            f"The screenshot cannot be written to {path}: {error.strerror}.",
            "Start myna in a folder that you may write to, or make a folder Downloads in your home.",
            "FAILED_PRECONDITION",
        ) from error
    return path
