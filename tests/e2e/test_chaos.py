"""kill -9 of the daemon, of a worker, of the launcher, at random moments across the whole way.

After every kill the workshop goes on; at the end nothing is lost, doubled or stuck, and the trained weights are the
same, bit for bit, as those of a workshop that nobody disturbed. The default suite does one round; `make test-all` does
as many as 50 kills take.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.workshop import (
    ANNA,
    LONG,
    NAMES,
    RECORDINGS,
    TOYS,
    VOICE,
    Workshop,
    ended,
    job_is,
    reach_step,
    until,
    weights,
)

CHECKPOINT_EVERY: int = LONG["checkpoint_every"]
#: a toy that learns for as long as a kill may take to come
LASTING = """\
engine = "toy"
language = "fi"
[train]
steps = 3000
checkpoint_every = 250
eval_every = 1500
batch_size = 4
seed = 7
spoken_checkpoints = 0
[promotion]
takes = 1
min_lines = 0
without_wer = true
"""
#: phases of the way and how long after their beginning a kill may fall, seconds
PHASES: dict[pb.JobKind.ValueType, float] = {pb.INGEST: 1.5, pb.DATASET: 4.0, pb.TRAIN: 9.0, pb.EVALUATE: 9.0}
VICTIMS = ("daemon", "worker", "launcher")
#: kills of one phase in one round, at most: a job whose worker dies three times in a row without getting anywhere
#: fails, and rightly so
MOST = 2


def undisturbed(workshop: Workshop, options: str) -> str:
    """Weights of version 1 when nothing goes wrong."""
    client = workshop.up()
    try:
        workshop.drop(ANNA, NAMES, options=options)
        until(client, job_is(pb.TRAIN, "succeeded"))
        return weights(workshop.home, ANNA, 1)
    finally:
        workshop.kill()


@pytest.mark.long
def test_one_round_of_kills_changes_nothing(toys: Workshop, tmp_path: Path) -> None:
    calm = undisturbed(Workshop(tmp_path / "calm", tmp_path, module=TOYS), LASTING)
    plan: list[tuple[str, pb.JobKind.ValueType]] = [
        ("daemon", pb.INGEST),
        ("launcher", pb.DATASET),
        ("worker", pb.TRAIN),
        ("daemon", pb.EVALUATE),
    ]
    hits = round_of_kills(toys, random.Random(1), plan, share=0.2, options=LASTING)
    assert sum(hits.values()) >= 3, hits  # ingest may be over before its kill
    assert weights(toys.home, ANNA, 1) == calm


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_at_random_moments_change_nothing(tmp_path: Path, tiny_base: Path) -> None:
    calm = undisturbed(Workshop(tmp_path / "calm", tiny_base), VOICE)
    chance = random.Random(20_26)
    hits: Counter[tuple[str, str]] = Counter()
    rounds = 0
    while sum(hits.values()) < 50:
        rounds += 1
        workshop = Workshop(tmp_path / f"round-{rounds}", tiny_base)
        plan = [(chance.choice(VICTIMS), phase) for phase in PHASES for _ in range(chance.randint(1, MOST))]
        try:
            hits += round_of_kills(workshop, chance, plan)
        finally:
            workshop.kill()
        assert weights(workshop.home, ANNA, 1) == calm, f"round {rounds}"
    print(f"\n{sum(hits.values())} kills in {rounds} rounds: {dict(hits)}")
    assert {victim for victim, _ in hits} == set(VICTIMS)
    assert {phase for _, phase in hits} >= {"ingest", "dataset", "train", "evaluate"}


def round_of_kills(
    workshop: Workshop,
    chance: random.Random,
    plan: list[tuple[str, pb.JobKind.ValueType]],
    *,
    share: float = 1.0,
    options: str = VOICE,
) -> Counter[tuple[str, str]]:
    """One whole way with the planned kills, each at a random moment in the first `share` of its phase; checks the end.
    Returns the kills that were done."""
    hits: Counter[tuple[str, str]] = Counter()
    client = workshop.up()
    workshop.drop(ANNA, NAMES, options=options)
    for victim, phase in sorted(plan, key=lambda each: list(PHASES).index(each[1])):
        if not reach(client, phase):
            continue  # that phase is over already
        wait_a_moment(workshop, chance.uniform(0.0, PHASES[phase] * share))
        if kill(workshop, victim):
            hits[(victim, job_name(phase))] += 1
        if victim == "daemon":
            client.close()
            client = workshop.up()
    until(client, job_is(pb.EVALUATE, "succeeded"))
    check(workshop, client)
    client.close()
    return hits


def job_name(phase: pb.JobKind.ValueType) -> str:
    return pb.JobKind.Name(phase).lower()


def reach(client: Client, phase: pb.JobKind.ValueType) -> bool:
    """Wait until a job of this kind runs; False if it is over."""
    event = until(
        client, lambda e: e.HasField("job") and e.job.kind == phase and state_of(e.job) in ("running", "succeeded")
    )
    job = client.job(event.job.id)
    return state_of(job) in ("queued", "running", "paused")


def wait_a_moment(workshop: Workshop, seconds: float) -> None:
    """Let a random stretch of time pass; the daemon's own end (which would be a failure) ends it early."""
    assert workshop.daemon is not None
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _, alive = psutil.wait_procs([psutil.Process(workshop.daemon.pid)], timeout=left)
        assert alive, f"mynad ended by itself: {workshop.log_text()}"


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
    left = [path.name for path in (home / "inbox" / ANNA).rglob("*") if path.is_file() and path.suffix == ".flac"]
    assert left == []
    stuck = [job.title for job in client.jobs() if state_of(job) not in ("succeeded", "cancelled")]
    assert stuck == []


