"""The end of a daemon, ordered or not, and the hand of a person on the queue: nothing is lost, repeated or done
twice."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.workshop import ANNA, LONG, TOY_LONG, Workshop, bounded, ended, reach_step, running, weights

#: seconds that an ordered end may take: a step and a checkpoint of a tiny voice, on a busy machine
LEAVES_WITHIN = 30.0
SHORT, TOY_SHORT = {**LONG, "steps": 4}, {**TOY_LONG, "steps": 4}


@pytest.mark.long
def test_sigterm_saves_the_training_and_the_next_start_ends_it_with_the_same_weights(
    with_toy: Workshop, calm_toy_weights: str
) -> None:
    saved_and_ended_the_same(with_toy, TOY_LONG, TOY_SHORT, calm_toy_weights)


@pytest.mark.long
def test_sigterm_changes_no_weight_of_glow_either(with_dataset: Workshop, calm_weights: str) -> None:
    saved_and_ended_the_same(with_dataset, LONG, SHORT, calm_weights)


def saved_and_ended_the_same(workshop: Workshop, asked: dict[str, Any], short: dict[str, Any], calm: str) -> None:
    """End mynad in a training that another waits for, start it again, and see the training come to the weights of a
    calm one."""
    interval: int = asked["checkpoint_every"]
    client = workshop.up()
    train, next_one = client.train(ANNA, **asked), client.train(ANNA, **short)
    reached = reach_step(client, train.id, interval + interval // 2)
    began = time.monotonic()
    assert workshop.down(LEAVES_WITHIN) == 0
    assert time.monotonic() - began < LEAVES_WITHIN

    client = workshop.up()
    assert running(client, train.id).attempts == 2
    told = [event.job for event in until_now(client) if event.HasField("job") and event.job.id == train.id]
    assert "goes on when mynad runs again" in [job.status.queued.why_waiting for job in told]
    assert client.job(next_one.id).attempts == 0, "what came after it still comes after it"
    client.cancel(next_one.id)

    done = ended(client, train.id)
    assert done.attempts == 2
    went_on = [
        line.text for line in client.logs(train.id) if line.text.startswith("Went on from the checkpoint of step")
    ]
    assert len(went_on) == 1
    # it saved where it was when the signal came, not at the last multiple of its interval
    assert int(went_on[0].rstrip(".").rsplit(" ", 1)[1]) >= reached
    assert weights(workshop.home, ANNA, 1) == calm


def test_two_mynads_cannot_have_one_home(with_toy: Workshop) -> None:
    client = with_toy.up()
    second = with_toy.start()
    assert second.wait(30) == 2
    words = with_toy.log_text()
    assert "already runs for" in words
    assert with_toy.daemon is not None
    assert f"process {with_toy.daemon.pid}" in words, "it says who has it"
    assert "Traceback" not in words
    assert client.info().pid == with_toy.daemon.pid, "the first one still serves"


@pytest.mark.long
def test_a_watcher_misses_and_repeats_nothing_across_an_ordered_end_and_a_kill(with_toy: Workshop) -> None:
    client = with_toy.up()
    seen: list[pb.Event] = []
    heard_all = threading.Event()
    last_job = 0

    def watch() -> None:
        with with_toy.client() as own:
            for event in own.watch(0, patience=60.0):
                seen.append(event)
                if event.HasField("job") and event.job.id == last_job and state_of(event.job) == "cancelled":
                    heard_all.set()
                    return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    train = client.train(ANNA, **TOY_LONG)
    reach_step(client, train.id, 5)
    assert with_toy.down(LEAVES_WITHIN) == 0
    client = with_toy.up()
    running(client, train.id)
    with_toy.kill()
    client = with_toy.up()
    waiting = client.train(ANNA, **TOY_SHORT)
    last_job = waiting.id
    client.cancel(waiting.id)
    assert heard_all.wait(60.0), f"the watcher heard only {len(seen)} events"
    expected = [event for event in until_now(client) if event.cursor <= seen[-1].cursor]
    assert [event.SerializeToString() for event in seen] == [event.SerializeToString() for event in expected]


@pytest.mark.long
def test_a_person_steers_the_queue(with_toy: Workshop) -> None:
    client = with_toy.up()
    first, second, third = (client.train(ANNA, **asked) for asked in (TOY_LONG, TOY_SHORT, TOY_LONG))
    reach_step(client, first.id, 5)

    # who waits says for whom; the last is moved to the front, and one can be moved behind another
    assert f"train #{first.id}" in waits(client, third.id)  # which holds the lane, or is at work on the same voice
    client.reorder(third.id)
    client.reorder(second.id, last=True)

    # held by a person: the lane is free, and the one at the front of the queue has it
    client.pause(first.id)
    running(client, third.id)
    held = client.job(first.id).status.paused
    assert held.by_person
    assert state_of(client.job(second.id)) == "queued"
    with pytest.raises(ClientError, match="paused already"):
        client.pause(first.id)

    # cancelled while it works, and then tried again
    client.cancel(third.id)
    ended(client, third.id, "cancelled")
    with pytest.raises(ClientError, match="cancelled already"):
        client.cancel(third.id)
    client.cancel(second.id)
    ended(client, second.id, "cancelled")
    assert state_of(client.retry(second.id)) == "queued"
    assert ended(client, second.id).attempts >= 1

    # and the one that was held goes on where it was
    assert state_of(client.job(first.id)) == "paused"
    with pytest.raises(ClientError, match="only failed and cancelled"):
        client.retry(first.id)
    client.resume(first.id)
    assert ended(client, first.id).attempts == 1
    with pytest.raises(ClientError, match="only paused jobs can go on"):
        client.resume(first.id)


@pytest.mark.slow
def test_a_training_a_person_held_over_a_restart_stays_held_and_then_ends_the_same(
    with_dataset: Workshop, calm_weights: str
) -> None:
    client = with_dataset.up()
    train = client.train(ANNA, **LONG)
    reach_step(client, train.id, 5)
    client.pause(train.id)
    assert with_dataset.down(LEAVES_WITHIN) == 0
    client = with_dataset.up()
    assert client.job(train.id).status.paused.by_person
    client.resume(train.id)
    ended(client, train.id)
    assert weights(with_dataset.home, ANNA, 1) == calm_weights


@pytest.mark.slow
def test_asked_twice_mynad_does_not_wait_for_the_training(with_toy: Workshop) -> None:
    client = with_toy.up()
    train = client.train(ANNA, **TOY_LONG)
    reach_step(client, train.id, 5)
    assert with_toy.daemon is not None
    for _ in range(2):
        with_toy.daemon.send_signal(signal.SIGTERM)
    assert with_toy.daemon.wait(LEAVES_WITHIN) == 0
    with_toy.kill()
    client = with_toy.up()
    assert running(client, train.id).attempts == 2, "it goes on all the same"


def until_now(client: Client) -> list[pb.Event]:
    """Every event there is, from the first to the newest."""
    newest = client.info().cursor
    events = []
    for event in bounded(client.watch(0), 30.0):
        events.append(event)
        if event.cursor >= newest:
            return events
    raise AssertionError("the events did not come")


def waits(client: Client, job: int) -> str:
    """Why a job waits, once it says so."""
    for event in bounded(client.watch(0), 30.0):
        if event.HasField("job") and event.job.id == job and event.job.status.queued.why_waiting:
            return event.job.status.queued.why_waiting
    raise AssertionError(f"job {job} does not say why it waits")
