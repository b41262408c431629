"""kill -9 of the daemon, of a worker, of the launcher, at random moments across the whole way.

After every kill the workshop goes on; at the end nothing is lost, doubled or stuck, and the trained weights are the same, bit for bit, as
those of a workshop that nobody disturbed. The default suite does one round; `make test-all` does as many as 50 kills take.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.workshop import RECORDINGS, Workshop, job_is, until, weights

NAMES = [f"d{n:02d}" for n in range(1, 10)]
VOICE = "anna"
CHECKPOINT_EVERY = 4
#: phases of the way and how long after their beginning a kill may fall, seconds
PHASES: dict[int, float] = {pb.INGEST: 1.5, pb.DATASET: 4.0, pb.TRAIN: 9.0, pb.EVALUATE: 9.0}
VICTIMS = ("daemon", "worker", "launcher")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> str:
    """Weights of version 1 when nothing goes wrong."""
    workshop = Workshop(tmp_path_factory.mktemp("calm") / "home", tiny_base)
    client = workshop.up()
    try:
        workshop.drop(VOICE, NAMES)
        until(client, job_is(pb.EVALUATE, "succeeded"))
        check(workshop, client)
        return weights(workshop.home, VOICE, 1)
    finally:
        workshop.kill()


def test_one_round_of_kills_changes_nothing(workshop: Workshop, undisturbed: str) -> None:
    hits = round_of_kills(workshop, random.Random(1), plan=[("worker", pb.TRAIN), ("daemon", pb.DATASET), ("launcher", pb.EVALUATE)])
    assert sum(hits.values()) >= 3, hits
    assert weights(workshop.home, VOICE, 1) == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_at_random_moments_change_nothing(tmp_path: Path, tiny_base: Path, undisturbed: str) -> None:
    chance = random.Random(20_26)
    hits: Counter[tuple[str, str]] = Counter()
    rounds = 0
    while sum(hits.values()) < 50:
        rounds += 1
        workshop = Workshop(tmp_path / f"round-{rounds}", tiny_base)
        plan = [(chance.choice(VICTIMS), phase) for phase in PHASES for _ in range(chance.choice((1, 1, 2)))]
        try:
            hits += round_of_kills(workshop, chance, plan)
        finally:
            workshop.kill()
        assert weights(workshop.home, VOICE, 1) == undisturbed, f"round {rounds}"
    print(f"\n{sum(hits.values())} kills in {rounds} rounds: {dict(hits)}")
    assert {victim for victim, _ in hits} == set(VICTIMS)
    assert {phase for _, phase in hits} >= {"ingest", "dataset", "train", "evaluate"}


def round_of_kills(workshop: Workshop, chance: random.Random, plan: list[tuple[str, int]]) -> Counter[tuple[str, str]]:
    """One whole way with the planned kills, each at a random moment of its phase; checks the end. Returns the kills that were done."""
    hits: Counter[tuple[str, str]] = Counter()
    client = workshop.up()
    workshop.drop(VOICE, NAMES)
    for victim, phase in sorted(plan, key=lambda each: list(PHASES).index(each[1])):
        if not reach(client, phase):
            continue  # that phase is over already
        wait_a_moment(workshop, chance.uniform(0.0, PHASES[phase]))
        if kill(workshop, victim):
            hits[(victim, job_name(phase))] += 1
        if victim == "daemon":
            client.close()
            client = workshop.up()
    until(client, job_is(pb.EVALUATE, "succeeded"))
    check(workshop, client)
    client.close()
    return hits


def job_name(phase: int) -> str:
    return pb.JobKind.Name(phase).lower()  # type: ignore[arg-type]


def reach(client: Client, phase: int) -> bool:
    """Wait until a job of this kind runs; False if it is over."""
    event = until(client, lambda e: e.HasField("job") and e.job.kind == phase and state_of(e.job) in ("running", "succeeded"))
    job = client.job(event.job.id)
    return state_of(job) in ("queued", "running", "paused")


def wait_a_moment(workshop: Workshop, seconds: float) -> None:
    """Let a random stretch of time pass; the daemon's own end (which would be a failure) ends it early."""
    assert workshop.daemon is not None
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _, alive = psutil.wait_procs([psutil.Process(workshop.daemon.pid)], timeout=left)
        assert alive, f"mynad ended by itself: {workshop.words()}"


def kill(workshop: Workshop, victim: str) -> bool:
    """kill -9; False if there is none of that kind at this moment."""
    if victim == "daemon":
        workshop.kill()
        return True
    process = workshop.worker() if victim == "worker" else workshop.launcher()
    if process is None:
        return False
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def check(workshop: Workshop, client: Client) -> None:
    """Nothing lost, nothing doubled, nothing stuck, no row without its file."""
    home = workshop.home
    given = {hashlib.sha256((RECORDINGS / f"{name}.flac").read_bytes()).hexdigest(): name for name in NAMES}
    with sqlite3.connect(home / "myna.db") as db:
        kept = db.execute("SELECT sha256, path FROM recordings").fetchall()
        clips = db.execute("SELECT sha256, path FROM clips WHERE kept").fetchall()
        versions = db.execute("SELECT number, path FROM versions").fetchall()
        runs = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        attempts = db.execute("SELECT count(*) FROM attempts WHERE ended IS NULL").fetchone()[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
    assert sorted(sha for sha, _ in kept) == sorted(given), "a recording was lost or doubled"
    for sha, path in kept + clips:
        assert hashlib.sha256((home / path).read_bytes()).hexdigest() == sha, f"{path} is not what its row says"
    assert len({sha for sha, _ in clips}) == len(clips), "a clip was doubled"
    assert [number for number, _ in versions] == [1], versions
    assert (home / versions[0][1] / "version.json").is_file()
    assert runs == 1
    assert attempts == 0
    left = [path.name for path in (home / "inbox" / VOICE).rglob("*") if path.is_file() and path.suffix == ".flac"]
    assert left == []
    stuck = [job.title for job in client.jobs() if state_of(job) not in ("succeeded", "cancelled")]
    assert stuck == []


def test_at_most_one_checkpoint_interval_is_repeated(workshop: Workshop) -> None:
    """A worker is killed at a step the daemon has seen; the next attempt starts no earlier than the last checkpoint before it."""
    client = workshop.up()
    workshop.drop(VOICE, NAMES)
    until(client, job_is(pb.TRAIN, "running"))
    run = next(iter(client.runs(voice=VOICE)))
    reached = 0
    for batch in client.watch_points(run.id, ["train/loss"]):
        reached = max([reached, *(step for series in batch.series for step in series.steps)])
        if reached >= 9:
            break
    assert kill(workshop, "worker")
    until(client, job_is(pb.TRAIN, "succeeded"))
    train = next(job for job in client.jobs() if job.kind == pb.TRAIN)
    assert train.attempts == 2
    resumed = [line.text for line in client.logs(train.id) if line.attempt == 2 and "step" in line.text.lower()]
    starts = [int(word) for text in resumed for word in text.replace(",", " ").replace(".", " ").split() if word.isdigit()]
    assert starts, "the second attempt does not say where it goes on"
    assert starts[0] >= reached - CHECKPOINT_EVERY, f"went back from step {reached} to {starts[0]}"
    with pytest.raises(ClientError):
        client.job(10_000)
