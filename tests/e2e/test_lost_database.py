"""A database that is moved away, as Myna itself advises: the home is told of, never taken for new, and taken back when
asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proto import myna_pb2 as pb
from tests.e2e.workshop import ANNA, ROOT, Workshop, ended, job_is, until, weights

TEN = {"steps": 10, "batch_size": 4, "eval_every": 10, "patience": 0}
LATER = [f"d{n:02d}" for n in range(10, 20)]


@pytest.mark.long
def test_a_new_training_never_adopts_an_old_versions_weights_and_the_old_ones_come_back(with_toy: Workshop) -> None:
    workshop = with_toy
    with workshop.up() as client:
        names = {row.name for row in client.recordings(ANNA)}
        held = {clip.sha256 for clip in client.clips(ANNA, 1, held_out=True)}
        ended(client, client.train(ANNA, steps=24, batch_size=4, seed=3, eval_every=12).id)
        old = weights(workshop.home, ANNA, 1)
    assert workshop.down() == 0
    for name in ("myna.db", "myna.db-wal", "myna.db-shm"):
        (workshop.home / name).rename(workshop.home / f"away-{name}") if (workshop.home / name).exists() else None

    # an empty file in its place is refused: nothing of the home is forgotten in silence
    (workshop.home / "myna.db").touch()
    workshop.daemon = workshop.start()
    assert workshop.daemon.wait(30) == 2
    assert "is empty (0 bytes), but this home is in use" in workshop.log_text()
    (workshop.home / "myna.db").unlink()

    with workshop.up() as client:
        told = until(client, lambda event: event.HasField("notice") and "does not know" in event.notice.sentence)
        assert (
            told.notice.sentence
            == f"This home has {len(names)} recordings and 1 version that its database does not know."
        )

        # ten other recordings, ten steps: the new version is new
        workshop.drop(ANNA, LATER)
        made = until(client, job_is(pb.DATASET, "succeeded"))
        job = ended(client, client.train(ANNA, **TEN).id)
        run = client.run(job.run)
        assert (run.to_version, run.step) == (2, 10)
        assert weights(workshop.home, ANNA, 2) != old
        assert weights(workshop.home, ANNA, 1) == old

        # and the old ones come back, through the same ingest
        command = [sys.executable, "-m", "tui.cli", "adopt"]
        words = subprocess.run(
            command, cwd=ROOT, env=workshop.env, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        assert f"{len(names)} recordings and 1 version are taken in." in words
        until(client, job_is(pb.DATASET, "succeeded"), after=made.cursor)
        assert names < {row.name for row in client.recordings(ANNA)}
        texts = {clip.sha256 for clip in client.clips(ANNA, 2)} | {
            clip.sha256 for clip in client.clips(ANNA, 2, held_out=True)
        }
        assert held <= texts, "cut as they were before"
        back = client.version(ANNA, 1)
        assert (back.state, back.HasField("adopted"), weights(workshop.home, ANNA, 1)) == ("candidate", True, old)
        chunks = list(client.synthesize(pb.SpeakSpec(voice=ANNA, version=1, text="It speaks.", seed=3)))
        assert sum(len(chunk.samples) for chunk in chunks)
    assert workshop.down() == 0
