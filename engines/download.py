"""Downloads that survive: resumed where they broke off, checked against the published digest, and never half-there
under their name.

Until a file is whole it is `NAME.part` beside its place; whoever comes later goes on from there. Imports nothing heavy.

By hand, though huggingface_hub is installed: that one compares sizes and no digest, and takes a mirror only if it
answers with the headers of its own hub, where ours may be any folder that a web server shows. It also could not be
stopped, or told from, while it waits.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol

from engines.base import WeightsFile
from engines.errors import EngineError
from engines.files import disk_full_is_a_sentence, sync_folder
from engines.weights import PART

#: Bytes read at once, at most.
BLOCK = 1 << 20
#: Seconds without a byte after which another connection is tried. No more, since whoever cancels waits for it.
SILENCE = 10.0
#: Seconds before each try after one that brought nothing; when they are used up, the download has failed.
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
#: Seconds between two looks, while waiting, at whether the download is still wanted.
POLL_INTERVAL = 0.2
#: HTTP statuses that may be gone at the next try.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Progress(Protocol):
    """Called often with how far a file is. May raise to stop the download: what came is kept."""

    def __call__(self, have: int, sentence: str) -> None: ...


class _BrokeOff(Exception):
    """The connection ended before the file did; another one may bring the rest."""


class _OtherBytes(Exception):
    """What comes is not the published file."""


def download(
    file: WeightsFile, url: str, folder: Path, on_progress: Progress, waits: tuple[float, ...] = WAITS
) -> None:
    """Bring `file` from `url` into `folder`, which exists; nothing is done if it is there. Raises EngineError, saying
    what the server did, and DiskFull; both leave what came so far, unless it is wrong."""
    final, path = folder / file.name, part_of(file, folder)
    if final.is_file():
        return
    with disk_full_is_a_sentence(file.name):
        while True:
            begun = path.exists()
            try:
                _fill(file, url, path, on_progress, waits)
                break
            except _OtherBytes as wrong:
                path.unlink(missing_ok=True)
                if not begun:
                    sentence = f"{url} is not the published {file.name}: {wrong}."
                    raise EngineError(
                        sentence, "See what is between here and the publisher (a mirror, a proxy), then fetch again."
                    ) from None
                on_progress(
                    0, f"{file.name} from its first byte on: {wrong}"
                )  # what was here may be of another time or place
        path.replace(final)
        sync_folder(folder)


def part_of(file: WeightsFile, folder: Path) -> Path:
    """Where what came of a file lies until all of it has."""
    return folder / (file.name + PART)


def is_published(file: WeightsFile, path: Path) -> bool:
    """Whether a file has the published bytes, by size and digest."""
    if path.stat().st_size != file.size:
        return False
    with path.open("rb") as content:
        return not file.sha256 or hashlib.file_digest(content, "sha256").hexdigest() == file.sha256


class _Part:
    """A file as far as it is here, and the digest of that."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("ab")
        self.have = 0  #: bytes
        self.digest = hashlib.sha256()

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()

    def count(self, block: bytes) -> None:
        """These bytes were here before."""
        self.have += len(block)
        self.digest.update(block)

    def add(self, block: bytes) -> None:
        self._out.write(block)
        self.count(block)

    def empty(self) -> None:
        """Begin anew."""
        self._out.truncate(0)
        self.have, self.digest = 0, hashlib.sha256()

    def sync(self) -> None:
        self._out.flush()
        os.fsync(self._out.fileno())


def _fill(file: WeightsFile, url: str, path: Path, on_progress: Progress, waits: tuple[float, ...]) -> None:
    """Make `path` the whole file, over as many connections as it takes."""
    with _Part(path) as part:
        with path.open("rb") as begun:
            while block := begun.read(BLOCK):
                part.count(block)
                on_progress(part.have, f"checking what is here of {file.name}")
        tries = 0
        while part.have < file.size:
            before = part.have
            try:
                _connect(file, url, part, on_progress)
            except _BrokeOff as broken:
                tries = 0 if part.have > before else tries + 1
                if tries > len(waits):
                    hint = "Fetch it again when the network is there: it goes on from where it was."
                    raise EngineError(f"{url} cannot be fetched: {broken}.", hint) from None
                if tries:
                    _wait(waits[tries - 1], part.have, f"{broken}; trying again", on_progress)
        part.sync()
        if part.have > file.size:
            raise _OtherBytes(f"it has {part.have:,} bytes and not {file.size:,}")
        if file.sha256 and part.digest.hexdigest() != file.sha256:
            raise _OtherBytes(f"its SHA-256 is {part.digest.hexdigest()[:16]}… and not {file.sha256[:16]}…")


def _connect(file: WeightsFile, url: str, part: _Part, on_progress: Progress) -> None:
    """Add what one connection brings. Raises _BrokeOff when it ended early."""
    request = urllib.request.Request(url, headers={"User-Agent": "myna"})
    if part.have:
        request.add_header("Range", f"bytes={part.have}-")
    try:
        response = urllib.request.urlopen(request, timeout=SILENCE)
    except urllib.error.HTTPError as refused:
        if refused.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _OtherBytes(f"the server has no more than {part.have:,} bytes") from None
        words = f"the server answers {refused.code} {refused.reason}"
        if refused.code in PASSING:
            raise _BrokeOff(words) from None
        raise EngineError(
            f"{url} cannot be fetched: {words}.", "Take it from a folder, or from a mirror (weights_url)."
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _trouble(url, error) from None
    with response:
        start, total = _announced(response)
        if start != part.have:  # it does not do ranges, or not this one
            part.empty()
            if start:
                raise _BrokeOff("the server sends another range than was asked for")
        if total is not None and total != file.size:
            raise _OtherBytes(f"the server says that it has {total:,} bytes and not {file.size:,}")
        try:
            while block := response.read1(BLOCK):
                part.add(block)
                on_progress(part.have, f"fetching {file.name}")
                if part.have > file.size:
                    raise _OtherBytes(f"it has more than {file.size:,} bytes")
        except (OSError, http.client.HTTPException) as error:
            raise _BrokeOff(f"the connection broke off ({error})") from None
    if part.have < file.size:
        raise _BrokeOff(f"the connection ended at {part.have:,} of {file.size:,} bytes")


def _announced(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """(first byte that comes, length of the whole file if the server says it)."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None:
            return -1, None
        return int(found[1]), int(found[2]) if found[2].isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _trouble(url: str, error: Exception) -> Exception:
    """What it means that there was no answer at all."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return EngineError(
            f"The certificate of {url} is not trusted: {reason.verify_message}.",
            "Repair that, or use a mirror.",
        )
    if isinstance(error, ValueError):
        return EngineError(f"{url!r} is no address to fetch from.", "It begins with https:// or http://.")
    words = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return _BrokeOff(f"no answer ({words})")


def _wait(seconds: float, have: int, sentence: str, on_progress: Progress) -> None:
    end = time.monotonic() + seconds
    while True:
        on_progress(have, sentence)
        remaining = end - time.monotonic()
        if remaining <= 0:
            return
        time.sleep(min(POLL_INTERVAL, remaining))
