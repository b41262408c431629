"""A version of one voice and engine beside the base of another, through the real daemon and its workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.metrics.further_texts import further
from proto import myna_pb2 as pb
from tests.e2e.workshop import NAMES, SETTINGS, Workshop, ended, job_is, until


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop that knows the engines `toy`, which learns, and `parrot`, which only speaks."""
    workshop = Workshop(tmp_path / "home", tmp_path, SETTINGS, module="tests.e2e.toy_mynad")
    yield workshop
    workshop.kill()


@pytest.mark.slow
def test_a_version_is_compared_with_another_voice_of_an_engine_that_only_speaks(toys: Workshop) -> None:
    client = toys.up()
    options = 'engine = "toy"\n[train]\nbatch_size = 2\nspoken_checkpoints = 0\n[promotion]\ntakes = 1\nmin_lines = 0\n'
    toys.drop("anna", NAMES[:5], options=options)
    until(client, job_is(pb.EVALUATE, "succeeded"))
    toys.drop("ben", NAMES[5:7], options='engine = "parrot"\n')
    until(client, job_is(pb.DATASET, "succeeded", "ben"))
    before, verdict = client.compare("anna", 1, 0, voice_b="ben"), client.version("anna", 1).verdict
    assert not before.ready
    assert "`myna compare anna@1 ben@base --score`" in before.sentence
    job = client.submit(pb.EvaluateSpec(voice="anna", version=1, against=0, against_voice="ben"))
    assert ended(client, job.id).status.succeeded.sentence.startswith("anna@1 and ben@base have said the same ")
    told = client.compare("anna", 1, 0, voice_b="ben")
    assert told.ready
    assert {line.text for line in told.lines} >= set(further("en"))
    assert all(Path(line.spoken_a).is_file() and Path(line.spoken_b).is_file() for line in told.lines)
    assert {"wer", "dnsmos"} <= {metric.name for metric in told.metrics if metric.HasField("low")}
    assert f"On {len(told.lines)} lines that both have spoken." in told.sentence
    assert client.version("anna", 1).verdict == verdict, "a comparison judges nobody"
