"""Two people with limits talk, one of them trains, and mynad is killed: what they used is right to the second."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.database.models import Attempt
from daemon.database.store import opened
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tests.e2e.workshop import ANNA, TOY_LONG, Workshop, ended, reach_step, running

pytestmark = pytest.mark.integration
TEXT = "Joki on leveä. Se on myös syvä. Silta on kaukana."
LIMITS = pb.Limits(minutes_a_day=10, gpu_minutes_a_day=10)


def spoken(client: Client, *, chunks: int = 0) -> float:
    """Seconds of the text that came; of the first chunks with sound only, where a number is given."""
    heard, seconds = 0, 0.0
    for chunk in client.synthesize(pb.SpeakSpec(voice=ANNA, version=-1, text=TEXT, seed=1)):
        if chunk.samples:
            heard += 1
            seconds += len(chunk.samples) / 4 / chunk.sample_rate
            if heard == chunks:
                break
    return seconds


def used(client: Client) -> dict[str, pb.UsedOnDay]:
    return {one.person: one.today for one in client.usage()}


def attempt(workshop: Workshop, number: int) -> tuple[datetime, datetime]:
    """(when the attempt at the only training began, when it ended)."""
    with opened(workshop.home) as store:
        row = store.read_now(lambda s: s.query(Attempt).filter_by(number=number).order_by(Attempt.id.desc()).first())
    assert row is not None
    assert row.ended is not None
    return row.started, row.ended


@pytest.mark.long
def test_what_two_people_used_is_right_to_the_second_after_a_kill(with_toy: Workshop) -> None:
    client = with_toy.up()
    people: dict[str, Client] = {}
    for name in ("bob", "carla"):
        client.add_person(name, ["speak", "read", "train"], LIMITS)
        people[name] = client.bearing(client.create_token(name).token)
    client.give(ANNA, "bob")
    client.share(ANNA, "carla", ["speak"])
    whole = spoken(people["bob"])
    assert whole > 1
    said = {"bob": whole + spoken(people["bob"]), "carla": spoken(people["carla"])}
    assert {name: day.speech_seconds for name, day in used(client).items()} == pytest.approx(said, abs=0.01)

    job = people["bob"].train(ANNA, **{**TOY_LONG, "steps": 1_000_000}).id
    began = running(client, job).status.running.started.ToDatetime(UTC)
    reach_step(client, job, 500)
    assert with_toy.daemon is not None
    with_toy.daemon.kill()
    took = (datetime.now(UTC) - began).total_seconds()
    with_toy.kill()

    client = with_toy.up()
    people = {name: client.bearing(client.create_token(name).token) for name in people}
    running(client, job)
    client.cancel(job)
    ended(client, job, "cancelled")
    after = used(client)
    assert {name: day.speech_seconds for name, day in after.items()} == pytest.approx(said, abs=0.01)
    assert after["carla"].gpu_seconds == 0
    heard = spoken(people["carla"], chunks=1)
    with_toy.kill()
    second = attempt(with_toy, 2)
    again = (second[1] - second[0]).total_seconds()
    assert after["bob"].gpu_seconds == pytest.approx(took + again, abs=1)

    client = with_toy.up()
    carla = client.bearing(client.create_token("carla").token)
    now = used(client)
    assert now["bob"].speech_seconds == pytest.approx(said["bob"], abs=0.01)
    assert said["carla"] + heard - 1 <= now["carla"].speech_seconds <= said["carla"] + whole + 0.01
    assert now["bob"].gpu_seconds == pytest.approx(after["bob"].gpu_seconds)
    client.add_person("carla", ["speak"], pb.Limits(minutes_a_day=now["carla"].speech_seconds / 60))
    with pytest.raises(ClientError, match="carla has used") as refused:
        spoken(carla)
    assert refused.value.code == "RESOURCE_EXHAUSTED"
    assert with_toy.down() == 0
