"""Transcripts that come with recordings: `a.txt`, `a.lab`, `a.srt` or `a.vtt` beside `a.wav`, or a list for a whole
folder: `metadata.csv` as LJSpeech has it, `metadata.csv` or `metadata.jsonl` as audiofolders of Hugging Face have it.

Read by the ingest worker (text that comes with its recording) and by the daemon (text that comes later). Standard
library only.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from daemon.inbox import metadata_list, subtitles
from daemon.inbox.folder import InboxFolder
from daemon.inbox.subtitles import Cue
from daemon.names import AUDIO_ENDINGS, LISTS, printable, stem
from engines.files import make_folder

#: Bytes; a longer text is no transcript of one recording.
TEXT_LIMIT = 1_000_000
#: Bytes and lines of a metadata.csv. LJSpeech has 13,100 lines in 1.6 MB; the longest lists of a hundred thousand
#: lines, about 20 MB.
METADATA_LIMIT, LINES_LIMIT = 32_000_000, 200_000
#: Characters of one line.
LINE_LIMIT = 65_536
#: Bytes read at once.
PIECE = 1 << 16
#: Bad lines that are told of.
BAD_LINES = 100
#: Folders in which LJSpeech-like sets keep the recordings that metadata.csv, one level up, tells of.
AUDIO_FOLDERS = frozenset(
    (b"wavs", b"wav", b"audio", b"clips", b"flac", b"mp3", b"data", b"train", b"validation", b"test")
)


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
    """Where a recording's list may lie: in its folder, or one up from `wavs/`. Paths relative to the same
    root."""
    folder = os.path.dirname(path)
    places = [os.path.join(folder, name) for name in LISTS]
    if os.path.basename(folder).lower() in AUDIO_FOLDERS:
        places += [os.path.join(os.path.dirname(folder), name) for name in LISTS]
    return tuple(places)


def read_text(folder: InboxFolder, path: bytes) -> str:
    """The text of a sidecar, on one line. Raises BadTranscript; OSError if it cannot be read."""
    return read_transcript(folder, path)[0]


def read_transcript(folder: InboxFolder, path: bytes) -> tuple[str, tuple[Cue, ...]]:
    """(the text of a sidecar on one line, when it is said: of subtitles). Raises BadTranscript; OSError if it cannot be
    read."""
    with folder.open(path) as file:
        if os.fstat(file.fileno()).st_size > TEXT_LIMIT:
            hint = f"At most {TEXT_LIMIT // 1_000_000} MB are read: split the recording and its text."
            raise BadTranscript(f"{_shown(path)} is too big for a transcript.", hint)
        encoding = _encoding(file, path, TEXT_LIMIT)
        content = file.read(TEXT_LIMIT).decode(encoding, errors="replace")
    if path.lower().endswith(subtitles.ENDINGS):
        cues = tuple(subtitles.read(content))
        if not cues:
            hint = "Write it as SubRip or WebVTT has it: a line `00:00:01,000 --> 00:00:03,500`, then the words."
            raise BadTranscript(f"{_shown(path)} has no words with their times.", hint)
        return subtitles.said(cues), cues
    words = " ".join(content.split())
    if not words:
        raise BadTranscript(
            f"{_shown(path)} is empty.", "Write what is said in the recording into it, or leave it out."
        )
    return words, ()


def read_metadata(folder: InboxFolder, path: bytes) -> Metadata:
    """All that a metadata.csv says. Raises BadTranscript; OSError if it cannot be read."""
    texts: dict[bytes, str] = {}
    bad: list[int] = []
    for number, id, text in metadata_lines(folder, path):
        if text:
            texts[id] = text
        elif len(bad) < BAD_LINES:
            bad.append(number)
    return Metadata(texts, tuple(bad))


def metadata_lines(folder: InboxFolder, path: bytes) -> Iterator[tuple[int, bytes, str]]:
    """The recordings that a list names, one after another as they are read: (number of the line from 1, id, text); a
    line without one of them has neither. Never more than a line is kept. Raises BadTranscript; OSError if it cannot be
    read.

    Lines read `id|text` or `id|raw|normalised` (LJSpeech), or have columns that the first line names (`file_name,text`)
    or are JSON (`metadata.jsonl`), as audiofolders have it."""
    listed = 0
    with folder.open(path) as file:
        if os.fstat(file.fileno()).st_size > METADATA_LIMIT:
            raise _too_long(path, f"{METADATA_LIMIT // 1_000_000} MB")
        encoding = _encoding(file, path, METADATA_LIMIT)
        with io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="") as opened:
            for number, id, text in metadata_list.entries(_lines(opened, path), jsonl=path.lower().endswith(b".jsonl")):
                if not id or not text:
                    yield number, b"", ""
                    continue
                listed += 1
                yield number, _key(id), text
    if not listed:
        raise BadTranscript(
            f"{_shown(path)} lists no recording.",
            "Each line should read `id|text` or `id|text|normalised text`, or have columns named `file_name,text`.",
        )


def _lines(opened: io.TextIOWrapper, path: bytes) -> Iterator[str]:
    """The lines of a list. Raises BadTranscript for too many, or for one that is too long."""
    for number, line in enumerate(iter(lambda: opened.readline(LINE_LIMIT + 1), ""), 1):
        if number > LINES_LIMIT:
            raise _too_long(path, f"{LINES_LIMIT:,} lines")
        if len(line) > LINE_LIMIT:
            sentence = f"Line {number} of {_shown(path)} is longer than {LINE_LIMIT:,} characters."
            raise BadTranscript(sentence, "Each line is one recording: `id|text`.")
        yield line


def keep(home: Path, folder: InboxFolder, path: bytes) -> None:
    """Move a transcript whose text is stored out of the inbox, to `recordings/texts/<sha256>.<ending>`: copied, synced,
    then unlinked."""
    place = home / "recordings" / "texts"
    make_folder(place)
    ending = os.fsdecode(os.path.splitext(path)[1]).lower()
    digest = hashlib.sha256()
    with folder.open(path) as file:
        before = os.fstat(file.fileno())
        descriptor, name = tempfile.mkstemp(dir=place, prefix=".tmp-")
        try:
            with os.fdopen(descriptor, "wb") as copy:
                while data := file.read(PIECE):
                    digest.update(data)
                    copy.write(data)
                copy.flush()
                os.fsync(copy.fileno())
            os.replace(name, place / f"{digest.hexdigest()}{ending}")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    after = folder.facts(path)
    if (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns):
        folder.unlink(path)


def _encoding(file: BinaryIO, path: bytes, limit: int) -> str:
    """How a text is encoded, by a look through all of it, piece by piece. Leaves the file at its start. Raises
    BadTranscript."""
    head = file.read(2)
    if head in (b"\xff\xfe", b"\xfe\xff"):
        file.seek(0)
        return "utf-16"
    found, decoder = "utf-8-sig", codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    left = limit
    while left > 0 and (data := file.read(min(PIECE, left))):
        left -= len(data)
        if b"\0" in data:
            raise BadTranscript(f"{_shown(path)} is no text.", "Save it as plain text (UTF-8).")
        try:
            if found == "utf-8-sig":
                decoder.decode(data, final=len(data) < PIECE)
        except UnicodeDecodeError:
            found = "cp1252"  # what Windows programs write when they do not write UTF-8
    file.seek(0)
    return found


def _too_long(path: bytes, limit: str) -> BadTranscript:
    hint = f"At most {limit} are read: split it, each part named metadata.csv in a folder with its own recordings."
    return BadTranscript(f"{_shown(path)} is too long.", hint)


def _key(listed: str) -> bytes:
    name = os.fsencode(listed.replace("\\", "/").removeprefix("./"))
    start, ending = os.path.splitext(name)
    return start if ending.lower() in AUDIO_ENDINGS else name


def _shown(path: bytes) -> str:
    return printable(os.path.basename(path))
