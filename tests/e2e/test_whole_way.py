"""Drop recordings, hear the voice: the main job through the real daemon, as a person meets it."""

from __future__ import annotations

import json

import pytest

from proto import myna_pb2 as pb
from proto.client import state_of
from tests.e2e.workshop import Workshop, job_is, until

FIRST = [f"d{n:02d}" for n in range(1, 10)]
LATER = [f"d{n:02d}" for n in range(10, 14)]


@pytest.mark.long
def test_dropped_recordings_become_a_scored_version_and_later_ones_the_next(workshop: Workshop) -> None:
    client = workshop.up()
    workshop.drop("anna", FIRST)
    scored = until(client, job_is(pb.EVALUATE, "succeeded"))

    # everything was taken, nothing is left behind
    voice = client.voice("anna")
    assert voice.recordings == len(FIRST)
    left = [
        path.name
        for path in (workshop.home / "inbox" / "anna").rglob("*")
        if path.is_file() and path.name != "voice.toml"
    ]
    assert left == []
    first = client.dataset("anna")
    assert first.number == 1
    assert first.held_out >= 1
    assert first.clips + first.held_out + sum(first.dropped.values()) >= len(FIRST)

    # a version was trained and scored, and its report says so
    version = client.version("anna", 1, report=True)
    assert version.state in ("candidate", "promoted")
    assert version.verdict
    assert {"wer", "cer", "dnsmos", "held_out_loss"} <= set(
        version.metrics
    )  # a random base has no voice that similarity could be measured of
    assert json.loads(version.report_json)["lines"]
    assert "WER" in version.report_md.upper()
    run = next(iter(client.runs(voice="anna")))
    names = {series.name for series in client.points(run.id)}
    assert {"train/loss", "held_out/loss"} <= names

    # it speaks, whatever the score was
    chunks = list(
        client.synthesize(pb.SpeakSpec(voice="anna", version=1, text="The river is wide. It is deep, too.", seed=3))
    )
    assert sum(len(chunk.samples) for chunk in chunks) > 16_000
    again = list(
        client.synthesize(pb.SpeakSpec(voice="anna", version=1, text="The river is wide. It is deep, too.", seed=3))
    )
    assert b"".join(c.samples for c in again) == b"".join(c.samples for c in chunks)

    # more recordings, later: a new dataset that keeps what was held out, and an increment by itself
    held = {clip.sha256 for clip in client.clips("anna", 1, held_out=True)}
    client.promote("anna", 1)
    workshop.drop("anna", LATER)
    until(client, job_is(pb.EVALUATE, "succeeded"), after=scored.cursor)
    second = client.dataset("anna")
    assert second.number == 2
    assert held <= {clip.sha256 for clip in client.clips("anna", 2, held_out=True)}
    assert client.version("anna", 2).parent == 1

    # choosing by hand, and back
    client.promote("anna", 2)
    assert client.voice("anna").promoted == 2
    assert client.rollback("anna").number == 1
    assert client.compare("anna", 1, 2).ready
    assert not [job for job in client.jobs() if state_of(job) in ("queued", "running", "paused", "failed")]
    assert workshop.down() == 0
