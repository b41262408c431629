"""The power fails: nothing that a client was told of is gone, and no row points at a file that is not whole."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, state_of
from tests.e2e.power_cut import Names, PowerCut
from tests.e2e.workshop import (
    ANNA,
    LONG,
    NAMES,
    PATIENCE,
    RECORDINGS,
    TOY_VOICE,
    Workshop,
    bounded,
    ended,
    job_is,
    until,
    weights,
)

#: Dropped and refused.
NOISE = random.Random(1).randbytes(50_000)
UPLOADED = "d10"


@pytest.mark.long
def test_what_a_client_was_told_survives_a_power_cut_at_any_moment_of_the_way(toys: Workshop, tmp_path: Path) -> None:
    workshop = toys
    workshop.drop(ANNA, NAMES, options=TOY_VOICE)
    (workshop.home / "inbox" / ANNA / "noise.wav").write_bytes(NOISE)
    power = PowerCut(workshop, tmp_path / "safe")
    client = workshop.up()
    try:
        client.upload(ANNA, [(f"{UPLOADED}.flac", RECORDINGS / f"{UPLOADED}.flac")])
        moments = 0
        for event in bounded(client.watch(0), PATIENCE):
            if worth_a_cut(event):
                moments += 1
                acknowledged = Acknowledged(client)
                for names, home in power.strike(tmp_path / "cut").items():
                    acknowledged.must_be_in(home, f"{names.name}, after {event.WhichOneof('what')} {words(event)}")
                shutil.rmtree(tmp_path / "cut")
            if job_is(pb.EVALUATE, "succeeded")(event):
                break
        else:
            pytest.fail(f"the way was not at its end within {PATIENCE:.0f} s")
        assert moments > 10
    finally:
        workshop.kill()


@pytest.mark.slow
@pytest.mark.parametrize("names", list(Names))
def test_a_training_goes_on_after_a_power_cut_to_the_same_weights(
    tmp_path: Path, tiny_base: Path, copy_of_dataset_home: Callable[..., Workshop], calm_weights: str, names: Names
) -> None:
    workshop = copy_of_dataset_home(tmp_path / "home")
    power = PowerCut(workshop, tmp_path / "safe")
    client = workshop.up()
    try:
        train = client.train(ANNA, **LONG)

        def saved(event: pb.Event) -> bool:
            checkpoints = workshop.home / "runs" / str(client.job(train.id).run) / "checkpoints"
            return any(int(one.name.removeprefix("step-")) >= 30 for one in checkpoints.glob("step-*"))

        until(client, saved, patience=PATIENCE)
        home = power.strike(tmp_path / "cut")[names]
    finally:
        workshop.kill()
    after = Workshop(home, tiny_base, (workshop.home / "myna.toml").read_text())
    client = after.up()
    try:
        ended(client, train.id)
        assert weights(home, ANNA, 1) == calm_weights
        went_on = [
            line.text for line in client.logs(train.id) if line.text.startswith("Went on from the checkpoint of step ")
        ]
        assert went_on, "the checkpoint was lost"
    finally:
        after.kill()


class Acknowledged:
    """What mynad has acknowledged to a client by now: no power cut may lose it."""

    def __init__(self, client: Client) -> None:
        self.recordings = {one.sha256 for one in client.recordings(ANNA)}
        self.datasets = {one.number for one in client.datasets(ANNA)}
        self.versions = {one.number for one in client.versions(ANNA)}
        self.succeeded = {job.id for job in client.jobs() if state_of(job) == "succeeded"}

    def must_be_in(self, home: Path, when: str) -> None:
        """Check a home that a power cut left."""
        with sqlite3.connect(home / "myna.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), when
            recordings = dict(db.execute("SELECT sha256, path FROM recordings").fetchall())
            texts = {text for (text,) in db.execute("SELECT text FROM recordings")}
            clips = dict(db.execute("SELECT sha256, path FROM clips WHERE kept").fetchall())
            versions = dict(db.execute("SELECT number, path FROM versions").fetchall())
            datasets = {number for (number,) in db.execute("SELECT number FROM datasets")}
            done = {number for (number,) in db.execute("SELECT id FROM jobs WHERE state = 'succeeded'")}
            scored = {
                number for (number,) in db.execute("SELECT number FROM versions WHERE verdict != 'Not scored yet.'")
            }
        assert self.recordings <= recordings.keys(), when
        assert self.datasets <= datasets, when
        assert self.versions <= versions.keys(), when
        assert self.succeeded <= done, when
        for sha256, path in (*recordings.items(), *clips.items()):
            assert (home / path).is_file(), f"{path} is gone: {when}"
            assert digest(home / path) == sha256, f"{path} is not what its row says: {when}"
        for number, path in versions.items():
            assert json.loads((home / path / "version.json").read_text()), f"version {number}: {when}"
            assert [file for file in (home / path).rglob("*.safetensors") if file.stat().st_size] == list(
                (home / path).rglob("*.safetensors")
            )
            assert weights(home, ANNA, number), when
        for number in scored:
            assert json.loads((home / versions[number] / "report.json").read_text()), (
                f"the report of version {number}: {when}"
            )
        self._nothing_given_is_gone(home, recordings, texts, when)

    def _nothing_given_is_gone(self, home: Path, recordings: dict[str, str], texts: set[str], when: str) -> None:
        inbox = home / "inbox"
        lying = {digest(path) for path in inbox.rglob("*") if path.is_file()}
        for name in (*NAMES, UPLOADED):
            assert digest(RECORDINGS / f"{name}.flac") in lying | recordings.keys(), f"{name} is gone: {when}"
        for name in NAMES:
            text = RECORDINGS / f"{name}.txt"
            assert digest(text) in lying or text.read_text().strip() in texts, f"the text of {name} is gone: {when}"
        assert hashlib.sha256(NOISE).hexdigest() in lying, f"what was refused is gone: {when}"
        for path in inbox.rglob(".refused/noise.wav"):
            assert (path.parent / "noise.wav.why.txt").read_text(), f"refused without a reason: {when}"


def worth_a_cut(event: pb.Event) -> bool:
    """A client was told that something is there, or is done."""
    if event.HasField("inbox"):
        return event.inbox.state in ("taken", "refused", "known")
    return (
        event.HasField("version")
        or event.HasField("dataset")
        or (event.HasField("job") and state_of(event.job) in ("running", "succeeded"))
    )


def words(event: pb.Event) -> str:
    return " ".join(str(event).split())[:200]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
