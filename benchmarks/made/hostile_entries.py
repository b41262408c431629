"""An inbox as nobody should leave one: entries of every kind, dropped over many voices from a seed, and what became of
each afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import socket
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.made import hostile_audio as audio

#: names of voices' folders: some are what they should be, some come near to it, some are hopeless
VOICES = (
    b"anna",
    b"bert",
    b"chloe",
    b"dora",
    b"New Voice",
    b"UPPER",
    "Zoë".encode(),
    b"\xff\xfe",
    b"new\nline",
    b"v" * 200,
    b"!!!",
    b"..x",
)
NAMES = (
    b"two\nlines", b"bytes\xff\xfe", b"bell\x07", b"-rf", b" ", b"\xe2\x80\xaeright", b"quote'\"", b"back\\slash",
    b"x" * 240, b"a.wav.why", b"%s%n", b"$(reboot)", b"metadata.csv.", b"CON", b"a..b", b"\xc3\x28",
)  # fmt: skip
#: the voice whose files do not come to rest
RESTLESS = "restless"
ENDINGS = (b".wav", b".flac", b".mp3", b".ogg", b"", b".WAV", b".m4a", b".xyz", b".wav.wav")


@dataclass(frozen=True)
class Dropped:
    """An entry that was dropped."""

    kind: str
    path: bytes
    inode: int
    sha256: str  #: of a file's content; empty for what is no file


def drop(inbox: Path, count: int, seed: int, without: Sequence[str] = ()) -> list[Dropped]:
    """Drop `count` entries: every kind in turn (but those with such a word in their name), under names that chance
    gives them."""
    chance = random.Random(seed)
    every = (*audio.STRANGE.items(), *SPECIAL.items(), *audio.DAMAGED.items())
    kinds = [(kind, make) for kind, make in every if not any(word in kind for word in without)]
    order = [kinds[number % len(kinds)] for number in range(count - len(FIXED) * 2)]
    root = os.fsencode(inbox)
    made: list[Dropped] = []
    for number, (kind, make) in enumerate(order):
        folder = os.path.join(root, chance.choice(VOICES), *([b"sub"] * chance.choice((0, 0, 1, 3))))
        os.makedirs(folder, exist_ok=True)
        name = chance.choice(NAMES) + b"%d" % number if chance.random() < 0.4 else b"h%d" % number
        made.append(_made(kind, make, chance, os.path.join(folder, name + chance.choice(ENDINGS))))
    for round_ in range(2):
        for kind, (name, make) in FIXED.items():
            if any(word in kind for word in without):
                continue
            folder = os.path.join(root, b"fixed-%d-" % round_ + kind.lower().strip(".").replace(" ", "-").encode())
            os.makedirs(folder, exist_ok=True)
            make(chance, os.path.join(folder, name))
            audio.good(chance, os.path.join(folder, b"beside.wav"))
            made += [
                _entry(f"{kind}: {os.fsdecode(found)}", os.path.join(folder, found))
                for found in sorted(os.listdir(folder))
            ]
    return made


def _made(kind: str, make: audio.Maker, chance: random.Random, path: bytes) -> Dropped:
    make(chance, path)
    return _entry(kind, path)


def _entry(kind: str, path: bytes) -> Dropped:
    found = os.lstat(path)
    return Dropped(kind, path, found.st_ino, _digest(path) if stat.S_ISREG(found.st_mode) else "")


def _digest(path: bytes) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------------------- what is no file, and what is no recording


def _link(target: bytes) -> audio.Maker:
    return lambda chance, path: os.symlink(target, path)


def _fifo(chance: random.Random, path: bytes) -> None:
    os.mkfifo(path)


def _socket(chance: random.Random, path: bytes) -> None:
    before = os.getcwd()
    os.chdir(os.path.dirname(path))  # socket paths are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.basename(path)[-90:])
        os.rename(os.path.basename(path)[-90:], path)
    finally:
        os.chdir(before)


def _device(chance: random.Random, path: bytes) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:  # nobody but root makes devices
        os.mkfifo(path)


def _folders(depth: int, name: bytes) -> audio.Maker:
    """Folders in folders, with a recording at the bottom; deeper than a path may be long, if the name is."""

    def make(chance: random.Random, path: bytes) -> None:
        os.mkdir(path)
        at = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for _ in range(depth):
                os.mkdir(name, dir_fd=at)
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = below
            with open(os.open(b"deep.wav", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at), "wb") as file:
                file.write(audio.whole(chance, 0)[0])
        finally:
            os.close(at)

    return make


def _wide(chance: random.Random, path: bytes) -> None:
    """A folder of two hundred empty files."""
    os.mkdir(path)
    for number in range(200):
        audio.empty(chance, os.path.join(path, b"%d.wav" % number))


def _unreadable(chance: random.Random, path: bytes) -> None:
    audio.good(chance, path)
    os.chmod(path, 0)


def _closed(chance: random.Random, path: bytes) -> None:
    os.mkdir(path)
    audio.good(chance, os.path.join(path, b"in.wav"))
    os.chmod(path, 0)


def _ancient(chance: random.Random, path: bytes) -> None:
    audio.good(chance, path)
    os.utime(path, (-1e9, -1e9))


def _future(chance: random.Random, path: bytes) -> None:
    audio.good(chance, path)
    os.utime(path, (1e10, 1e10))


def _twin(chance: random.Random, path: bytes) -> None:
    """Two names, one file."""
    audio.good(chance, path)
    os.link(path, os.path.join(os.path.dirname(path), b"twin-%d.wav" % chance.randrange(1 << 30)))


SPECIAL: dict[str, audio.Maker] = {
    "dangling link": _link(b"nowhere"), "link to a file": _link(b"/etc/passwd"),
    "link to a device": _link(b"/dev/zero"), "link to itself": lambda chance, path: os.symlink(os.path.basename(path),
    path), "link upwards": _link(b".."), "link of bytes": _link(b"\xff\n"), "fifo": _fifo, "socket": _socket,
    "device": _device, "wide folder": _wide, "900 folders": _folders(900, b"d"), "path too long": _folders(60,
    b"n" * 90), "unreadable": _unreadable, "closed folder": _closed, "ancient": _ancient, "from the future": _future,
    "twin": _twin,
}  # fmt: skip


def _bytes(make: Callable[[random.Random], bytes]) -> audio.Maker:
    return lambda chance, path: audio.write(path, make(chance))


def _refused_file(chance: random.Random, path: bytes) -> None:
    audio.write(path, b"in the way")
    audio.noise(chance, os.path.join(os.path.dirname(path), b"noise.wav"))


def _refused_link(chance: random.Random, path: bytes) -> None:
    os.symlink(b"/tmp", path)
    audio.noise(chance, os.path.join(os.path.dirname(path), b"noise.wav"))


def _refused_closed(chance: random.Random, path: bytes) -> None:
    os.mkdir(path, 0o500)
    audio.noise(chance, os.path.join(os.path.dirname(path), b"noise.wav"))


#: what does harm under one name only
FIXED: dict[str, tuple[bytes, audio.Maker]] = {
    "toml of dots": (b"voice.toml", _bytes(lambda chance: b".".join([b"a"] * 20_000) + b" = 1\n")),
    "toml of brackets": (b"voice.toml", _bytes(lambda chance: b"a = " + b"[" * 40_000)),
    "toml of tables": (
        b"voice.toml",
        _bytes(lambda chance: b"".join(b"[a%d]\nb = {c = {d = {}}}\n" % n for n in range(30_000))),
    ),
    "toml of 8 MB": (b"voice.toml", _bytes(lambda chance: b"# " + b"x" * (8 << 20))),
    "toml of bytes": (b"voice.toml", _bytes(lambda chance: chance.randbytes(10_000))),
    "toml of odd values": (
        b"voice.toml",
        _bytes(lambda chance: b"language = 1e400\n[train]\nsteps = -9223372036854775808\n"),
    ),
    "toml fifo": (b"voice.toml", _fifo),
    "toml link": (b"voice.toml", _link(b"/dev/zero")),
    "toml folder": (b"voice.toml", lambda chance, path: os.mkdir(path)),
    "csv of bars": (b"metadata.csv", _bytes(lambda chance: b"|" * 900_000)),
    "csv of lines": (
        b"metadata.csv",
        _bytes(lambda chance: b"".join(b"r%d|text %d\n" % (n, n) for n in range(40_000))),
    ),
    "csv of quotes": (b"metadata.csv", _bytes(lambda chance: b'"' * 500_000)),
    "csv that climbs": (
        b"metadata.csv",
        _bytes(lambda chance: b"../../../etc/passwd|text\n/etc/shadow|text\n\\\\x\\y|text\n"),
    ),
    "csv of one name": (b"metadata.csv", _bytes(lambda chance: b"beside|one\nbeside|two\n" * 10_000)),
    "csv of nothing": (b"metadata.csv", _bytes(lambda chance: b"\0" * 100_000)),
    "csv fifo": (b"metadata.csv", _fifo),
    "text bomb": (b"beside.txt", _bytes(lambda chance: ("\u0301" * 400_000).encode())),
    "text fifo": (b"beside.txt", _fifo),
    "text of UTF-16": (b"beside.txt", _bytes(lambda chance: b"\xff\xfe" + b"\x00\xd8" * 10_000)),
    "package": (b"x.myna.tar.zst", _bytes(lambda chance: b"\x28\xb5\x2f\xfd" + chance.randbytes(1_000))),
    "unfinished": (b"a.wav.part", audio.good),
    ".refused is a file": (b".refused", _refused_file),
    ".refused is a link": (b".refused", _refused_link),
    ".refused is closed": (b".refused", _refused_closed),
}


# ----------------------------------------------------------------------------------------------------- while it goes on


@contextlib.contextmanager
def restless(inbox: Path, count: int, seed: int) -> Iterator[list[Dropped]]:
    """Files that grow, shrink and are replaced for as long as the block lasts; what they were at its end is in the list
    then."""
    chance, over = random.Random(seed), threading.Event()
    paths = []
    for number in range(count):
        folder = os.path.join(os.fsencode(inbox), RESTLESS.encode())
        os.makedirs(folder, exist_ok=True)
        paths.append(os.path.join(folder, b"r%d.wav" % number))
        audio.good(chance, paths[-1])

    def disturb() -> None:
        while not over.wait(0.03):
            path = chance.choice(paths)
            with contextlib.suppress(OSError):
                match chance.randrange(4):
                    case 0:
                        with open(path, "r+b") as file:
                            file.truncate(chance.randrange(40_000))
                    case 1:
                        with open(path, "r+b") as file:
                            file.write(chance.randbytes(10_000))
                    case 2:
                        audio.good(chance, path + b".new")
                        os.replace(path + b".new", path)
                    case 3:
                        os.rename(path, path + b"~")
                        os.rename(path + b"~", path)

    thread = threading.Thread(target=disturb)
    thread.start()
    left: list[Dropped] = []
    try:
        yield left
    finally:
        over.set()
        thread.join()
        left += [_entry("changing", path) for path in paths if os.path.lexists(path)]


# -------------------------------------------------------------------------------------------------- what became of them


def fates(home: Path, dropped: list[Dropped]) -> tuple[Counter[str], list[Dropped]]:
    """(how many were taken, refused, left, …; those that are nowhere, or refused without a reason)."""
    places, kept = _places(home / "inbox"), {path.stem for path in (home / "recordings").rglob("*") if path.is_file()}
    counts, lost = Counter[str](), []
    for entry in dropped:
        place = places.get(entry.inode)
        if entry.sha256 in kept:
            counts["taken"] += 1
        elif place is None or (
            entry.sha256 and _digest(place) != entry.sha256
        ):  # the number of a file that is gone is given away anew
            lost.append(entry)
        elif b"/.refused/" in place:
            refused, _, rest = place.rpartition(b"/.refused/")
            reasoned = os.path.lexists(os.path.join(refused, b".refused", rest.split(b"/")[0] + b".why.txt"))
            counts["refused"] += reasoned
            if not reasoned:
                lost.append(entry)
        else:
            counts["left where it was"] += 1
    return counts, lost


def _places(inbox: Path) -> dict[int, bytes]:
    """Where each inode is now; to any depth."""
    found: dict[int, bytes] = {}
    waiting = [(os.open(inbox, os.O_RDONLY | os.O_DIRECTORY), b"/")]
    while waiting:
        at, path = waiting.pop()
        try:
            with os.scandir(at) as entries:
                names = [os.fsencode(entry.name) for entry in entries]
            for name in names:
                here = os.stat(name, dir_fd=at, follow_symlinks=False)
                place = os.path.join(path, name)
                if b"/.refused/" in found.get(here.st_ino, b"/.refused/"):  # of two names of one file, the better one
                    found[here.st_ino] = os.fsencode(inbox) + place
                if stat.S_ISDIR(here.st_mode):
                    with contextlib.suppress(PermissionError):
                        waiting.append((os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at), place))
        finally:
            os.close(at)
    return found
