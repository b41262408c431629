"""An engine that somebody writes (docs/writing-an-engine.md) goes the whole way through the real daemon, without a line
elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from proto import myna_pb2 as pb
from proto.client import ClientError
from tests.e2e.workshop import NAMES, Workshop, job_is, until

TEXT = "The river is wide. It is deep, too."


@pytest.mark.long
def test_a_toy_engine_learns_is_scored_and_speaks(toys: Workshop) -> None:
    client = toys.up()
    toys.drop(
        "anna",
        NAMES[:5],
        options='engine = "toy"\n[train]\nbatch_size = 2\nspoken_checkpoints = 0\n'
        "[promotion]\ntakes = 1\nmin_lines = 0\n",
    )
    until(client, job_is(pb.EVALUATE, "succeeded"))
    version = client.version("anna", 1, report=True)
    assert (version.engine, version.kind) == ("toy", "full")
    assert version.metrics["held_out_loss"] < 1, "it learned: untrained it has more than four"
    chunks = [
        chunk
        for chunk in client.synthesize(pb.SpeakSpec(voice="anna", version=1, text=f"日本 {TEXT}", seed=3))
        if chunk.samples
    ]
    assert [chunk.text for chunk in chunks if chunk.text] == TEXT.replace(". ", ".|").split("|")
    assert list(chunks[0].left_out) == ["日本"]
    sound = np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4")
    assert 0.001 < np.abs(sound).mean() < 0.5
    with pytest.raises(ClientError, match="The engine toy writes no files for other tools"):
        client.submit(pb.JobSpec(export=pb.ExportSpec(voice="anna", version=1)))


def test_an_engine_that_only_speaks_speaks_and_is_refused_for_training(toys: Workshop) -> None:
    client = toys.up()
    toys.drop("ben", NAMES[:2], options='engine = "parrot"\n')
    until(client, job_is(pb.DATASET, "succeeded"))
    chunks = list(client.synthesize(pb.SpeakSpec(voice="ben", text=TEXT)))
    assert sum(len(chunk.samples) for chunk in chunks) == 2 * 8_000 * 4
    with pytest.raises(ClientError, match="The engine parrot only speaks; it cannot be trained") as refused:
        client.train("ben")
    assert refused.value.hint == "Use one that learns: glow, xtts, fish, toy."
    assert client.voice("ben").next == "speaks with parrot, which is not trained: `myna say --voice ben`"
    assert [job.kind for job in client.jobs() if job.kind == pb.TRAIN] == [], "nor does it train by itself"
