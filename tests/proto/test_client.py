"""The thin client against a real gRPC server on a real Unix socket."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import AsyncClient, Client, ClientError, connect, connect_async, state_of
from proto.messages import PART
from tests.tui.stage.rows import NOW, job, succeeded
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def stage(home: Path) -> Iterator[Stage]:
    made = Stage(home)
    made.open()
    yield made
    made.close()


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    with connect(home=home) as made:
        yield made


def event(cursor: int, what: pb.Job | None = None) -> pb.Event:
    return pb.Event(cursor=cursor, time=NOW, job=what or job(5, running=pb.JobStatus.Running(started=NOW)))


def test_a_list_comes_whole_however_many_pages_it_has(stage: Stage, client: Client) -> None:
    assert [row.id for row in client.jobs()] == list(range(1, 451))


def test_a_limited_list_ends_at_its_limit(stage: Stage, client: Client) -> None:
    assert [row.id for row in client.jobs(limit=3)] == [1, 2, 3]


def test_without_a_daemon_the_error_says_how_to_start_one(client: Client) -> None:
    with pytest.raises(ClientError) as caught:
        client.info()
    assert caught.value.code == "UNAVAILABLE"
    assert "No daemon is running" in caught.value.sentence
    assert "myna up" in caught.value.hint
    assert not client.ready()


def test_a_refusal_is_a_sentence_and_apart_from_it_what_to_do(stage: Stage, client: Client) -> None:
    with pytest.raises(ClientError) as caught:
        client.job(4711)
    assert caught.value.sentence == "There is no job 4711."
    assert caught.value.hint == "`myna jobs` lists those there are."
    assert caught.value.code == "NOT_FOUND"


def test_a_watch_that_breaks_off_goes_on_without_losing_or_repeating_an_event(stage: Stage, client: Client) -> None:
    stage.jobs.events = [event(cursor) for cursor in range(101, 111)]
    stage.jobs.cut_after = 4
    watch = client.watch(100)
    assert [next(watch).cursor for _ in range(10)] == list(range(101, 111))
    assert stage.jobs.asked_after == [100, 104]
    watch.close()


def test_a_watch_outlives_a_restart_of_the_daemon(stage: Stage, client: Client) -> None:
    stage.jobs.events = [event(101), event(102)]
    watch = client.watch(100)
    assert [next(watch).cursor for _ in range(2)] == [101, 102]
    stage.close()
    stage.jobs.events.append(event(103))
    stage.open()
    assert next(watch).cursor == 103
    watch.close()


def test_a_followed_log_that_breaks_off_goes_on_without_losing_or_repeating_a_line(
    stage: Stage, client: Client, home: Path
) -> None:
    stage.jobs.cut_after = 700
    assert [line.cursor for line in client.logs(1, follow=True)] == list(range(1, 2_001))

    async def follow() -> list[int]:
        async with connect_async(home=home) as other:
            return [line.cursor async for line in other.logs(1, follow=True)]

    stage.jobs.cut_after = 700
    assert asyncio.run(asyncio.wait_for(follow(), 30)) == list(range(1, 2_001))


def test_a_watch_from_now_begins_after_the_newest_event(stage: Stage, client: Client) -> None:
    stage.jobs.events = [event(99), event(101)]
    watch = client.watch()
    assert next(watch).cursor == 101
    watch.close()


def test_a_watch_says_so_when_the_daemon_does_not_come_back(stage: Stage, client: Client) -> None:
    stage.jobs.events = [event(101)]
    watch = client.watch(100, patience=0.3)
    next(watch)
    stage.close()
    with pytest.raises(ClientError, match="did not come back"):
        next(watch)


def test_waiting_for_a_job_gives_it_as_it_ended(stage: Stage, client: Client) -> None:
    stage.jobs.rows[5] = job(5, running=pb.JobStatus.Running(started=NOW))
    stage.jobs.events = [event(101), event(102, succeeded(6)), event(103, succeeded(5))]
    assert state_of(client.wait(5)) == "succeeded"
    assert state_of(client.wait(6)) == "succeeded"  # had ended already


def test_an_upload_names_each_file_once_and_ends_each(stage: Stage, client: Client, tmp_path: Path) -> None:
    contents = {"a.wav": b"x" * (PART * 2 + 1), "b.wav": b"", "c.wav": b"y" * PART}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert client.upload("anna", [(name, tmp_path / name) for name in contents]) == list(contents)
    assert stage.datasets.uploaded == contents


def test_a_training_option_that_does_not_exist_is_refused_with_those_that_do(client: Client) -> None:
    with pytest.raises(ClientError, match="learning_rate") as caught:
        client.train("anna", learnig_rate=1e-4)
    assert "learnig_rate" in caught.value.sentence


def test_training_from_the_base_with_options_is_submitted_so(stage: Stage, client: Client) -> None:
    client.train("anna", start="base", steps=7, seed=None, engine={"heads": "2"}, key="once")
    (request,) = stage.jobs.submitted
    spec = request.spec.train
    assert (request.idempotency_key, spec.voice, getattr(spec, "from"), spec.options.steps) == (
        "once",
        "anna",
        "base",
        7,
    )
    assert not spec.options.HasField("seed")
    assert dict(spec.options.engine) == {"heads": "2"}


@pytest.mark.parametrize("host", ["box", "box:", ":7777", "box:port", "box:70000"])
def test_an_address_that_cannot_be_meant_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(ClientError, match="HOST:PORT"):
        connect(host=host)


def test_a_home_too_deep_for_a_socket_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="too long"):
        connect(home=tmp_path / ("x" * 120))


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        public = [(name, method) for name, method in inspect.getmembers(kind, callable) if not name.startswith("_")]
        return {name: list(inspect.signature(method).parameters) for name, method in public}

    assert methods(Client) == methods(AsyncClient)


def test_every_rpc_of_the_contract_has_a_method() -> None:
    source = inspect.getsource(Client)
    missing = [
        f"{service}.{method.name}"
        for service, description in pb.DESCRIPTOR.services_by_name.items()
        for method in description.methods
        if f"self._{service.lower()}.{method.name}," not in source
    ]
    assert not missing


def test_the_async_client_pages_watches_and_refuses_as_the_other_does(stage: Stage, home: Path) -> None:
    stage.jobs.events = [event(cursor) for cursor in range(101, 106)]
    stage.jobs.cut_after = 2

    async def use() -> tuple[int, list[int], ClientError]:
        async with connect_async(home=home) as client:
            total = len([row async for row in client.jobs()])
            cursors = []
            async for seen in client.watch(100):
                cursors.append(seen.cursor)
                if len(cursors) == 5:
                    break
            assert await client.ready()
            with pytest.raises(ClientError) as caught:
                await client.job(4711)
            return total, cursors, caught.value

    total, cursors, error = asyncio.run(asyncio.wait_for(use(), 30))
    assert total == 450
    assert cursors == [101, 102, 103, 104, 105]
    assert (error.sentence, error.code) == ("There is no job 4711.", "NOT_FOUND")
