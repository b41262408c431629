"""A disk that really runs full, under a real mynad: what cannot be written is said in a sentence, nothing half-written
is used, nothing a person gave is lost, and work goes on when there is room again.

`min_free_disk` is 0 in these workshops: the watch kept on room that stays free (which has its own tests) would come
first otherwise.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.small_disk import SmallDisk
from tests.e2e.workshop import (
    ANNA,
    LONG,
    NAMES,
    PATIENCE,
    RECORDINGS,
    SETTINGS,
    TOY_LONG,
    TOY_VOICE,
    TOYS,
    Workshop,
    bounded,
    ended,
    reach_step,
    until,
    weights,
)

#: the tests' recordings by their hash
GIVEN = {hashlib.sha256((RECORDINGS / f"{name}.flac").read_bytes()).hexdigest() for name in NAMES}
MB = 1 << 20
#: room for a whole home: a training asks for more than a tiny voice will need
HOME_SIZE = 400 * MB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[Path, int], SmallDisk]]:
    """Mounts a small disk at a folder."""
    made: list[SmallDisk] = []

    def mount(at: Path, size: int) -> SmallDisk:
        made.append(SmallDisk(at, size, tmp_path / f"seen-{len(made)}"))
        return made[-1]

    yield mount
    for each in made:
        each.close()


def test_a_disk_full_in_ingest_leaves_the_originals_and_takes_them_when_there_is_room(
    tmp_path: Path, disk: Callable[[Path, int], SmallDisk]
) -> None:
    home = tmp_path / "home"
    small = disk(home / "recordings", 2 * MB)
    workshop = Workshop(home, tmp_path, SETTINGS + "auto_train = false\n", prefix=small.prefix, module=TOYS)
    try:
        client = workshop.up()
        small.fill(leave=150_000)  # one recording and a half
        workshop.drop(ANNA, NAMES, options=TOY_VOICE)
        stopped = until(client, lambda event: full(event) or waits_for_room(event))
        if stopped.job.status.HasField("failed"):
            assert stopped.job.status.failed.error.sentence.startswith("The disk ")
            assert stopped.job.status.failed.error.hint
        # every recording is whole in one place or the other, and what is half-written has no name of a recording
        inbox = {digest(path) for path in (home / "inbox" / ANNA).glob("*.flac")}
        assert inbox | set(taken(home)) == GIVEN
        stored = [path for path in small.seen.rglob("*") if path.is_file() and path.stem in GIVEN]
        assert all(digest(path) == path.stem for path in stored)
        assert set(taken(home)) <= {path.stem for path in stored}, "a row without its file"

        small.make_room()
        until(client, lambda event: event.HasField("dataset") and clips_of(event.dataset) == len(GIVEN), fails=full)
        assert sorted(taken(home)) == sorted(GIVEN)
        assert sorted(path.stem for path in small.seen.rglob("*.flac")) == sorted(GIVEN), "nothing half-written is left"
        assert not list((home / "inbox" / ANNA).glob("*.flac"))
    finally:
        workshop.kill()


@pytest.mark.long
def test_a_disk_full_at_a_checkpoint_fails_the_training_which_then_goes_on_to_the_same_weights(
    tmp_path: Path,
    copy_of_toy_home: Callable[..., Workshop],
    calm_toy_weights: str,
    disk: Callable[[Path, int], SmallDisk],
) -> None:
    home = tmp_path / "home"
    small = disk(home / "runs", 8 * MB)
    workshop = copy_of_toy_home(home, prefix=small.prefix)
    try:
        client = workshop.up()
        train = client.train(ANNA, **TOY_LONG)
        reach_step(client, train.id, TOY_LONG["checkpoint_every"] + 2)  # one checkpoint is there
        small.fill()
        failed = ended(client, train.id, "failed").status.failed.error
        assert failed.kind == pb.DISK_FULL
        assert failed.sentence.startswith("The disk is full: the "), (
            failed.sentence
        )  # the checkpoint, or what else a run writes
        assert "retry" in failed.hint
        checkpoints = list((small.seen / str(train.run or client.job(train.id).run) / "checkpoints").iterdir())
        assert checkpoints
        assert all((path / "state.json").is_file() for path in checkpoints), "a half-written checkpoint is left"
        assert not (home / "voices" / ANNA).exists(), "no version came of it"

        small.make_room()
        client.retry(train.id)
        done = ended(client, train.id)
        assert done.attempts == 2
        assert [
            line.text for line in client.logs(train.id) if line.text.startswith("Went on from the checkpoint of step")
        ]
        assert weights(home, ANNA, 1) == calm_toy_weights
    finally:
        workshop.kill()


@pytest.mark.long
def test_a_disk_full_under_the_database_is_said_to_who_asks_and_passes(
    tmp_path: Path,
    copy_of_toy_home: Callable[..., Workshop],
    calm_toy_weights: str,
    disk: Callable[[Path, int], SmallDisk],
) -> None:
    inside = tmp_path / "home"
    small = disk(inside, HOME_SIZE)
    workshop = copy_of_toy_home(small.seen, prefix=small.prefix, inside=inside, log=tmp_path / "mynad.out")
    try:
        client = workshop.up()
        train = client.train(ANNA, **TOY_LONG)
        reach_step(client, train.id, TOY_LONG["checkpoint_every"] + 2)
        small.fill()

        # nothing new is accepted, and what is there is still shown
        with pytest.raises(ClientError, match="disk") as refused:
            submit_until_refused(client)
        assert refused.value.code == "RESOURCE_EXHAUSTED"
        assert "Free some space" in str(refused.value)
        assert client.job(train.id).id == train.id
        assert client.info().sample.disk_free < MB

        # whatever became of the training meanwhile, it is told when it can be written, and tried again it comes out the
        # same
        small.make_room()
        waiting = [job.id for job in client.jobs(states=("queued",)) if job.id != train.id]
        for job in waiting:
            client.cancel(job)
        last = settled(client, train.id)
        if state_of(last) == "failed":
            assert last.status.failed.error.kind == pb.DISK_FULL
            client.retry(train.id)
            ended(client, train.id)
        assert weights(small.seen, ANNA, 1) == calm_toy_weights
        assert workshop.down() == 0
        assert integrity(small.seen, tmp_path) == "ok"
    finally:
        workshop.kill()


@pytest.mark.slow
def test_a_mynad_that_finds_its_disk_full_says_so_and_starts_when_there_is_room(
    tmp_path: Path, copy_of_dataset_home: Callable[..., Workshop], disk: Callable[[Path, int], SmallDisk]
) -> None:
    inside = tmp_path / "home"
    small = disk(inside, HOME_SIZE)
    workshop = copy_of_dataset_home(small.seen, prefix=small.prefix, inside=inside, log=tmp_path / "mynad.out")
    try:
        client = workshop.up()
        # with too little room a training does not begin, and says how much is short
        small.fill(leave=50 * MB)
        train = client.train(ANNA, **LONG)
        waiting = until(client, waits_for_room).job
        assert waiting.id == train.id
        assert waiting.status.queued.why_waiting.endswith(" short")
        small.make_room()
        reach_step(client, train.id, 2)

        workshop.kill()
        small.fill()
        daemon = workshop.start()
        assert daemon.wait(30) == 2
        assert "full" in workshop.log_text()
        assert "Traceback" not in workshop.log_text()

        small.make_room()
        client = workshop.up()
        client.cancel(train.id)
        ended(client, train.id, "cancelled")
        assert workshop.down() == 0
        assert integrity(small.seen, tmp_path) == "ok"
    finally:
        workshop.kill()


def submit_until_refused(client: Client) -> None:
    """Fill what room the database still has in its files."""
    for number in range(1000):
        client.train(ANNA, **TOY_LONG, key=f"one too many {number}")


def full(event: pb.Event) -> bool:
    """A job failed because the disk is full."""
    return event.HasField("job") and event.job.status.failed.error.kind == pb.DISK_FULL


def clips_of(dataset: pb.Dataset) -> int:
    """How many clips the voice has, kept or not."""
    return dataset.clips + dataset.held_out + sum(dataset.dropped.values())


def waits_for_room(event: pb.Event) -> bool:
    """A job waits and says how much is short."""
    return event.HasField("job") and event.job.status.queued.why_waiting.startswith("disk ")


def settled(client: Client, job: int) -> pb.Job:
    """The job when it has ended, well or not."""
    for seen in bounded(client.follow(job), PATIENCE):
        last = seen
    assert state_of(last) in ("succeeded", "failed"), last
    return last


def taken(home: Path) -> list[str]:
    """Hashes of the recordings that have a row."""
    with sqlite3.connect(home / "myna.db") as db:
        return [sha256 for (sha256,) in db.execute("SELECT sha256 FROM recordings")]


def integrity(home: Path, aside: Path) -> str:
    """What SQLite says of a database that nobody has open. It follows links by itself, and does not find its way into a
    namespace: so it reads a copy."""
    copy = shutil.copy(home / "myna.db", aside / "copy.db")
    with sqlite3.connect(copy) as db:
        (words,) = db.execute("PRAGMA integrity_check").fetchone()
    return str(words)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
