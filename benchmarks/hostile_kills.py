"""kill -9 of the daemon, its launcher and its workers at random moments of every kind of job: is anything lost, doubled
or stuck?

The whole way of a voice is walked twice, once undisturbed, and the weights must be the same, bit for bit. An ingest of
many large files, a base fetched from a folder, exports and speech are killed on the way too. A job whose worker died
twice without getting anywhere is spared: the third time it fails, and rightly so.

    python -m benchmarks.hostile_kills [--share 1.0] [--seed 1] [--parts way,speech,engine,large]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.made import hostile_audio
from benchmarks.made.siege import Finding, Outcome, Watch, note, tracebacks
from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.test_chaos import VICTIMS, check, job_name, kill
from tests.e2e.workshop import ANNA, NAMES, ROOT, SETTINGS, Workshop, ended, job_is, until, weights

#: kills of each kind of job in a whole run, and the longest wait before one, seconds
KILLS: dict[str, tuple[int, float]] = {
    "ingest": (20, 0.3), "dataset": (16, 1.0), "train": (24, 1.5), "evaluate": (18, 1.5), "speak": (14, 1.0),
    "export": (12, 0.5), "fetch": (10, 0.1),
}  # fmt: skip
WANTED = 100
#: large recordings, and bytes of the largest
LARGE, BIG = 48, 60 << 20
STEPS = "[train]\nsteps = 60\ncheckpoint_every = 5\neval_every = 30\nbatch_size = 4\nseed = 7\n"
XTTS = 'engine = "xtts"\n[train]\nsteps = 2\nbatch_size = 2\neval_every = 2\nseed = 7\n'
TEXT = "The ferry leaves at noon, and nobody knew how deep the lake was. " * 4
#: seconds that a job may take to run again or to end
PATIENCE = 300.0


class Siege:
    """One workshop whose jobs are killed, and what was seen."""

    def __init__(self, workshop: Workshop, chance: random.Random, share: float) -> None:
        self.workshop = workshop
        self.chance = chance
        self.share = share
        self.hits: Counter[tuple[str, str]] = Counter()
        self.lost: list[str] = []
        self.client = workshop.up()

    def kill(self, kind: str, *victims: str) -> bool:
        """One of them dies; a daemon rises again."""
        victim = self.chance.choice(victims or VICTIMS)
        if not kill(self.workshop, victim):
            return False
        self.hits[(victim, kind)] += 1
        if victim == "daemon":
            self.client.close()
            self.client = self.workshop.up()
        return True

    def harry(self, kind: pb.JobKind.ValueType, voice: str) -> pb.Job:
        """Kill at random moments while a job of this kind, the voice's newest, is under way; then let it end. Returns
        it."""
        name = job_name(kind)
        count, longest = KILLS[name]
        job = self.newest(kind, voice)
        for _ in range(max(1, round(count * self.share))):
            if not self.reached(job, "running"):
                break
            time.sleep(self.chance.uniform(0.0, longest))
            if self.spared(job):
                self.kill(name, "daemon")
            else:
                self.kill(name)
        self.wait(lambda: state_of(self.client.job(job)) in ("succeeded", "failed", "cancelled"), f"{name} #{job} ends")
        return self.client.job(job)

    def newest(self, kind: pb.JobKind.ValueType, voice: str) -> int:
        """The newest job of a kind, as soon as there is one."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [job.id for job in self.client.jobs(kinds=[kind], voice=voice)]
            return bool(found)

        self.wait(look, f"a {job_name(kind)} job")
        return max(found)

    def reached(self, job: int, state: str) -> bool:
        """Wait until the job is in a state; False if it has ended."""
        self.wait(
            lambda: state_of(self.client.job(job)) in (state, "succeeded", "failed", "cancelled"),
            f"job #{job} is {state}",
        )
        return state_of(self.client.job(job)) == state

    def spared(self, job: int) -> bool:
        """Another death of its worker could be the third in a row."""
        with sqlite3.connect(f"file:{self.workshop.home}/myna.db?mode=ro", uri=True) as db:
            (crashes,) = db.execute("SELECT crashes FROM jobs WHERE id = ?", (job,)).fetchone()
        return int(crashes) >= 2

    def wait(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")
            time.sleep(0.05)

    def hold(self, good: bool, sentence: str) -> None:
        """Something that must be so."""
        if not good:
            note(f"lost: {sentence}")
            self.lost.append(sentence)

    def close(self) -> None:
        self.client.close()
        self.workshop.kill()


# ------------------------------------------------------------------------------------------------------------ the ways


def large_files(siege: Siege) -> None:
    """Many large recordings are taken; none is lost, none doubled, nothing half-copied stays."""
    home, chance = siege.workshop.home, random.Random(3)
    aside = home / "given"
    aside.mkdir()
    given = {}
    for number in range(LARGE):
        path = aside / f"{number}.wav"
        hostile_audio.noise_wav(chance, os.fsencode(path), BIG // 2 + chance.randrange(BIG // 2))
        with path.open("rb") as file:
            given[hashlib.file_digest(file, "sha256").hexdigest()] = path.name
    (home / "inbox" / "large").mkdir(parents=True)
    for path in aside.iterdir():
        path.rename(home / "inbox" / "large" / path.name)
    siege.harry(pb.INGEST, "large")
    # two workers died over it, by our hand: whoever did that drops it again
    for path in (home / "inbox" / "large").glob(".refused/*.wav"):
        note(f"refused after the deaths of its workers: {path.name}")
        path.rename(home / "inbox" / "large" / path.name)
    siege.wait(lambda: not list((home / "inbox" / "large").glob("*.wav")), "all large files are taken")
    siege.kill("ingest", "daemon")  # the next start clears away
    with sqlite3.connect(home / "myna.db") as db:
        kept = db.execute("SELECT sha256, path FROM recordings WHERE voice = 'large'").fetchall()
    siege.hold(
        sorted(sha for sha, _ in kept) == sorted(given), f"{len(kept)} of {len(given)} large recordings have a row"
    )
    for sha256, path in kept:
        with (home / path).open("rb") as file:
            siege.hold(hashlib.file_digest(file, "sha256").hexdigest() == sha256, f"{path} is not what its row says")
    siege.wait(lambda: not list((home / "recordings").glob(".incoming/*")), "half-made copies are cleared away")
    for job in siege.client.jobs(kinds=[pb.DATASET], voice="large", states=("queued", "running", "paused")):
        siege.client.cancel(job.id)  # noise without a word: nothing to make a dataset of
    shutil.rmtree(home / "recordings")  # a gigabyte that nobody needs further on


def whole_way(siege: Siege, calm: str) -> None:
    """From recordings to a scored version."""
    siege.workshop.drop(ANNA, NAMES, options=STEPS)
    for kind in (pb.INGEST, pb.DATASET, pb.TRAIN, pb.EVALUATE):
        job = siege.harry(kind, ANNA)
        siege.hold(state_of(job) == "succeeded", f"{job.title} {state_of(job)}: {job.status.failed.error.sentence}")
    try:
        check(siege.workshop, siege.client)
    except AssertionError as error:
        siege.hold(False, str(error))
    siege.hold(weights(siege.workshop.home, ANNA, 1) == calm, "the weights differ from those of an undisturbed run")


def speech(siege: Siege) -> None:
    """Whoever was listening is told; what is asked for again is the same."""
    spec = pb.SpeakSpec(voice=ANNA, version=1, text=TEXT, seed=5)
    heard = spoken(siege.client, spec)
    count, longest = KILLS["speak"]
    for _ in range(max(1, round(count * siege.share))):
        told: list[str] = []
        listener = threading.Thread(target=listen, args=(siege.workshop.client(), spec, heard, told), daemon=True)
        listener.start()
        time.sleep(siege.chance.uniform(0.0, longest))
        siege.kill("speak")
        listener.join(PATIENCE)
        siege.hold(bool(told) and told[0] != "heard otherwise", f"a listener heard something else, or hangs: {told}")
    siege.hold(spoken(siege.client, spec) == heard, "the same words with the same seed sound otherwise after the kills")


def listen(client: Client, spec: pb.SpeakSpec, heard: bytes, told: list[str]) -> None:
    """Hear it once more; `told` gets what came of it."""
    try:
        told.append("heard" if spoken(client, spec) == heard else "heard otherwise")
    except ClientError as error:
        told.append(str(error))
    finally:
        client.close()


def spoken(client: Client, spec: pb.SpeakSpec) -> bytes:
    return b"".join(chunk.samples for chunk in client.synthesize(spec))


def other_engine(siege: Siege, source: Path) -> None:
    """The base of XTTS from a folder, a version on it, and its export."""
    home = siege.workshop.home
    siege.client.accept("xtts")
    siege.client.fetch("xtts", str(source))
    job = siege.harry(pb.FETCH, "")
    siege.hold(state_of(job) == "succeeded", f"{job.title} {state_of(job)}: {job.status.failed.error.sentence}")
    there = {path.name: path.read_bytes() for path in (home / "engines" / "xtts").iterdir()}
    siege.hold(
        there == {path.name: path.read_bytes() for path in source.iterdir()},
        f"the base is not what was given: {sorted(there)}",
    )
    siege.workshop.drop("bert", NAMES[:7], options=XTTS)
    ended(siege.client, siege.newest(pb.TRAIN, "bert"))
    for job in siege.client.jobs(kinds=[pb.EVALUATE], voice="bert", states=("queued", "running", "paused")):
        siege.client.cancel(job.id)
    exports(siege)


def exports(siege: Siege) -> None:
    """An export that was killed has failed and can be had again."""
    siege.client.submit(pb.ExportSpec(voice="bert", version=1, format="coqui"))
    job = siege.newest(pb.EXPORT, "bert")
    count, longest = KILLS["export"]
    for _ in range(max(1, round(count * siege.share))):
        if not siege.reached(job, "running"):
            siege.client.retry(job) if state_of(siege.client.job(job)) == "failed" else None
            if state_of(siege.client.job(job)) == "succeeded":
                job = siege.client.submit(pb.ExportSpec(voice="bert", version=1, format="coqui")).id
            continue
        time.sleep(siege.chance.uniform(0.0, longest))
        siege.kill("export")
    siege.wait(lambda: state_of(siege.client.job(job)) in ("failed", "succeeded"), "the export ends")
    if state_of(siege.client.job(job)) == "failed":
        siege.client.retry(job)
    ended(siege.client, job)
    files = sorted((siege.workshop.home / "exports").iterdir())
    siege.hold(
        [path.name for path in files] == ["bert-1-coqui.tar"],
        f"in the folder of exports lie {[path.name for path in files]}",
    )
    with tarfile.open(files[-1]) as tar:
        siege.hold(any(name.endswith("model.pth") for name in tar.getnames()), "the export lacks its model")


# ------------------------------------------------------------------------------------------------------------ the line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the kills of a whole run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--parts", default="way,speech,engine,large", help="which ones, parted by commas; speech wants the way"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        folder = Path(scratch)
        base, xtts = bases(folder)
        parts = asked.parts.split(",")
        calm = undisturbed(Workshop(folder / "calm", base, SETTINGS)) if "way" in parts else ""
        workshop = Workshop(folder / "home", base, SETTINGS)
        workshop.env.pop("MYNA_XTTS_BASE", None)
        siege = Siege(workshop, random.Random(asked.seed), asked.share)
        try:
            with Watch(workshop.home) as watch:
                fell = walked(siege, parts, calm, xtts)
            line(siege, fell, watch.finding)
        finally:
            siege.close()
    return 0


def bases(folder: Path) -> tuple[Path, Path]:
    """Tiny bases of glow and of XTTS."""
    for module, name in (("engines.glow.recipe.tiny_base", "glow"), ("engines.xtts.tiny_base", "xtts")):
        subprocess.run(
            [sys.executable, "-m", module, str(folder / name)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
    return folder / "glow", folder / "xtts"


def undisturbed(workshop: Workshop) -> str:
    """Weights of a way on which nobody is killed."""
    client = workshop.up()
    try:
        workshop.drop(ANNA, NAMES, options=STEPS)
        until(client, job_is(pb.TRAIN, "succeeded"))
        return weights(workshop.home, ANNA, 1)
    finally:
        client.close()
        workshop.kill()


def walked(siege: Siege, parts: list[str], calm: str, xtts: Path) -> int:
    """The parts, in turn; how many could not be gone to their end."""
    ways: dict[str, Callable[[], None]] = {
        "way": lambda: whole_way(siege, calm),
        "speech": lambda: speech(siege),
        "engine": lambda: other_engine(siege, xtts),
        "large": lambda: large_files(siege),
    }
    fell = 0
    for part in parts:
        began, before = time.monotonic(), siege.hits.total()
        try:
            ways[part]()
        except (AssertionError, ClientError) as error:
            note(f"fell: {part}: {error}")
            fell += 1
        note(f"{part}: {siege.hits.total() - before} kills in {time.monotonic() - began:.0f} s")
    return fell


def line(siege: Siege, fell: int, finding: Finding) -> None:
    by_kind = Counter[str]()
    by_victim = Counter[str]()
    for (victim, kind), count in siege.hits.items():
        by_kind[kind] += count
        by_victim[victim] += count
    live = ("queued", "running", "paused")
    with suppress(AssertionError):
        siege.wait(lambda: not list(siege.client.jobs(states=live)), "all jobs end")
    stuck = [job.title for job in siege.client.jobs(states=live)]
    for title in stuck:
        note(f"stuck: {title}")
    traces = tracebacks(siege.workshop.home)
    beside = ", ".join(f"{count} {name}" for name, count in (*by_victim.items(), *by_kind.items()))
    total = sum(siege.hits.values())
    Outcome(
        "kills at random moments", total, WANTED, len(siege.lost), fell, finding,
        f"{beside}; {len(stuck)} stuck, {traces} tracebacks", faults=traces + len(stuck),
    ).tell()  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