@pytest.mark.long
def test_at_most_one_checkpoint_interval_is_repeated(with_dataset: Workshop, calm_weights: str) -> None:
    """A worker is killed at a step the daemon has seen; the next attempt starts no earlier than the last checkpoint
    before it."""
    client = with_dataset.up()
    train = client.train(ANNA, **LONG)
    reached = reach_step(client, train.id, 2 * CHECKPOINT_EVERY + CHECKPOINT_EVERY // 2)
    assert kill(with_dataset, "worker")
    assert ended(client, train.id).attempts == 2
    went_on = [
        line.text for line in client.logs(train.id) if line.text.startswith("Went on from the checkpoint of step ")
    ]
    assert len(went_on) == 1, "the second attempt does not say where it goes on"
    start = int(went_on[0].rstrip(".").rsplit(" ", 1)[1])
    assert start >= reached - CHECKPOINT_EVERY, f"went back from step {reached} to {start}"
    assert weights(with_dataset.home, ANNA, 1) == calm_weights


@pytest.mark.slow
def test_a_promotion_is_whole_or_not_there_whenever_the_daemon_is_killed(with_dataset: Workshop) -> None:
    """Promotions go on, one after another, while the daemon is killed; what was answered holds, and one version at most
    is promoted."""
    chance = random.Random(3)
    client = with_dataset.up()
    for number in (1, 2):
        ended(client, client.train(ANNA, **{**LONG, "steps": 2, "seed": number}).id)
        drop_scores(client)
    for _ in range(5):
        answered, asked = [client.voice(ANNA).promoted], [client.voice(ANNA).promoted]
        began = threading.Event()

        def promote(
            client: Client = client,
            answered: list[int] = answered,
            asked: list[int] = asked,
            began: threading.Event = began,
        ) -> None:
            while True:
                asked.append(3 - asked[-1] if asked[-1] else 1)
                try:
                    client.promote(ANNA, asked[-1])
                except ClientError:
                    return
                answered.append(asked[-1])
                began.set()

        promoting = threading.Thread(target=promote, daemon=True)
        promoting.start()
        assert began.wait(30.0)
        wait_a_moment(with_dataset, chance.uniform(0.0, 0.1))
        with_dataset.kill()
        promoting.join(30.0)
        assert not promoting.is_alive()
        client.close()
        client = with_dataset.up()
        drop_scores(client)
        now = client.voice(ANNA).promoted
        assert now in (answered[-1], asked[-1]), f"answered {answered[-3:]}, asked {asked[-3:]}, is {now}"
        with sqlite3.connect(with_dataset.home / "myna.db") as db:
            states = dict(db.execute("SELECT number, state FROM versions").fetchall())
            last = db.execute("SELECT version FROM promotions ORDER BY id DESC LIMIT 1").fetchone()
        assert [number for number, state in states.items() if state == "promoted"] == [now]
        assert last == (now,)


def drop_scores(client: Client) -> None:
    """Cancel evaluations that came of a training: nobody waits for them here."""
    for job in list(client.jobs(kinds=[pb.EVALUATE], states=["queued", "running", "paused"])):
        client.cancel(job.id)
