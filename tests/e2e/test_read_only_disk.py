"""A disk that turns read-only under a running mynad, as Linux does with a damaged file system: it is said in a
sentence, nothing is lost, mynad lives, and work goes on by itself when the disk can be written again."""

from __future__ import annotations

import hashlib
import os
import subprocess
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
    RECORDINGS,
    SETTINGS,
    TOY_VOICE,
    TOYS,
    Workshop,
    ended,
    reach_step,
    until,
    weights,
)

MB = 1 << 20
BY_HAND = SETTINGS + "auto_train = false\n"
GIVEN = {hashlib.sha256((RECORDINGS / f"{name}.flac").read_bytes()).hexdigest() for name in NAMES}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[Path], SmallDisk]]:
    """Mounts a disk at a folder."""
    made: list[SmallDisk] = []

    def mount(at: Path) -> SmallDisk:
        made.append(SmallDisk(at, 64 * MB, tmp_path / f"seen-{len(made)}"))
        return made[-1]

    yield mount
    for each in made:
        each.close()


@pytest.mark.long
def test_recordings_wait_in_the_inbox_while_their_disk_is_read_only(
    tmp_path: Path, disk: Callable[[Path], SmallDisk]
) -> None:
    home = tmp_path / "home"
    small = disk(home / "recordings")
    workshop = Workshop(home, tmp_path, BY_HAND, prefix=small.prefix, module=TOYS)
    try:
        client = workshop.up()
        small.read_only()
        workshop.drop(ANNA, NAMES, options=TOY_VOICE)
        failed = until(client, closed).job.status.failed.error
        assert failed.sentence.startswith("The disk is read-only: "), failed.sentence
        assert "writing again" in failed.hint
        assert {digest(path) for path in (home / "inbox" / ANNA).glob("*.flac")} == GIVEN

        small.writable()

        def all_taken(event: pb.Event) -> bool:
            """A dataset is there, and no recording waits any more: a slow machine may take them in several turns."""
            return event.HasField("dataset") and {one.sha256 for one in client.recordings(ANNA)} == GIVEN

        until(client, all_taken, fails=closed)
        assert not list((home / "inbox" / ANNA).glob("*.flac"))
        assert workshop.log_text().count("Traceback") == 0
    finally:
        workshop.kill()


@pytest.mark.slow
def test_a_training_on_a_read_only_disk_fails_with_a_sentence_and_goes_on_from_its_checkpoint(
    tmp_path: Path, copy_of_dataset_home: Callable[..., Workshop], calm_weights: str, disk: Callable[[Path], SmallDisk]
) -> None:
    home = tmp_path / "home"
    small = disk(home / "voices")  # where nothing is open for writing while it trains
    workshop = copy_of_dataset_home(home, prefix=small.prefix)
    try:
        client = workshop.up()
        train = client.train(ANNA, **LONG)
        reach_step(client, train.id, LONG["checkpoint_every"] + 2)
        small.read_only()
        failed = ended(client, train.id, "failed").status.failed.error
        assert failed.kind == pb.DISK_FULL
        assert failed.sentence.startswith("The disk is read-only: "), failed.sentence

        small.writable()
        client.retry(train.id)
        ended(client, train.id)
        made = b"".join(path.read_bytes() for path in sorted(small.seen.glob(f"{ANNA}/1/**/*.safetensors")))
        assert hashlib.sha256(made).hexdigest() == calm_weights
    finally:
        workshop.kill()


class DamagedDisk:
    """An ext4 disk in a file, of which the kernel can be told that it is damaged: then nobody can write to it, open
    files or not.

    Skips the test where one may not be made.
    """

    def __init__(self, image: Path, at: Path) -> None:
        self.image, self.at = image, at
        at.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(300 * MB)
        self._told("mkfs.ext4", "-q", "-m0", str(image))
        self.mount()

    def mount(self) -> None:
        self._told("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.at))

    def damage(self) -> None:
        device = Path(
            subprocess.run(["findmnt", "-no", "SOURCE", str(self.at)], capture_output=True, text=True).stdout.strip()
        ).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")

    def repair(self) -> None:
        """Unmount, check, mount. Nobody may use it meanwhile."""
        self.close()
        checked = subprocess.run(["fsck.ext4", "-y", "-f", str(self.image)], capture_output=True, text=True)
        assert checked.returncode in (0, 1), checked.stdout
        self.mount()

    def close(self) -> None:
        subprocess.run(["umount", str(self.at)], check=True)

    def _told(self, *command: str) -> None:
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip(f"this machine has no {command[0]} of ext4 in a file, or does not let us")


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[DamagedDisk]:
    if os.getuid() != 0:
        pytest.skip("only root may mount a disk that can be damaged")
    made = DamagedDisk(tmp_path / "disk", tmp_path / "home")
    yield made
    made.close()


@pytest.mark.slow
def test_a_home_whose_disk_is_damaged_is_still_shown_and_goes_on_after_the_repair(
    tmp_path: Path, copy_of_dataset_home: Callable[..., Workshop], calm_weights: str, damaged: DamagedDisk
) -> None:
    workshop = copy_of_dataset_home(damaged.at, log=tmp_path / "mynad.out")
    try:
        client = workshop.up()
        train = client.train(ANNA, **LONG)
        reach_step(client, train.id, LONG["checkpoint_every"] + 2)
        damaged.damage()
        refused = until_refused(client)
        assert refused.code not in ("INTERNAL", "UNKNOWN"), refused
        assert client.job(train.id).id == train.id, "what is there is still shown"
        assert workshop.daemon is not None
        for _ in range(20):  # a while of questions
            client.info()
            until_refused(client)
        assert workshop.daemon.poll() is None
        said = workshop.log_text()
        assert "Traceback" not in said
        assert len(said.splitlines()) < 100, "the log is flooded"
        workshop.kill()

        damaged.repair()
        client = workshop.up()
        last = client.job(train.id)
        if state_of(last) == "failed":
            client.retry(train.id)
        ended(client, train.id)
        assert weights(damaged.at, ANNA, 1) == calm_weights
        assert workshop.down() == 0
    finally:
        workshop.kill()


def until_refused(client: Client) -> ClientError:
    """Ask for something that must be written."""
    with pytest.raises(ClientError) as refused:
        client.train(ANNA, **LONG, key="one too many")
    return refused.value


def closed(event: pb.Event) -> bool:
    """A job failed because its disk cannot be written."""
    return event.HasField("job") and event.job.status.failed.error.kind == pb.DISK_FULL


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
