"""Somebody wants to hear a sentence while a training runs: it is spoken at once, and the training comes out as if
nobody had asked."""

from __future__ import annotations

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, state_of
from tests.e2e.workshop import ANNA, LONG, TOY_LONG, Workshop, bounded, ended, reach_step, running, weights

PATIENCE = 120.0  #: seconds for a sentence on a busy machine, the load of the speech worker included
TEXT = "The ferry leaves at noon."


def speak(client: Client, text: str = TEXT) -> list[pb.AudioChunk]:
    """All of a sentence in the voice's base, with the same seed each time."""
    return list(bounded(client.synthesize(pb.SpeakSpec(voice=ANNA, version=-1, text=text, seed=5)), PATIENCE))


def told_of(client: Client, job: int) -> list[pb.Job]:
    """Every state that was told of a job, in order."""
    newest = client.info().cursor
    told = []
    for event in bounded(client.watch(0), PATIENCE):
        if event.HasField("job") and event.job.id == job:
            told.append(event.job)
        if event.cursor >= newest:
            return told
    raise AssertionError("the events did not come")


@pytest.mark.long
def test_speech_is_answered_in_a_running_training_which_ends_with_the_same_weights(
    with_dataset: Workshop, calm_weights: str
) -> None:
    client = with_dataset.up()
    train = client.train(ANNA, **LONG)
    reach_step(client, train.id, 10)

    spoken = []
    for _ in range(3):
        spoken.append(speak(client))
        running(client, train.id)  # it has the machine back
    assert state_of(client.job(train.id)) in ("running", "paused"), (
        "the training was over before anything was said: nothing is shown"
    )
    for chunks in spoken:
        assert chunks[-1].last
        assert sum(len(chunk.samples) for chunk in chunks) > 0
    # the same request is the same sound, whatever else the machine did
    assert len({b"".join(chunk.samples for chunk in chunks) for chunks in spoken}) == 1

    done = ended(client, train.id)
    assert done.attempts == 1, "nothing was begun again"
    told = told_of(client, train.id)
    gave_way = [job.status.paused for job in told if state_of(job) == "paused"]
    assert [paused.why for paused in gave_way] == [f"speak #{chunks[0].job}" for chunks in spoken]
    assert not any(paused.by_person for paused in gave_way)
    assert [state_of(job) for job in told][-2:] == ["running", "succeeded"]
    assert weights(with_dataset.home, ANNA, 1) == calm_weights


@pytest.mark.slow
def test_a_training_that_stays_aside_for_one_sentence_after_another_says_for_which(with_dataset: Workshop) -> None:
    client = with_dataset.up()
    train = client.train(ANNA, **LONG)
    reach_step(client, train.id, 5)
    specs = [pb.SpeakSpec(voice=ANNA, version=-1, text=TEXT, seed=seed) for seed in (1, 2)]
    asked = [client.submit(spec) for spec in specs]  # both wait before the first is spoken
    for job in asked:
        ended(client, job.id)
    assert running(client, train.id).attempts == 1
    whys = [job.status.paused.why for job in told_of(client, train.id) if state_of(job) == "paused"]
    assert whys == [f"speak #{job.id}" for job in asked]


def test_a_listener_who_hangs_up_ends_the_speech_and_the_training_goes_on(with_toy: Workshop) -> None:
    client = with_toy.up()
    train = client.train(ANNA, **{**TOY_LONG, "steps": 1_000_000})
    reach_step(client, train.id, 5)
    stream = client.synthesize(
        pb.SpeakSpec(voice=ANNA, version=-1, text="One more sentence about the sea. " * 200, seed=5)
    )
    first = next(stream)
    stream.close()  # type: ignore[attr-defined]  # the client promises a generator
    ended(client, first.job, "cancelled")
    assert running(client, train.id).attempts == 1
