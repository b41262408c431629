"""Backups of a Myna that trains, and damages planted in a home (`make bench-operations`).

    python -m benchmarks.operations_backup [--moments 20] [--seconds 160] [--parts moments,slow,planted]

- *moments*: a backup at a random step of a training, by a real mynad. Each is restored; the home must pass `myna check
  --deep` and train on to the weights that an undisturbed training has. Several at once: each has a home of its own.
  The engine is the embedded one on a tiny random base, whose steps take some 20 ms (`--engine toy`: one of the tests).
- *slow*: a training's steps in stretches with a backup after another of large recordings, and in stretches without, by
  turns (`backup_beside.py`). `--home` keeps its home: making it takes longer than measuring.
- *planted*: one damage after another in a copy of a home; what a deep check finds is held against it.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import backup_beside
from benchmarks.bars import tell
from daemon.state.status import ENDED
from daemon.upkeep import check
from daemon.upkeep.values import Kind
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tests.e2e.workshop import (
    ANNA,
    LONG,
    NAMES,
    ROOT,
    SETTINGS,
    TOY_LONG,
    TOY_VOICE,
    TOYS,
    VOICE,
    Workshop,
    ended,
    job_is,
    reach_step,
    until,
    weights,
)

#: seconds until a mynad serves, on a machine that others use too
PATIENCE = 180.0
#: seconds until a training has ended there, which takes some ten on a quiet one
LONGEST = 1_500.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--engine", choices=("glow", "toy"), default="glow", help="of the moments")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="of the moments")
    parser.add_argument("--seconds", type=float, default=160.0, help="of the stretches beside a training, all together")
    parser.add_argument("--home", type=Path, help="of the training beside which it is backed up; made there if need be")
    parser.add_argument("--parts", default="moments,slow,planted")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    parts, chance = asked.parts.split(","), random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        folder = Path(scratch)
        if "slow" in parts:
            backup_beside.slow(folder, asked.seconds, asked.home)
        if "moments" in parts:
            moments(folder, tiny(folder) if asked.engine == "glow" else TOY, chance, asked.moments, asked.at_once)
        if "planted" in parts:
            planted(folder, with_dataset(folder / "first"), chance)
    return 0


@dataclass(frozen=True)
class Trains:
    """What homes are of."""

    voice: str  #: its voice.toml
    asked: dict[str, Any]  #: of a training, as `Client.train` has it
    module: str  #: that Python runs as mynad
    base: Path = Path()  #: of the embedded engine

    def workshop(self, home: Path) -> Workshop:
        """Of a home, with the settings that it has."""
        told = home / "myna.toml"
        settings = told.read_text() if told.exists() else SETTINGS + "auto_train = false\n"
        return Workshop(home, self.base, settings, module=self.module, log=home.parent / f"{home.name}.out")


TOY = Trains(TOY_VOICE, TOY_LONG, TOYS)


def tiny(folder: Path) -> Trains:
    """The embedded engine on a tiny random base."""
    command = [sys.executable, "-m", "engines.glow.recipe.tiny_base", str(folder / "base")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Trains(VOICE, LONG, "daemon.main", folder / "base")


def with_dataset(home: Path, trains: Trains = TOY) -> Path:
    """A home in which a voice has a dataset, and nobody works."""
    made = trains.workshop(home)
    try:
        with made.up(PATIENCE) as client:
            made.drop(ANNA, NAMES, options=trains.voice)
            until(client, job_is(pb.DATASET, "succeeded"))
        made.down()
    finally:
        made.kill()
    return home


def copy_of(home: Path, to: Path, trains: Trains = TOY) -> Workshop:
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("*.sock"))
    return trains.workshop(to)


def backed_up(client: Client, disk: Path) -> pb.Snapshot:
    steps = list(client.backup(str(disk)))
    if not steps[-1].done.good:
        raise AssertionError(f"the backup found damage: {[step.finding for step in steps]}")
    return next(step.taken for step in steps if step.HasField("taken"))


# ------------------------------------------------------------------------------------------------------- 20 moments


@dataclass(frozen=True)
class Moment:
    """What came of a backup."""

    step: int  #: at which it was asked for
    goes_on: bool  #: the training was at work in the snapshot, and not over already
    findings: int  #: of a deep check of what was restored
    weights: str  #: digest of what the restored training came to


def moments(folder: Path, trains: Trains, chance: random.Random, count: int, at_once: int) -> None:
    first = with_dataset(folder / "before", trains)
    calm = trained(copy_of(first, folder / "calm", trains), trains)
    steps = [chance.randint(1, int(trains.asked["steps"] * 0.75)) for _ in range(count)]
    passed = same = within = 0
    with ThreadPoolExecutor(at_once) as pool:
        asked = [pool.submit(moment, folder, first, trains, number, step) for number, step in enumerate(steps)]
        for number, one in enumerate(asked, 1):
            try:
                found = one.result()
            except (AssertionError, ClientError, OSError, subprocess.CalledProcessError) as error:
                print(f"# moment {number}: {error}", flush=True)  # it counts as failed, and the others go on
                continue
            passed, same = passed + (not found.findings), same + (found.weights == calm)
            within += found.goes_on
            told = f"at step {found.step}, {'' if found.goes_on else 'not '}at work in the snapshot"
            told += f"; {found.findings} findings; weights {found.weights[:8]}"
            print(f"# moment {number}: {told}, of an undisturbed training {calm[:8]}", flush=True)
    tell("backups at random moments of a training that pass a check", f"{passed} of {count}", "all", passed == count)
    told = f"{same} of {count} ({within} were at work in their snapshot)"
    tell("… and train on to the same weights", told, "all", same == count)


def moment(folder: Path, first: Path, trains: Trains, number: int, step: int) -> Moment:
    """Train to a step, back up, kill mynad, restore, check, train on."""
    home, back, disk = (folder / f"{what}-{number}" for what in ("home", "back", "disk"))
    workshop = copy_of(first, home, trains)
    try:
        with workshop.up(PATIENCE) as client:
            job = client.train(ANNA, **trains.asked).id
            reached = reach_step(client, job, step)
            backed_up(client, disk)
    finally:
        workshop.kill()
    restored(disk, back)
    found, at_work = check.check(back, deep=True).findings, goes_on(back, job)
    digest = trained(trains.workshop(back), trains, job)
    for each in (home, back, disk):
        shutil.rmtree(each)
    return Moment(reached, at_work, len(found), digest)


def goes_on(home: Path, job: int) -> bool:
    """Whether a job has not ended, in a home where nobody works."""
    with closing(sqlite3.connect(home / "myna.db")) as connection:
        (state,) = connection.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
    return str(state) not in ENDED


def trained(workshop: Workshop, trains: Trains, job: int = 0) -> str:
    """Digest of version 1's weights when its training has ended: this job's, or a new one's."""
    try:
        with workshop.up(PATIENCE) as client:
            ended(client, job or client.train(ANNA, **trains.asked).id, patience=LONGEST)
        return weights(workshop.home, ANNA, 1)
    finally:
        workshop.kill()


