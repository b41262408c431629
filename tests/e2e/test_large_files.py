"""kill -9 in the middle of copying large recordings: each is in the inbox or has its row, none is doubled, nothing
half-copied stays."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import wave
from collections import Counter
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, state_of
from tests.e2e.test_chaos import VICTIMS, kill, wait_a_moment
from tests.e2e.workshop import ANNA, SETTINGS, Workshop, bounded

MB = 1 << 20
#: nothing is cut: that takes longer than all of the copying
ONLY_TAKEN = SETTINGS.replace("auto_train_quiet = 0.5", "auto_train_quiet = 86000.0") + "auto_train = false\n"
#: seconds for all of it, kills and all
PATIENCE = 600.0


@pytest.mark.parametrize(
    ("count", "smallest", "largest", "kills", "hits_at_least"),
    [
        # so few are taken soon: a victim may have ended by itself
        pytest.param(8, 4 * MB, 8 * MB, 4, 1, marks=pytest.mark.long),
        pytest.param(40, 30 * MB, 60 * MB, 24, 3, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_large_files_are_taken_once_whatever_dies_while_they_are_copied(
    tmp_path: Path, count: int, smallest: int, largest: int, kills: int, hits_at_least: int
) -> None:
    chance = random.Random(5)
    workshop = Workshop(tmp_path / "home", tmp_path / "no base", ONLY_TAKEN)
    inbox = workshop.home / "inbox" / ANNA
    inbox.mkdir(parents=True)
    given = {noise(chance, inbox / f"{number}.wav", chance.randint(smallest, largest)) for number in range(count)}
    whole = sum(path.stat().st_size for path in inbox.iterdir())
    client = workshop.up()
    try:
        hits = Counter[str]()
        for number in range(kills):
            if not copying(workshop, client, chance.random() * whole / kills * (number + 1)):
                break  # all are taken
            # a job whose worker died twice without taking one has one life left, which is not to be taken
            victim = "daemon" if crashes(workshop.home) >= 2 else chance.choice(VICTIMS)
            hits[victim] += kill(workshop, victim)
            assert accounted(workshop.home) >= given, f"lost after {dict(hits)}"
            if victim == "daemon":
                client.close()
                client = workshop.up()
        assert hits.total() >= hits_at_least, dict(hits)
        drop_again(inbox)
        for _ in bounded(client.watch(0), PATIENCE):
            if taken(workshop.home).keys() >= given:
                break
        kept = taken(workshop.home)
        assert kept.keys() == given
        for sha256, path in kept.items():
            assert digest(workshop.home / path) == sha256
        stored = [path.stem for path in (workshop.home / "recordings").glob("??/*.wav")]
        assert sorted(stored) == sorted(given), "a file is doubled, or lies there without a row"

        workshop.kill()
        client = workshop.up()
        assert at_rest(workshop, lambda: not list((workshop.home / "recordings").glob(".incoming/*"))), (
            "half-made copies stay"
        )
        assert at_rest(workshop, lambda: not list(inbox.glob("*.wav")))

        def unfinished() -> list[str]:
            return [state for job in client.jobs(kinds=[pb.INGEST]) if (state := state_of(job)) != "succeeded"]

        at_rest(workshop, lambda: not unfinished())
        assert unfinished() == []
    finally:
        workshop.kill()


def noise(chance: random.Random, path: Path, size: int) -> str:
    """A recording of that many bytes; its hash."""
    block = bytearray(chance.randbytes(MB))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        for _ in range(size // MB):
            block[:8] = chance.randbytes(8)
            file.writeframesraw(block)
    return digest(path)


def copying(workshop: Workshop, client: Client, wanted: float) -> bool:
    """Wait until a job has copied about that many bytes; False if all files are taken before."""
    inbox, recordings = workshop.home / "inbox" / ANNA, workshop.home / "recordings"
    for _ in range(int(PATIENCE / 0.02)):
        if not list(inbox.glob("*.wav")):
            return False
        copied = sum(size(path) for path in (*recordings.glob(".incoming/*/*"), *recordings.glob("??/*.wav")))
        if copied >= wanted and any(True for _ in client.jobs(kinds=[pb.INGEST], states=("running",))):
            return True
        wait_a_moment(workshop, 0.02)
    raise AssertionError(f"not {wanted / MB:.0f} MB were copied within {PATIENCE:.0f} s")


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def crashes(home: Path) -> int:
    """The most crashes in a row of a live job."""
    with sqlite3.connect(home / "myna.db") as db:
        (most,) = db.execute("SELECT max(crashes) FROM jobs WHERE state IN ('queued', 'running')").fetchone()
    return int(most or 0)


def taken(home: Path) -> dict[str, str]:
    """Where each recording that has a row lies, by its hash."""
    with sqlite3.connect(home / "myna.db") as db:
        rows = db.execute("SELECT sha256, path FROM recordings").fetchall()
    assert len(rows) == len(dict(rows)), "a row is doubled"
    return dict(rows)


def drop_again(inbox: Path) -> None:
    """What was refused because worker after worker died of it, so it seemed, is whole: whoever killed them drops it
    again."""
    for path in inbox.glob(".refused/*.wav"):
        path.rename(inbox / path.name)


def accounted(home: Path) -> set[str]:
    """Hashes of what lies in the inbox, refused or not, and then of what has a row: a file is on its way from the one
    to the other."""
    lying = set()
    for path in (home / "inbox" / ANNA).rglob("*.wav"):
        try:
            lying.add(digest(path))
        except FileNotFoundError:
            continue
    return lying | taken(home).keys()


def at_rest(workshop: Workshop, done: object) -> bool:
    """Whether it is so within half a minute."""
    assert callable(done)
    for _ in range(600):
        if done():
            return True
        wait_a_moment(workshop, 0.05)
    return False


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
