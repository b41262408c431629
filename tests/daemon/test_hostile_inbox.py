"""Over a hundred hostile entries, drawn from a seed, beside a good voice: it is served at once, nothing outside the
inbox is touched, and each entry ends refused with a reason, taken, or told of."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from deep_folders import nest
from inbox_workshop import Workshop, write_wav

from daemon.database.store import Store

pytestmark = pytest.mark.integration

Make = Callable[[Path, random.Random], None]

BOMBS = (
    "[" * 40_000,
    "{a=" * 4_000,
    ".".join("a" * 7_000) + "=1",
    'x = """' + '\\"""' * 2_000,
    "a = " + "9" * 9_000,
    "a=1\n" * 3,
)
LISTS = ("|" * 100_000, "a|b\n" * 200_001, "\n" * 300_000, "a|" + "b" * 70_000, "../../outside/a|x\n", "x|y\n" * 9)


def link(path: Path, dice: random.Random) -> None:
    outside = next(parent for parent in path.parents if (parent / "outside").is_dir()) / "outside"
    path.symlink_to(
        dice.choice([outside, outside / "a.wav", outside / "new.wav", Path("nowhere"), Path(), path, Path("/dev/zero")])
    )


def fifo(path: Path, dice: random.Random) -> None:
    os.mkfifo(path)


def unix_socket(path: Path, dice: random.Random) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        descriptor = os.open(path.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{descriptor}/s")  # socket paths are short
        os.rename("s", path.name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.close(descriptor)


def hole(path: Path, dice: random.Random) -> None:
    path.write_bytes(b"")
    os.truncate(path, 1 << dice.randrange(20, 42))


def nested(path: Path, dice: random.Random) -> None:
    nest(path, dice.choice([3, 40, 300]))


def toml(path: Path, dice: random.Random) -> None:
    path.write_text(dice.choice(BOMBS))


def csv(path: Path, dice: random.Random) -> None:
    path.write_text(
        dice.choice(
            ["|" * 100_000, "a|b\n" * 200_001, "\n" * 300_000, "a|" + "b" * 70_000, "../../outside/a|x\n", "x|y\n" * 9]
        )
    )


def noise(path: Path, dice: random.Random) -> None:
    path.write_bytes(dice.randbytes(dice.choice([0, 1, 100, 70_000])))


def closed(path: Path, dice: random.Random) -> None:
    path.write_text("x")
    path.chmod(0)


def turning(path: Path, dice: random.Random) -> None:
    """Looks like a file that comes; `turn` makes a folder of it."""
    path.write_text("x")


def long_line(path: Path, dice: random.Random) -> None:
    path.write_text("word " * dice.choice([10, 150_000, 250_000]))


MAKERS: tuple[Make, ...] = (link, link, fifo, unix_socket, hole, nested, toml, csv, noise, closed, turning, long_line)
NAMES = (
    b"x.wav",
    b"x",
    b"x.txt",
    b"x.LAB",
    b"metadata.csv",
    b"voice.toml",
    b"x.wav.why.txt",
    b"x.myna.tar.zst",
    b"\xff\xfe.wav",
    b"a\nb.wav",
)


def fill(folder: Path, count: int, dice: random.Random, *, own: bool) -> list[Path]:
    """Make so many hostile entries: each in a folder of its `own`, or side by side under names of their own."""
    made: list[Path] = []
    for number in range(count):
        name = b"%03d" % number + (b"/" if own else b"-") + dice.choice(NAMES)
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        dice.choice(MAKERS)(path, dice)
        made.append(path)
    return made


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file of a tree with its mode, time and content."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        facts = path.lstat()
        found[str(path)] = (facts.st_mode, facts.st_mtime_ns, path.read_bytes() if stat.S_ISREG(facts.st_mode) else b"")
    return found


def turn(paths: list[Path]) -> None:
    for path in paths:
        if path.is_file() and not path.is_symlink() and path.stat().st_size == 1 and path.stat().st_mode & 0o400:
            path.unlink()
            path.mkdir()
            (path / "inside.wav").write_text("x")


async def later(workshop: Workshop, seconds: float) -> None:
    """Time passes, with a few looks, and what is due is done."""
    await workshop.wait(seconds, step=seconds / 4)
    await workshop.work()
    await workshop.wait(1.0)
    await workshop.work()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_hostile_entries_stop_nobody_touch_nothing_and_are_all_told_of(store: Store, seed: int) -> None:
    async def scenario() -> None:
        dice = random.Random(seed)
        workshop = Workshop(store, store.path.parent)
        outside = workshop.home / "outside"
        write_wav(outside / "a.wav", pitch=500)
        (outside / "why.txt").write_text("mine")
        before = snapshot(outside)
        inbox = workshop.anna.parent
        trap = seed  # what `.refused` of the hostile voice is
        if trap == 1:
            (workshop.anna / ".refused").symlink_to(outside)
        elif trap == 2:
            (workshop.anna / ".refused").mkdir()
            for name in ("x.wav.why.txt", "x.wav", "voice.toml.why.txt"):
                (workshop.anna / ".refused" / name).symlink_to(outside / "why.txt")
        made = fill(workshop.anna, 100, dice, own=True) + fill(inbox, 40, dice, own=False)
        nested(inbox / "!!!", dice)
        (workshop.anna / "voice.toml").write_text(BOMBS[seed])
        fill(inbox / "Anna B", 10, dice, own=True)
        write_wav(inbox / "bea" / "b.wav", pitch=300)
        await workshop.wait(3.0)
        assert [job.id for job in workshop.jobs() if job.voice == "bea"], (
            "the good voice's job is there in the usual time"
        )
        turn(made)
        for _ in range(5):
            await later(workshop, 20.0)
        assert [row.name for row in workshop.recordings("bea")] == ["b.wav"]
        if trap == 1:
            assert any(".refused" in sentence for sentence in workshop.notices())
            (workshop.anna / ".refused").unlink()
        for _ in range(10):
            await later(workshop, 100.0)
        assert snapshot(outside) == before, "nothing outside of the inbox is touched"
        assert "voice.toml" in (workshop.anna / ".refused" / "voice.toml.why.txt").read_text()
        reasons(workshop, inbox)
        accounted(workshop, inbox)
        assert not any("could not scan" in sentence for sentence in workshop.notices()), "no error that nobody foresaw"

    asyncio.run(scenario())
    shutil.rmtree(store.path.parent / "inbox", ignore_errors=True)


def reasons(workshop: Workshop, inbox: Path) -> None:
    """Whatever is refused has a reason, and each reason has a file, but for that of a voice.toml which stays."""
    for refused in (inbox / ".refused", workshop.anna / ".refused", inbox / "anna-b" / ".refused"):
        names = set(os.listdir(os.fsencode(refused))) if refused.is_dir() else set()
        whys = {name for name in names if name.endswith(b".why.txt") and name[:-8] in names}
        bare = {name for name in names - whys if name + b".why.txt" not in names}
        assert all(
            os.path.islink(os.path.join(os.fsencode(refused), name)) or name == b"voice.toml.why.txt" for name in bare
        ), bare


def accounted(workshop: Workshop, inbox: Path) -> None:
    """What still lies in the inbox is shown with why, or a sentence was told of it."""
    shown = {(event.voice, event.name): event.why for event in workshop.inbox.present()}
    told = " ".join(workshop.notices()) + " ".join(event.name for event in workshop.told("refused"))
    for voice in ("anna", "anna-b"):
        for name in workshop.left(inbox / voice):
            assert shown.get((voice, name)) or os.path.basename(name) in told, (voice, name)
    loose = [path.name for path in inbox.iterdir() if not path.is_dir() and path.name not in told]
    assert not loose