def restored(disk: Path, home: Path) -> None:
    command = [sys.executable, "-m", "tui.cli", "restore", str(disk), "--to", str(home)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


# --------------------------------------------------------------------------------------------------- planted damage


def flip(path: Path, chance: random.Random) -> None:
    told, content = path.stat(), bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))  # a disk that rots tells nobody


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def other(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(path.stat().st_size))


def gone(path: Path, chance: random.Random) -> None:
    path.unlink()


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "flipped bit": flip, "truncated": cut, "other content": other, "missing": gone,
}  # fmt: skip
#: files that rows, names, sums or notes tell of; what is gone of the last three is made again and not missed
PLACES = {
    "recordings/*/*.flac": True, "clips/*/*.flac": True, "voices/*/*/*.safetensors": True,
    "voices/*/*/version.json": True,
    "runs/*/checkpoints/*/*.safetensors": True, "samples/*/*/*.wav": False, "features/*/*.safetensors": False,
}  # fmt: skip


def planted(folder: Path, first: Path, chance: random.Random) -> None:
    home = furnished(copy_of(first, folder / "furnished"))
    invented = len(check.check(home, deep=True).findings)
    tried = found = 0
    for pattern, missed in PLACES.items():
        there = [path for path in sorted(home.glob(pattern)) if "samples" not in pattern or noted(path)]
        if not there:
            print(f"# nothing to damage: {pattern}", flush=True)
            continue
        for name, damage in DAMAGES.items():
            if name == "missing" and not missed:
                continue
            place = chance.choice(there)
            path = str(place.relative_to(home))
            before, told = place.read_bytes(), place.stat()
            damage(place, chance)
            seen = {one.path for one in check.check(home, deep=True).findings}
            tried, found, invented = tried + 1, found + (path in seen), invented + len(seen - {path})
            if seen != {path}:
                print(f"# {name} of {path}: found {sorted(seen)}", flush=True)
            place.write_bytes(before)
            os.utime(place, ns=(told.st_atime_ns, told.st_mtime_ns))
    orphans, pages = orphan(home), page(home, chance)
    tried, found = tried + 2, found + orphans + pages
    tell("planted damages that a deep check finds", f"{found} of {tried}", "all", found == tried)
    tell("findings where nothing was damaged", str(invented), "none", invented == 0)


def furnished(workshop: Workshop) -> Path:
    """A home with a scored version, and a training that was stopped midway."""
    try:
        with workshop.up(PATIENCE) as client:
            ended(client, client.train(ANNA, **{**TOY_LONG, "steps": 300}).id)
            until(client, job_is(pb.EVALUATE, "succeeded"))
            job = client.train(ANNA, **{**TOY_LONG, "seed": 12}).id
            reach_step(client, job, 300)
        workshop.down()
    finally:
        workshop.kill()
    return workshop.home


def noted(wav: Path) -> bool:
    """Whether a note beside it tells its hash: recordings of lines are decoded anew from their clips."""
    return wav.with_suffix(".json").is_file()


def orphan(home: Path) -> bool:
    path = home / "clips" / "ab" / f"ab{'0' * 62}.flac"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nobody's")
    seen = {(one.kind, one.path) for one in check.check(home).findings}
    path.unlink()
    return seen == {(Kind.ORPHAN, str(path.relative_to(home)))}


def page(home: Path, chance: random.Random) -> bool:
    """A page of a table that has rows."""
    with sqlite3.connect(home / "myna.db") as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'clips'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray((home / "myna.db").read_bytes())
    content[(root - 1) * size : root * size] = chance.randbytes(size)
    (home / "myna.db").write_bytes(content)
    found = check.check(home, deep=True).findings
    return bool(found) and all(one.kind is Kind.DATABASE for one in found)


if __name__ == "__main__":
    raise SystemExit(main())
