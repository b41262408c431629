"""Transcripts that come with recordings: `a.txt` or `a.lab` beside `a.wav`, or an LJSpeech `metadata.csv` for a whole folder.

Read by the ingest worker (text that comes with its recording) and by the daemon (text that comes later). Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.names import AUDIO_ENDINGS, METADATA, printable, stem
from engines.files import make_folder

#: Bytes; a longer text is no transcript of one recording.
TEXT_LIMIT = 1_000_000
METADATA_LIMIT = 100_000_000
#: Folders in which LJSpeech-like sets keep the recordings that metadata.csv, one level up, tells of.
AUDIO_FOLDERS = frozenset((b"wavs", b"wav", b"audio", b"clips", b"flac", b"mp3"))
_HEADINGS = frozenset(("id", "file", "file_name", "filename", "audio_file", "audio", "path", "wav"))


class BadTranscript(Exception):
    """The file is no transcript. `sentence` says why, `hint` what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


@dataclass(frozen=True)
class Metadata:
    """What a metadata.csv says."""

    texts: Mapping[bytes, str]  #: by the recording's path without ending, relative to the folder of the file
    bad_lines: tuple[int, ...] = field(default=())  #: lines that were passed over, counted from 1

    def text_of(self, relative: bytes) -> str | None:
        """Text of a recording, by its path relative to the folder of the metadata file. None: it is not listed."""
        key = stem(relative)
        if (found := self.texts.get(key)) is not None:
            return found
        folder, _, name = key.rpartition(b"/")
        return self.texts.get(name) if folder.lower() in AUDIO_FOLDERS else None


def metadata_of(path: bytes) -> tuple[bytes, ...]:
    """Where a recording's metadata.csv may lie: in its folder, or one up from `wavs/`. Paths relative to the same root."""
    folder = os.path.dirname(path)
    places = [os.path.join(folder, METADATA)]
    if os.path.basename(folder).lower() in AUDIO_FOLDERS:
        places.append(os.path.join(os.path.dirname(folder), METADATA))
    return tuple(places)


def read_text(path: bytes) -> str:
    """The text of a sidecar, on one line. Raises BadTranscript; OSError if it cannot be read."""
    words = " ".join(_decoded(path, TEXT_LIMIT).split())
    if not words:
        raise BadTranscript(f"{_shown(path)} is empty.", "Write what is said in the recording into it, or leave it out.")
    return words


def read_metadata(path: bytes) -> Metadata:
    """`id|text` or `id|raw|normalised`, one recording a line (LJSpeech). Raises BadTranscript; OSError if it cannot be read."""
    texts: dict[bytes, str] = {}
    bad: list[int] = []
    for number, line in enumerate(_decoded(path, METADATA_LIMIT).splitlines(), 1):
        fields = [part.strip() for part in line.split("|")]
        if not line.strip() or (number == 1 and fields[0].lower() in _HEADINGS):
            continue
        text = next((part for part in (fields[2:3] + fields[1:2]) if part), "")
        if len(fields) < 2 or not fields[0] or not text:
            bad.append(number)
            continue
        texts[_key(fields[0])] = " ".join(text.split())
    if not texts:
        raise BadTranscript(f"{_shown(path)} lists no recording.", "Each line should read `id|text` or `id|text|normalised text`.")
    return Metadata(texts, tuple(bad))


def keep(home: Path, path: bytes) -> None:
    """Move a transcript whose text is stored out of the inbox, to `recordings/texts/<sha256>.<ending>`: copied, synced, then unlinked."""
    with open(path, "rb") as file:
        before = os.fstat(file.fileno())
        data = file.read()
    folder = home / "recordings" / "texts"
    make_folder(folder)
    ending = os.fsdecode(os.path.splitext(path)[1]).lower()
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as copy:
            copy.write(data)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(name, folder / f"{hashlib.sha256(data).hexdigest()}{ending}")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    after = os.lstat(path)
    if (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns):
        os.unlink(path)


def _decoded(path: bytes, limit: int) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BadTranscript(f"{_shown(path)} is too big for a transcript.", f"At most {limit // 1_000_000} MB are read.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise BadTranscript(f"{_shown(path)} is no text.", "Save it as plain text (UTF-8).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what Windows programs write when they do not write UTF-8


def _key(listed: str) -> bytes:
    name = os.fsencode(listed.replace("\\", "/").removeprefix("./"))
    start, ending = os.path.splitext(name)
    return start if ending.lower() in AUDIO_ENDINGS else name


def _shown(path: bytes) -> str:
    return printable(os.path.basename(path))
