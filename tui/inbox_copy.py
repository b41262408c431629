"""Which files `myna add` takes along, and how they reach a local inbox: under a hidden name first, then renamed, so
that the daemon never sees half a file. Transcripts go before their audio.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from proto.channel import ClientError

AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".webm")
TEXT = (".txt", ".lab", ".srt", ".vtt")  #: a transcript has its recording's name
WHOLE = ("metadata.csv", "metadata.jsonl", "voice.toml")  #: files about all that is beside them
PACKAGE = ".myna.tar.zst"


@dataclass
class Gathered:
    """What is to be added: (name in the inbox, file), transcripts before audio; and what was left out, with the
    reason."""

    files: list[tuple[str, Path]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def recordings(self) -> list[str]:
        return [name for name, _ in self.files if is_recording(name)]

    def with_text(self, text: Path) -> None:
        """Let this file be the transcript of the one recording there is."""
        (recording,) = self.recordings
        mine = [(name, path) for name, path in self.files if name == recording]
        self.files = [(str(PurePosixPath(recording).with_suffix(".txt")), text), *mine]

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for _, path in self.files)


def is_recording(name: str) -> bool:
    return name.lower().endswith((*AUDIO, PACKAGE))


def gather(paths: Iterable[Path]) -> Gathered:
    """Files as given, folders with all below them (keeping their sub-folders). Raises ClientError for what cannot be
    added at all."""
    found = Gathered()
    for path in paths:
        if path.is_dir():
            _folder(path, found)
        elif not path.exists():
            raise ClientError(f"There is no file {path}.", "Check the name.", "NOT_FOUND")
        elif not _wanted(path.name):
            raise ClientError(
                f"{path} is not a recording.", f"Recordings end in {', '.join(AUDIO)}.", "INVALID_ARGUMENT"
            )
        else:
            found.files += [(beside.name, beside) for beside in _sidecars(path)] + [(path.name, path)]
    found.files = _apart(dict.fromkeys(found.files))  # a transcript that was also given by itself goes once
    found.files.sort(key=lambda item: is_recording(item[0]))
    if not found.recordings:
        raise ClientError(
            "There is no recording among these files.", f"Recordings end in {', '.join(AUDIO)}.", "INVALID_ARGUMENT"
        )
    return found


def copy(gathered: Gathered, inbox: Path, advance: Callable[[float], None]) -> list[str]:
    """Copy into a voice's inbox folder. The recordings' names there (another than given where the name is in use
    already).

    `advance` is called with the bytes of each file. Raises ClientError when the inbox cannot be written; what was
    copied whole stays.
    """
    renamed: dict[str, str] = {}
    arrived = []
    for name, source in gathered.files:
        stem = name[: -len(PurePosixPath(name).suffix) or None]
        if stem not in renamed:
            taken = (
                inbox / other
                for other, _ in gathered.files
                if other.startswith(stem + ".") and PurePosixPath(other).name not in WHOLE
            )
            renamed[stem] = _free(inbox, stem) if any(path.exists() for path in taken) else stem
        target = inbox / name if PurePosixPath(name).name in WHOLE else inbox / (renamed[stem] + name[len(stem) :])
        _copy(source, target)
        advance(float(target.stat().st_size) if target.exists() else 0.0)  # a quick daemon may have taken it already
        if is_recording(name):
            arrived.append(target.relative_to(inbox).as_posix())
    return arrived


def _wanted(name: str) -> bool:
    return is_recording(name) or name.lower().endswith(TEXT) or name in WHOLE


def _sidecars(path: Path) -> list[Path]:
    return [beside for ending in TEXT if is_recording(path.name) and (beside := path.with_suffix(ending)).is_file()]


def _folder(folder: Path, found: Gathered) -> None:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith(".") or not _wanted(name):
                found.left_out.append(f"{path}: no recording, no transcript")
            elif not path.is_file():
                found.left_out.append(f"{path}: no readable file")
            else:
                found.files.append((path.relative_to(folder).as_posix(), path))


def _apart(files: Iterable[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Files of several folders may share a name: later ones get a number, a recording and its transcript the same."""
    given: dict[str, Path] = {}  # stem → folder that has it
    names: dict[tuple[str, Path], str] = {}
    result = []
    for name, path in files:
        if path.name in WHOLE:
            result.append((name, path))
            continue
        stem = name[: -len(PurePosixPath(name).suffix) or None]
        key = (stem, path.parent)
        if key not in names:
            chosen, number = stem, 2
            while given.get(chosen, path.parent) != path.parent:
                chosen, number = f"{stem}-{number}", number + 1
            names[key], given[chosen] = chosen, path.parent
        result.append((names[key] + name[len(stem) :], path))
    return result


def _free(inbox: Path, stem: str) -> str:
    number = 2
    folder = (inbox / stem).parent
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    while any(name.startswith(f"{PurePosixPath(stem).name}-{number}.") for name in there):
        number += 1
    return f"{stem}-{number}"


def _copy(source: Path, target: Path) -> None:
    hidden = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, hidden)
        hidden.replace(target)
    except OSError as error:
        hidden.unlink(missing_ok=True)
        raise _refused(error, target if error.filename is None else Path(os.fsdecode(error.filename))) from None


def _refused(error: OSError, path: Path) -> ClientError:
    if error.errno == errno.ENOSPC:
        return ClientError(
            f"The disk of {path.parent} is full.",
            "Free some space and add the rest again: what has arrived is kept.",
            "DISK_FULL",
        )
    return ClientError(
        f"{path}: {error.strerror or error}.",
        "Fix that and add the rest again: what has arrived is kept.",
        "FAILED_PRECONDITION",
    )
