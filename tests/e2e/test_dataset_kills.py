"""kill -9 in each step of a dataset job, of the worker or of mynad: nothing is lost, and the dataset is the one of a
job that nobody disturbed, byte for byte.

Whoever is to die does so by itself, just there (see `kill_moments`): no moment is missed on a busy machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from proto import myna_pb2 as pb
from tests.e2e import kill_moments
from tests.e2e.workshop import ANNA, PATIENCE, SETTINGS, Workshop, job_is, until
from tests.engines.speech import FIXTURES, RATE, TEXTS, speech

KILLED = "tests.e2e.killed_mynad"
#: Clips of the long recording, and how many of them may be heard again after a kill.
PIECES, AGAIN = 11, 10
#: Recordings: their ingest is acknowledged first.
TAKEN = 2
#: Bits of sentences are to be kept, whatever they sound like.
LENIENT = """\
[dataset]
noisy = 0
reverberant = 0
narrow_band = 0
cut_off = 100
not_understood = [0.0, 0.0]
"""
WORKER = [
    "decoding", "decoding 2", "cutting", "measuring", "measuring 7", "writing", "writing 5", "hearing 1", "hearing 5",
    "hearing 9", "hearing 11", "keeping", "keeping 2", "judging", "judging 6", "telling 3", "committing",
    "committing 2", "acknowledged", "acknowledged 2",
]  # fmt: skip
#: What mynad does of it.
MYNAD = ("storing", "acknowledging", "making")
OF_MYNAD = ["storing", "storing 2", f"acknowledging {TAKEN + 1}", f"acknowledging {TAKEN + 2}", "making"]


def recordings(folder: Path) -> None:
    """Into a voice's inbox: bits of speech without a text, and a sentence with its text."""
    folder.mkdir(parents=True)
    sounds, hush = [speech(name) for name in TEXTS], np.zeros(round(1.5 * RATE), np.float32)
    long = [hush]
    for number in range(PIECES):
        sound = sounds[number % len(sounds)]
        begin = number // len(sounds) * round(0.5 * RATE)
        long += [sound[begin : begin + round(0.9 * RATE)], hush]
    soundfile.write(folder / "a-long.flac", np.concatenate(long), RATE)
    shutil.copyfile(FIXTURES / "letter.flac", folder / "b-letter.flac")
    (folder / "b-letter.txt").write_text(TEXTS["letter"])
    (folder / "voice.toml").write_text(LENIENT)


def workshop_in(home: Path) -> Workshop:
    made = Workshop(home, home, SETTINGS + "auto_train = false\n", module=KILLED)
    recordings(home / "inbox" / ANNA)
    return made


def made(home: Path) -> dict[str, Any]:
    """All that a dataset is: rows but for their numbers and times, and the clips' files."""
    with sqlite3.connect(home / "myna.db") as db:
        clips = db.execute(
            "SELECT r.sha256, r.name, r.note, c.start, c.end, c.sha256, c.path, c.text, c.text_source, c.trust, c.kept,"
            " c.reason, c.sentence, c.held_out, c.measured, c.threshold, hex(c.facts), c.quality"
            " FROM clips c JOIN recordings r ON r.id = c.recording ORDER BY r.sha256, c.start"
        ).fetchall()
        inside = db.execute(
            "SELECT d.number, r.sha256, c.start, c.sha256, i.text, i.held_out, i.is_new FROM dataset_clips i"
            " JOIN datasets d ON d.id = i.dataset JOIN clips c ON c.id = i.clip JOIN recordings r ON r.id = c.recording"
            " ORDER BY d.number, r.sha256, c.start"
        ).fetchall()
        datasets = db.execute(
            "SELECT number, clips, held_out, seconds, held_out_seconds, new_clips, dropped FROM datasets"
        ).fetchall()
        holdouts = db.execute(
            'SELECT sha256, block, held, start, "end" FROM holdouts ORDER BY sha256, block'
        ).fetchall()
    files = {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (home / "clips").rglob("*.flac")
        if not path.name.startswith(".")
    }
    return {
        "clips": [(*row[:-1], json.loads(row[-1])) for row in clips],
        "inside": inside,
        "datasets": datasets,
        "holdouts": holdouts,
        "files": files,
    }


@pytest.fixture(scope="session")
def calm(once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, Any]:
    """What comes of the recordings when nobody dies."""

    def make(out: Path) -> None:
        workshop = workshop_in(out / "home")
        try:
            with workshop.up(PATIENCE) as client:
                until(client, job_is(pb.DATASET, "succeeded"))
            assert workshop.down() == 0
        finally:
            workshop.kill()

    found = made(once("dataset-calm", make) / "home")
    assert len([row for row in found["clips"] if row[1] == "a-long.flac"]) == PIECES
    assert len([row for row in found["inside"] if row[4]]) > PIECES / 2
    return found


def with_kills(home: Path, moments: list[str]) -> dict[str, Any]:
    """What comes of the recordings when somebody dies at each of the moments."""
    workshop = workshop_in(home)
    kill_moments.ask(home, moments)
    try:
        client = workshop.up(PATIENCE)
        for _ in filter(lambda moment: moment.split()[0] in MYNAD, moments):
            assert workshop.daemon is not None
            workshop.daemon.wait(PATIENCE)
            workshop.kill()
            client.close()
            client = workshop.up(PATIENCE)
        until(client, job_is(pb.DATASET, "succeeded"))
        client.close()
        assert workshop.down() == 0
    finally:
        workshop.kill()
    assert kill_moments.left(home) == []
    return made(home)


@pytest.mark.long
def test_a_dataset_is_the_same_after_kills_of_its_worker_and_of_mynad(tmp_path: Path, calm: dict[str, Any]) -> None:
    assert with_kills(tmp_path / "home", ["hearing 10", "making"]) == calm
    assert kill_moments.heard_again(tmp_path / "home") == 2, "the clips after the last whole batch"


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("moment", [*WORKER, *OF_MYNAD])
def test_a_dataset_is_the_same_wherever_somebody_was_killed(tmp_path: Path, calm: dict[str, Any], moment: str) -> None:
    assert with_kills(tmp_path / "home", [moment]) == calm
    assert kill_moments.heard_again(tmp_path / "home") <= AGAIN


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_worker_that_is_killed_again_and_again_comes_to_the_same_dataset(
    tmp_path: Path, calm: dict[str, Any]
) -> None:
    """More often than a recording may be somebody's death, and a job may crash, were nothing done in between."""
    moments = ["hearing 9", "hearing 3", "storing", "measuring 10", "committing", "storing", "making"]
    assert with_kills(tmp_path / "home", moments) == calm


@pytest.mark.slow
def test_a_dataset_that_was_made_is_there_after_a_kill(tmp_path: Path, calm: dict[str, Any]) -> None:
    workshop = workshop_in(tmp_path / "home")
    try:
        client = workshop.up(PATIENCE)
        until(client, lambda event: event.HasField("dataset"))
        workshop.kill()
        client.close()
        client = workshop.up(PATIENCE)
        until(client, job_is(pb.DATASET, "succeeded"))
        client.close()
        assert workshop.down() == 0
    finally:
        workshop.kill()
    assert made(tmp_path / "home") == calm
