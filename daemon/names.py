"""Names in the inbox: what a file's name says of it, which names are voices, and how any bytes are shown to people.

File names are bytes everywhere on the way from the inbox to a recording; only what people read is text.
"""

from __future__ import annotations

import os
import re

from daemon.errors import BadRequest
from proto.voice_name import slug

#: Endings of transcripts that lie beside a recording of the same name.
TEXT_ENDINGS = (b".txt", b".lab", b".srt", b".vtt")
METADATA = b"metadata.csv"
#: Lists of texts for a whole folder, as LJSpeech and audiofolders have them.
LISTS = (METADATA, b"metadata.jsonl")
VOICE_TOML = b"voice.toml"
PACKAGE_ENDING = b".myna.tar.zst"
#: Where refused files go, inside the voice's folder.
REFUSED = b".refused"
#: Endings of recordings, to tell a folder that is named like one, and ids in metadata.csv that carry one.
AUDIO_ENDINGS = frozenset(b".wav .wave .flac .mp3 .ogg .oga .opus .m4a .aac .webm .aif .aiff .caf .w64".split())

#: What programs call a file that they have not finished (browsers, WinSCP, rsync, rclone, Syncthing, editors).
_PARTIAL_ENDINGS = (b".part", b".filepart", b".tmp", b".temp", b".crdownload", b".download", b".partial", b"~")
_VOICE = re.compile(r"[^\W_][\w-]*")
_KEPT = re.compile(r"([0-9a-f]{64})\.[a-z0-9]+")


def is_partial(name: bytes) -> bool:
    """Whether a file (or folder) of this name is not for us yet: hidden, or named as unfinished. rsync's temporary
    files are hidden."""
    return name.startswith((b".", b"~")) or name.lower().endswith(_PARTIAL_ENDINGS)


def is_text(name: bytes) -> bool:
    return name.lower().endswith(TEXT_ENDINGS)


def is_metadata(name: bytes) -> bool:
    return os.path.basename(name).lower() in LISTS


def is_package(name: bytes) -> bool:
    return name.lower().endswith(PACKAGE_ENDING)


def stem(path: bytes) -> bytes:
    """A path without its last ending: what a recording and its transcript have in common."""
    return os.path.splitext(path)[0]


def printable(name: bytes) -> str:
    """A name as people see it: one line; what cannot be printed is escaped. Different names stay different."""
    text = name.decode("utf-8", errors="surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text  # nearly all of them, and a list may have two hundred thousand
    shown = []
    for char in text:
        if char == "\\":
            shown.append("\\\\")
        elif char.isprintable():
            shown.append(char)
        elif "\udc80" <= char <= "\udcff":
            shown.append(f"\\x{ord(char) - 0xDC00:02x}")
        else:
            shown.append(char.encode("unicode_escape").decode("ascii"))
    return "".join(shown)


def check_voice(name: str) -> str:
    """The name, if it is one for a voice. Raises BadRequest, with a name that would do."""
    if name and slug(name) == name and _VOICE.fullmatch(name):
        return name
    nearest = slug(name)
    hint = f"{nearest!r} would do." if nearest else "Use lower-case letters, digits, '-' and '_'."
    raise BadRequest(f"{name!r} cannot be the name of a voice.", hint)


def is_voice(folder: bytes) -> bool:
    """Whether a folder of this name is a voice's."""
    text = os.fsdecode(folder)
    return text != "" and slug(text) == text


def check_file(path: bytes) -> bytes:
    """A path relative to a voice's inbox folder, if it stays inside and is not hidden. Raises BadRequest."""
    parts = path.split(b"/")
    if b"\0" in path or any(not part or part.startswith(b".") for part in parts):
        raise BadRequest(
            f"{printable(path)} is no file of a voice's inbox.", "Give paths relative to the voice's inbox folder."
        )
    return path


def kept_sha256(name: str) -> str:
    """The SHA-256 by which a file in recordings/ is named; empty: it is none of ours."""
    found = _KEPT.fullmatch(name)
    return found[1] if found else ""


def check_kept(path: str, sha256: str) -> str:
    """The path (relative to the home) of a recording that is kept under this SHA-256. Raises BadRequest."""
    if path != f"recordings/{sha256[:2]}/{path.rpartition('/')[2]}" or kept_sha256(path.rpartition("/")[2]) != sha256:
        raise BadRequest(
            f"{path!r} is no recording that is kept under {sha256[:12]!r}.", "`myna adopt` finds those there are."
        )
    return path


def clean(name: str) -> bytes:
    """An uploaded file's name as a safe path inside a voice's folder: folders are kept, what leads elsewhere or hides
    is not. Raises BadRequest if nothing is left."""
    parts = []
    for part in name.replace("\\", "/").split("/"):
        kept = "".join(char for char in part if char.isprintable() and char != "/").strip().lstrip(".~")
        if kept:
            parts.append(_cut(kept))
    if not parts or is_partial(os.fsencode(parts[-1])):
        raise BadRequest(f"{name!r} cannot be the name of a file.", "Name it like a recording: take1.wav.")
    return "/".join(parts[-8:]).encode("utf-8", errors="replace")


def _cut(part: str, limit: int = 160) -> str:
    """A name short enough that a prefix and an ending still fit."""
    start, ending = os.path.splitext(part)
    start, ending = start[:limit], ending[:limit]  # at once: a name may have a million characters
    while len((start + ending).encode("utf-8", errors="replace")) > limit:
        if len(start) > 1:
            start = start[:-1]
        else:
            ending = ending[:-1]
    return start + ending
