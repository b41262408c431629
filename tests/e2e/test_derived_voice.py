"""A voice made from another one's clips, through the real daemon: made, trained, scored; and killed in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client
from tests.e2e.workshop import ANNA, PATIENCE, SETTINGS, Workshop, bounded, ended, job_is, until

BRIGHT = "anna-bright"


@pytest.fixture
def workshop(tmp_path: Path, copy_of_dataset_home: Callable[..., Workshop]) -> Iterator[Workshop]:
    """A workshop that trains by itself, in which Anna has dataset #1."""
    made = copy_of_dataset_home(tmp_path / "home")
    (made.home / "myna.toml").write_text(SETTINGS)
    yield made
    made.kill()


def asked() -> pb.DeriveSpec:
    return pb.DeriveSpec(voice=BRIGHT, parent=ANNA, pitch=2, pace=1.08, liveliness=1.2)


def check_is_whole(client: Client) -> None:
    """Each clip of Anna's dataset has one that was made from it, held out where it is."""
    parent, made = list(client.clips(ANNA, 1)), list(client.clips(BRIGHT, 1))
    assert sorted((clip.sha256, clip.held_out, clip.text) for clip in parent) == sorted(
        (clip.made_from, clip.held_out, clip.text) for clip in made
    )
    assert any(clip.held_out for clip in made)
    lengths = {clip.sha256: clip.end - clip.start for clip in parent}
    for clip in made:
        assert lengths[clip.made_from] / (clip.end - clip.start) == pytest.approx(1.08, rel=0.01)
        assert Path(clip.path).is_file()
    assert not [clip for clip in client.clips(ANNA) if clip.made_from]


@pytest.mark.long
def test_a_derived_voice_is_made_trained_and_judged_by_its_own_lines(workshop: Workshop) -> None:
    client = workshop.up()
    before = [clip.SerializeToString() for clip in client.clips(ANNA)]
    job = ended(client, client.submit(asked()).id)
    assert job.voice == BRIGHT
    assert "pitch +2" in job.title
    sentence = job.status.succeeded.sentence
    assert sentence.startswith("Measured against anna's clips: pitch +")
    assert "Dataset #1: " in sentence
    reached = float(sentence.split("pitch ")[1].split()[0]), float(sentence.split("pace ")[1].split()[0])
    assert reached == (pytest.approx(2, abs=0.5), pytest.approx(1.08, rel=0.03))
    told = " ".join(line.text for line in client.logs(job.id))
    assert "clips made in this attempt. Measured against those they are made from" in told
    check_is_whole(client)

    voice = client.voice(BRIGHT)
    assert (voice.derivation.voice, voice.derivation.pitch, voice.derivation.pace) == (ANNA, 2, 1.08)
    until(client, job_is(pb.TRAIN, "succeeded", BRIGHT), patience=100)  # by itself
    client.train(BRIGHT, steps=60, learning_rate=1e-3, batch_size=4, eval_every=10, seed=7, patience=0)
    scored = until(client, job_is(pb.EVALUATE, "succeeded", BRIGHT), patience=200)
    assert scored.job.voice == BRIGHT
    version = client.version(BRIGHT, 1, report=True)
    assert "| derived | from the clips of anna: pitch +" in version.report_md
    assert version.parent == 0
    assert "wer" in version.metrics
    held = next(clip for clip in client.clips(BRIGHT, 1) if clip.held_out)
    heard = list(client.sample(BRIGHT, 1, held.sha256, recording=True))
    samples = sum(len(chunk.samples) for chunk in heard) / 4
    assert samples / heard[0].sample_rate == pytest.approx(held.end - held.start, abs=0.05), (
        "the made clip is the truth"
    )
    assert [clip.SerializeToString() for clip in client.clips(ANNA)] == before, "nothing of Anna changed"
    assert not list(client.versions(ANNA))
    assert workshop.down() == 0


@pytest.mark.long
def test_a_kill_in_between_goes_on_where_it_was(workshop: Workshop) -> None:
    client = workshop.up()
    job = client.submit(asked()).id
    for _ in bounded(client.follow(job), PATIENCE):
        if len(made := {row.sha256: row for row in client.recordings(BRIGHT)}) >= 2:
            break
    else:
        pytest.fail("no clip was made in time")
    workshop.kill()
    client = workshop.up()
    done = ended(client, job)
    assert done.attempts == 2
    rows = {row.sha256: row for row in client.recordings(BRIGHT)}
    assert {sha: row.added.ToNanoseconds() for sha, row in made.items()}.items() <= {
        sha: row.added.ToNanoseconds() for sha, row in rows.items()
    }.items(), "what was made before is not made again"
    check_is_whole(client)
    assert [data.number for data in client.datasets(BRIGHT)] == [1]
