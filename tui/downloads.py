"""Recordings that lie on the web: fetched to where the person sits, by yt-dlp in a process of its own, then added as
other files are. So the daemon never asks the network for what somebody names, and a laptop's own connection is used.

What has arrived is kept in `$XDG_CACHE_HOME/myna/downloads` until it is in the inbox: the same command goes on from
there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from proto.channel import ClientError
from tui.progress import fetching

#: What yt-dlp calls sound with pictures, and how the same container is called where only its sound counts.
SOUND_OF = {".mp4": ".m4a", ".m4v": ".m4a", ".mov": ".m4a", ".mkv": ".webm"}
#: Characters of what yt-dlp says that are passed on.
LONGEST = 300
_ARGUMENTS = (
    "--ignore-config", "--quiet", "--no-warnings", "--color", "never", "--no-simulate", "--no-playlist", "--no-mtime",
    "--continue", "--retries", "10", "--socket-timeout", "30",
    "--format", "bestaudio/best", "--output", "%(title).80B [%(id).40B].%(ext)s",
    "--progress", "--newline",
    "--progress-template",
    "download:P %(progress.downloaded_bytes)s %(progress.total_bytes,progress.total_bytes_estimate)s",
    "--print", "after_move:F %(filepath)s",
)  # fmt: skip


def is_url(text: str) -> bool:
    """Whether this is meant as an address, and not as a file."""
    return text.lower().startswith(("http://", "https://"))


def fetch(url: str) -> list[Path]:
    """The recordings at an address, as files here. Raises ClientError."""
    if find_spec("yt_dlp") is None:
        raise ClientError("yt-dlp is not installed here.", "Install it: pip install yt-dlp.", "FAILED_PRECONDITION")
    folder = _folder(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClientError(
            f"{folder} cannot be made: {error.strerror}.", "Set XDG_CACHE_HOME to another folder."
        ) from None
    with fetching("fetching") as tell, TemporaryFile() as errors, _running(url, folder, errors) as process:
        found = _follow(process, tell)
        if process.wait() != 0:
            errors.seek(0)
            raise ClientError(
                f"{url} cannot be fetched: {_reason(errors.read())}",
                "Look whether a browser plays it. What has arrived is kept: the same command goes on from there.",
                "FAILED_PRECONDITION",
            )
    files = [path for path in found if path.is_file() and path.resolve().is_relative_to(folder.resolve())]
    if not files:
        raise ClientError(f"There is no recording at {url}.", "Give the address of a recording.", "NOT_FOUND")
    return [_as_sound(path) for path in files]


def forget(url: str) -> None:
    """It is in the inbox: what was fetched is not needed any more."""
    shutil.rmtree(_folder(url), ignore_errors=True)


def _as_sound(path: Path) -> Path:
    """The file by a name that a recording has."""
    ending = SOUND_OF.get(path.suffix.lower())
    if ending is None:
        return path
    called = path.with_suffix(ending)
    called.unlink(missing_ok=True)
    called.symlink_to(path.name)  # its own name is what yt-dlp knows it by
    return called


def _folder(url: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "myna" / "downloads" / hashlib.sha256(url.encode()).hexdigest()[:16]


@contextmanager
def _running(url: str, folder: Path, errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """yt-dlp at work. It does not outlive the block."""
    command = [sys.executable, "-m", "yt_dlp", *_ARGUMENTS, "--paths", str(folder), "--", url]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONUTF8": "1"}
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _follow(process: subprocess.Popen[bytes], tell: Callable[[float, float], None]) -> list[Path]:
    """Tell how far it is, until it ends. Returns the files that it names."""
    found: list[Path] = []
    assert process.stdout is not None
    for line in process.stdout:
        what, _, rest = line.decode("utf-8", "surrogateescape").rstrip("\n").partition(" ")
        if what == "F":
            found.append(Path(rest))
        elif what == "P":
            done, total = ([_number(word) for word in rest.split()] + [0.0, 0.0])[:2]
            tell(done, total)
    return found


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:  # "NA": not known
        return 0.0


def _reason(errors: bytes) -> str:
    """What yt-dlp said last, on one line."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next(
        (line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else "no reason given"
    )
    words = " ".join("".join(char if char.isprintable() else " " for char in said.removeprefix("ERROR:")).split())
    return (words if len(words) <= LONGEST else words[:LONGEST] + "…").rstrip(".") + "."
