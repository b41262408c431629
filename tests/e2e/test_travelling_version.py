"""A version goes from one workstation to another: trained in one home, it speaks in the other with the same samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from proto.messages import package_parts
from tests.e2e.workshop import NAMES, TOYS, Workshop, job_is, until

TEXT = "The river is wide. It is deep, too."
ONE_TRAINING = (
    'engine = "toy"\n[train]\nbatch_size = 2\nspoken_checkpoints = 0\n[promotion]\ntakes = 1\nmin_lines = 0\n'
)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Workshop]:
    """Another workstation that knows the same engines, and nothing of any voice."""
    made = Workshop(tmp_path / "elsewhere", tmp_path, module=TOYS)
    yield made
    made.kill()


def exported(client: Client, voice: str, number: int) -> bytes:
    return b"".join(part.data for part in client.export_voice(voice, number, "myna"))


def spoken(client: Client, voice: str, number: int) -> bytes:
    asked = pb.SpeakSpec(voice=voice, version=number, text=TEXT, seed=3)
    return b"".join(chunk.samples for chunk in client.synthesize(asked))


@pytest.mark.long
def test_a_version_trained_here_speaks_the_same_there(toys: Workshop, elsewhere: Workshop, tmp_path: Path) -> None:
    client = toys.up()
    toys.drop("anna", NAMES[:5], options=ONE_TRAINING)
    until(client, job_is(pb.EVALUATE, "succeeded"))
    was, said = client.version("anna", 1, report=True), spoken(client, "anna", 1)
    package = tmp_path / "anna-1.myna.tar.zst"
    package.write_bytes(exported(client, "anna", 1))
    assert package.read_bytes() == exported(client, "anna", 1), "the same version is the same bytes"
    again = client.import_dataset(package_parts(package))
    assert "is here already as anna@1: nothing has changed" in again.sentence
    assert len(list(client.versions("anna"))) == 1

    there = elsewhere.up()
    came = there.import_dataset(package_parts(package))
    assert came.version == 1
    assert came.sentence.endswith("It is anna@1 now, a candidate: `myna promote anna@1` lets it speak.")
    voice, version = there.voice("anna"), there.version("anna", 1, report=True)
    assert (voice.promoted, voice.recordings, voice.engine) == (0, 0, "toy")
    assert (version.state, version.parent, version.engine, version.kind) == ("candidate", 0, "toy", "full")
    assert (version.decision, version.HasField("adopted")) == (pb.DECISION_TAKEN_IN, True)
    assert (dict(version.metrics), version.scored_on) == (dict(was.metrics), was.scored_on)
    assert (version.report_md, version.report_json) == (was.report_md, was.report_json)
    assert "trained elsewhere, as anna@1" in version.verdict
    assert spoken(there, "anna", 1) == said != b""

    before = [one.name for one in sorted((elsewhere.home / "voices" / "anna").iterdir())]
    assert "is here already as anna@1" in there.import_voice(package_parts(package)).sentence
    assert [one.name for one in sorted((elsewhere.home / "voices" / "anna").iterdir())] == before == ["1"]
    other = there.import_voice(package_parts(package, "wren"))
    assert (other.name, other.versions) == ("wren", 1)
    assert there.promote("wren", 1).state == "promoted"
    assert spoken(there, "wren", 0) == said
    assert there.adopt(dry_run=True).versions == 0
    assert [job.kind for job in there.jobs() if job.kind in (pb.TRAIN, pb.EVALUATE)] == [], "nothing follows by itself"


def test_of_a_version_that_is_refused_nothing_is_there(toys: Workshop, elsewhere: Workshop, tmp_path: Path) -> None:
    broken = tmp_path / "broken.myna.tar.zst"
    broken.write_bytes(b"nothing of Myna's")
    there = elsewhere.up()
    with pytest.raises(ClientError, match="not compressed with Zstandard"):
        there.import_voice(package_parts(broken))
    with pytest.raises(ClientError, match="There is no voice named"):
        there.voice("anna")
