"""Hundreds of hostile entries dropped over many voices beside good recordings: is anything lost, does mynad live, does
it still answer?

Lost are good recordings that were not taken, and hostile entries that are neither in the inbox, nor in `.refused` with
a reason, nor among the recordings. The good voices' time is set beside that of the same recordings in a quiet inbox.

    python -m benchmarks.hostile_inbox [--entries 320] [--seed 1] [--without toml,900] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.made import hostile_audio, hostile_entries
from benchmarks.made.siege import Outcome, Watch, joined, note, tracebacks
from proto import myna_pb2 as pb
from proto.client import Client
from tests.e2e.workshop import Workshop

SETTINGS = "settle = 0.5\nauto_train = false\nauto_train_quiet = 86000.0\nmin_free_disk = 0\nthreads = 1\n"
#: voices that nothing hostile is dropped for, two whose folders are shared with what is, and recordings of each
ALONE, SHARED, EACH = ("good-1", "good-2", "good-3"), ("anna", "bert"), 12
#: seconds that the inbox must be at rest to be over, and that it gets to come to rest
QUIET, PATIENCE = 8.0, 600.0


@dataclass(frozen=True)
class Course:
    """What came of one inbox."""

    seconds: float  #: until all good recordings of the voices that are alone were taken (or nothing more happened)
    untaken: int  #: good recordings that were not taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=320)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--without", default="", help="leave out kinds that have one of these words in their name, parted by commas"
    )
    parser.add_argument("--keep", type=Path, help="folder for the homes, which stay")
    asked = parser.parse_args()
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        folder = asked.keep or Path(scratch)
        calm = undisturbed(Workshop(folder / "calm", Path("unused"), SETTINGS))
        besieged(Workshop(folder / "home", Path("unused"), SETTINGS), asked, calm)
    return 0


def undisturbed(workshop: Workshop) -> Course:
    """The good recordings alone."""
    client = workshop.up()
    try:
        course = watched(workshop, client, drop_good(workshop.home), hostile=False)
        note(f"undisturbed: good voices taken in {course.seconds:.1f} s, {course.untaken} not taken")
        return course
    finally:
        client.close()
        workshop.kill()


def besieged(workshop: Workshop, asked: argparse.Namespace, calm: Course) -> None:
    """The good recordings in the middle of the hostile ones."""
    without = [word for word in asked.without.split(",") if word]
    client = workshop.up()
    try:
        with (
            Watch(workshop.home) as watch,
            hostile_entries.restless(workshop.home / "inbox", 8, asked.seed) as changing,
        ):
            dropped = hostile_entries.drop(workshop.home / "inbox", asked.entries - 8, asked.seed, without)
            note(f"{len(dropped) + 8} hostile entries are dropped")
            course = watched(workshop, client, drop_good(workshop.home), hostile=True)
        with Watch(workshop.home) as after:  # those that changed have come to rest
            settle(workshop, client)
        dropped += changing
        alive = workshop.daemon is not None and workshop.daemon.poll() is None
        counts, lost = hostile_entries.fates(workshop.home, dropped)
        for entry in lost[:20]:
            note(f"lost: {entry.kind}: {os.fsdecode(entry.path)!r}")
        died = workers_died(workshop.home)
        found = joined((watch.finding, after.finding))
        fates = ", ".join(f"{count} {fate}" for fate, count in counts.items())
        delay = f"good voices {course.seconds:.0f} s, undisturbed {calm.seconds:.0f} s"
        traces = tracebacks(workshop.home)
        Outcome(
            "hostile entries in the inbox", len(dropped), 300, len(lost) + course.untaken, int(not alive), found,
            f"{fates}; {delay}; {died} workers died, {traces} tracebacks", faults=traces,
        ).tell()  # fmt: skip
    finally:
        client.close()
        workshop.kill()
        open_again(workshop.home)


def drop_good(home: Path) -> dict[str, tuple[str, str]]:
    """Good recordings for every good voice; (voice, name) by hash."""
    given = {}
    chance = random.Random(7)
    for voice in (*ALONE, *SHARED):
        folder = home / "inbox" / voice
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(EACH):
            data, _ = hostile_audio.whole(chance, 0)
            (folder / f"good{number}.wav").write_bytes(data)
            given[hashlib.sha256(data).hexdigest()] = (voice, f"good{number}.wav")
    return given


def watched(workshop: Workshop, client: Client, given: dict[str, tuple[str, str]], *, hostile: bool) -> Course:
    """Wait until all is dealt with."""
    began = time.monotonic()
    alone = {sha256 for sha256, (voice, _) in given.items() if voice in ALONE}
    reached = 0.0
    quiet = began
    memory = 0
    while time.monotonic() - began < PATIENCE and time.monotonic() - quiet < (QUIET if hostile else 1.0):
        there = taken(workshop.home)
        if not reached and there >= alone:
            reached = time.monotonic() - began
        if busy(client, but=hostile_entries.RESTLESS) or (not hostile and not there >= given.keys()):
            quiet = time.monotonic()
        memory = max(memory, resident(workshop))
        time.sleep(0.2)
    missing = given.keys() - taken(workshop.home)
    for sha256 in sorted(missing)[:10]:
        note(f"not taken: {'/'.join(given[sha256])}")
    note(f"largest worker {memory / 1e6:.0f} MB; {time.monotonic() - began:.0f} s in all")
    return Course(reached or time.monotonic() - began, len(missing))


def settle(workshop: Workshop, client: Client) -> None:
    """Wait until nothing moves any more."""
    began = quiet = time.monotonic()
    while time.monotonic() - began < PATIENCE and time.monotonic() - quiet < QUIET:
        if busy(client):
            quiet = time.monotonic()
        time.sleep(0.2)


def busy(client: Client, but: str = "") -> bool:
    """A job takes files, or something settles, of another voice than `but`. What stays where it is does not count."""
    if any(job.voice != but for job in client.jobs(states=("queued", "running"), kinds=[pb.INGEST])):
        return True
    return any(event.voice != but and event.why.startswith("unchanged for") for event in client.info().inbox)


def taken(home: Path) -> set[str]:
    """Hashes of the recordings that have a row."""
    with sqlite3.connect(f"file:{home}/myna.db?mode=ro", uri=True) as db:
        return {sha256 for (sha256,) in db.execute("SELECT sha256 FROM recordings")}


def workers_died(home: Path) -> int:
    """Attempts that ended by the death of their worker."""
    return sum(path.read_text(errors="replace").count("the worker of ") for path in (home / "log").glob("mynad.log*"))


def resident(workshop: Workshop) -> int:
    """Bytes of the largest worker at this moment."""
    worker = workshop.worker()
    try:
        return int(worker.memory_info().rss) if worker is not None else 0
    except psutil.Error:
        return 0


def open_again(home: Path) -> None:
    """What was closed to all is opened, so that the folder can be removed."""
    for folder, _, _, at in os.fwalk(home):
        del folder
        os.fchmod(at, 0o700)


if __name__ == "__main__":
    raise SystemExit(main())
