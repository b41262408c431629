"""Tell by its first bytes what kind of audio file this is, and how long it claims to be.

The content decides, never the name. Telling the container before FFmpeg sees the file also keeps playlists and scripts
that FFmpeg would follow (to other files, or into the network) away from it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

#: Bytes looked at to tell a format.
HEAD = 65_536

#: What people call a file of each FFmpeg container format, and the name endings that fit it.
NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "wav": ("WAV", (".wav", ".wave", ".rf64", ".bwf")),
    "w64": ("Wave64", (".w64", ".wav")),
    "flac": ("FLAC", (".flac",)),
    "mp3": ("MP3", (".mp3",)),
    "ogg": ("Ogg", (".ogg", ".oga", ".opus", ".spx")),
    "aac": ("AAC", (".aac",)),
    "mp4": ("MP4/M4A", (".m4a", ".mp4", ".m4b", ".mov", ".aac")),
    "matroska": ("WebM/Matroska", (".webm", ".mka", ".mkv", ".weba")),
    "aiff": ("AIFF", (".aif", ".aiff", ".aifc")),
    "caf": ("CAF", (".caf",)),
}

_NOT_AUDIO: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database"),
)


@dataclass(frozen=True)
class Container:
    """What the first bytes say."""

    format: str  #: FFmpeg demuxer name, key of NAMES; empty if this is no audio that Myna takes
    looks_like: str  #: for people: "FLAC", "a text file", "a PNG picture"
    claimed_seconds: float | None = None  #: length that the header promises and FFmpeg does not tell (WAV), else None


def sniff(file: BinaryIO) -> Container:
    """Tell the container of an open binary file from its head. Leaves the file at its start."""
    file.seek(0)
    head = file.read(HEAD)
    name = _format(head, file)
    claimed = _wav_seconds(file) if name == "wav" else None
    file.seek(0)
    return Container(name, NAMES[name][0] if name else _guess(head), claimed)


def has_end_mark(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file carries the end-of-stream flag (RFC 3533); a file cut short lacks it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - HEAD * 2))
    tail = file.read()
    file.seek(0)
    page = tail.rfind(b"OggS")
    return page >= 0 and page + 5 < len(tail) and bool(tail[page + 5] & 0x04)


def mp3_has_frame_count(file: BinaryIO) -> bool:
    """Whether an MP3 file carries a Xing/Info/VBRI header; without it, any claimed length is only an estimate."""
    file.seek(0)
    head = file.read(HEAD)
    if head[:3] == b"ID3" and len(head) >= 10:
        file.seek(_id3_length(head))
        head = file.read(4096)
    file.seek(0)
    return any(tag in head[:4096] for tag in (b"Xing", b"Info", b"VBRI"))


def _format(head: bytes, file: BinaryIO) -> str:
    if head[:3] == b"ID3" and len(head) >= 10:  # a tag that may stand before MP3, AAC and even FLAC
        file.seek(_id3_length(head))
        after = file.read(HEAD)
        return _format(after, file) if after[:3] != b"ID3" and _format(after, file) in ("flac", "aac") else "mp3"
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"riff":
        return "w64"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"caff":
        return "caf"
    return _frame_sync(head)


def _frame_sync(head: bytes) -> str:
    """MP3 and ADTS have no header, only frames that begin with a sync word. Two in a row are asked for, so that noise
    is not taken."""
    for start in range(min(len(head) - 8, 4096)):
        if head[start] != 0xFF or head[start + 1] & 0xE0 != 0xE0:
            continue
        if head[start + 1] & 0xF6 == 0xF0:
            length = (head[start + 3] & 3) << 11 | head[start + 4] << 3 | head[start + 5] >> 5
            if length >= 7 and _same_sync(head, start, length, mask=0xF6):
                return "aac"
        else:
            length = _mp3_frame_length(head[start : start + 4])
            if length and _same_sync(head, start, length, mask=0xFE):
                return "mp3"
    return ""


def _same_sync(head: bytes, start: int, length: int, mask: int) -> bool:
    following = start + length
    if following + 1 >= len(head):  # one single frame: believe it only where the file begins with it
        return start == 0
    return head[following] == 0xFF and head[following + 1] & mask == head[start + 1] & mask


_BITRATES = {
    (1, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_frame_length(header: bytes) -> int:
    """Bytes of the MPEG audio frame that begins with these four (ISO 11172-3, 13818-3), 0 if they are none."""
    version, layer = (
        (header[1] >> 3) & 3,
        (header[1] >> 1) & 3,
    )  # version 3: MPEG-1, 2: MPEG-2, 0: 2.5; layer 3: I, 2: II, 1: III
    rate_index, bitrate_index = (header[2] >> 2) & 3, header[2] >> 4
    if version == 1 or layer == 0 or rate_index == 3 or bitrate_index in (0, 15):
        return 0
    rate = (44_100, 48_000, 32_000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BITRATES[(1 if version == 3 else 2, layer)][bitrate_index] * 1000
    padding = (header[2] >> 1) & 1
    if layer == 3:
        return (12 * bits // rate + padding) * 4
    return (72 if layer == 1 and version != 3 else 144) * bits // rate + padding


def _id3_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start, its own header included (sizes are 7 bits a byte)."""
    a, b, c, d = head[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _wav_seconds(file: BinaryIO) -> float | None:
    """Length that a WAV header claims. FFmpeg quietly believes the file's size instead, so that a cut-off copy looks
    whole."""
    file.seek(12)
    byte_rate = 0
    for _ in range(64):  # chunks before the sound: a handful in every sane file
        chunk = file.read(8)
        if len(chunk) < 8:
            return None
        name, size = struct.unpack("<4sI", chunk)
        if name == b"fmt ":
            body = file.read(min(size, 12))  # the size is the file's word: four gigabytes are quickly said
            byte_rate = struct.unpack("<I", body[8:12])[0] if len(body) >= 12 else 0
            file.seek(size + size % 2 - len(body), 1)
        elif name == b"data":
            streamed = (
                size in (0, 0x7FFFFFFF) or size >= 0xFFFFF000
            )  # written to a pipe, or RF64: the real length is elsewhere
            return None if streamed or not byte_rate else size / byte_rate
        else:
            file.seek(size + size % 2, 1)
    return None


def _guess(head: bytes) -> str:
    for magic, what in _NOT_AUDIO:
        if head.startswith(magic):
            return what
    if head and b"\0" not in head[:4096]:
        try:
            head[:4096].decode("utf-8", errors="strict")
        except UnicodeDecodeError as error:
            if error.start < min(len(head), 4096) - 4:  # not merely a character cut in two at the end
                return "something else"
        return "a text file"
    return "something else"
