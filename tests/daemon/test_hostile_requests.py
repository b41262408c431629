"""Whatever is asked of mynad, it answers with a sentence: every RPC, with requests made from the descriptors
(benchmarks/fuzzing.py)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.message import Message
from living_daemon import Living, lived
from sqlalchemy.orm import Session
from voice_rows import clip, folder, sha, version

from benchmarks import fuzzing
from daemon.database.models import Run, Voice
from daemon.kinds.ingest import server as ingest
from daemon.kinds.speak import asked as speak
from daemon.services import gate
from daemon.state import runs
from proto import myna_pb2 as pb
from proto.client import ClientError
from proto.home import socket_path

AT_ONCE = 12
SEED = 20_261
OPTIONS = (("grpc.default_authority", "localhost"), ("grpc.max_receive_message_length", -1))
LONGEST = 1_000  #: characters of a message
#: a worker that does nothing and dies: hundreds of jobs begin here
NO_WORKER = ("/bin/false",)
KNOWN = {
    "voice": ("anna", "anna", "bob"),
    "sha256": (sha("anna 0"), sha("anna 1"), sha("recording anna 0")),
    "clip": (sha("anna 0"),),
    "states": ("queued", "failed"),
    "names": ("train/loss",),
    "engine": ("glow", "xtts", "fish"),
    "format": ("", "coqui"),
    "text": ("Good morning.", "."),
    "from": ("", "base", "1", "v1"),
    "name": ("a.wav", "sub/a.wav"),
    "precision": ("fp32",),
    "preferred": ("a", "b", "same"),
    "key": ("steps", "fast", "warmup", "lora_alpha"),
    "files": ("a.wav",),
}


def furnish(living: Living) -> None:
    """Rows of every kind: versions, a run with points, a run that goes on."""

    def act(session: Session) -> None:
        for number in (1, 2):
            folder(living.daemon.home, version(session, number))
        run = session.get_one(Run, 1)
        runs.add_points(session, run.id, [pb.Series(name="train/loss", steps=range(300), values=[0.5] * 300)])
        session.get_one(Voice, "anna").promoted = 1
        clip(session, "loose")

    living.daemon.store.write_now(act)
    living.voice("bob")


async def bombard(living: Living, seed: int, calls: int) -> list[fuzzing.Answer]:
    """The answers of so many calls, a few at a time."""
    made = itertools.islice(fuzzing.requests(seed, KNOWN), calls)
    answers: list[fuzzing.Answer] = []
    async with grpc.aio.insecure_channel(f"unix:{socket_path(living.daemon.home)}", OPTIONS) as channel:

        async def one_after_another() -> None:
            for call in made:
                answers.append(await fuzzing.answer(channel, call))

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return answers


def test_every_rpc_is_asked() -> None:
    asked = {call.path for call in itertools.islice(fuzzing.requests(SEED, KNOWN), len(fuzzing.methods()))}
    there = {
        f"/{service.full_name}/{method.name}"
        for service in pb.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert asked == there - fuzzing.LEFT_OUT.keys()


@pytest.mark.long
@pytest.mark.parametrize("calls", [400, pytest.param(1_500, marks=pytest.mark.long)])
def test_no_request_is_answered_with_a_mistake_of_mynads_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, calls: int
) -> None:
    async def life(living: Living) -> None:
        furnish(living)
        answers = await bombard(living, SEED, calls)
        wrong = Counter((answer.call.path, answer.code) for answer in answers if answer.code in ("INTERNAL", "UNKNOWN"))
        assert not wrong
        assert not {
            answer.call.path for answer in answers if len(answer.details) > LONGEST or "metadata" in answer.details
        }
        assert max(answer.seconds for answer in answers if answer.call.path.endswith("System/Info")) < 5.0
        assert await living.client.info()

    with caplog.at_level(logging.WARNING):
        lived(tmp_path / "home", life, NO_WORKER, settle=3600.0, min_free_disk=0)
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
    assert [path.name for path in tmp_path.iterdir()] == ["home"], "nothing was written elsewhere"


BEYOND = 2**63
TOKENS = ("²", "٣", "99999999999999999999", "-1", "1e3", "9" * 5_000)
PAGED = (
    ("/myna.v1.Jobs/List", pb.ListJobsRequest),
    ("/myna.v1.Runs/List", pb.ListRunsRequest),
    ("/myna.v1.Datasets/List", pb.ListDatasetsRequest),
    ("/myna.v1.Datasets/Clips", pb.ClipsRequest),
    ("/myna.v1.Datasets/Recordings", pb.ListRecordingsRequest),
    ("/myna.v1.Voices/Versions", pb.VersionsRequest),
    ("/myna.v1.Voices/Ratings", pb.RatingsRequest),
)


def options(**given: str) -> pb.EstimateRequest:
    return pb.EstimateRequest(spec=pb.TrainSpec(voice="anna", options=pb.TrainOptions(engine=given)))


def where(kind: type[Message]) -> dict[str, Any]:
    """What else a list must be asked for."""
    return {
        name: value for name, value in (("voice", "anna"), ("a", 1), ("b", 2)) if name in kind.DESCRIPTOR.fields_by_name
    }


#: Requests that once were answered with INTERNAL, and the code that each has now.
ONCE = [
    ("/myna.v1.Jobs/Submit", pb.SubmitRequest(spec=pb.JobSpec(**{"import": pb.ImportSpec(path="/a.myna.tar.zst")})),
    "INVALID"), ("/myna.v1.Jobs/Submit", pb.SubmitRequest(spec=pb.JobSpec(speak=pb.SpeakSpec(voice="anna",
    text="Hi")), priority=2**31 - 1), "INVALID"), ("/myna.v1.Jobs/Watch", pb.WatchRequest(after=BEYOND),
    "OUT_OF_RANGE"), ("/myna.v1.Jobs/Logs", pb.LogsRequest(id=1, after=BEYOND), "OUT_OF_RANGE"),
    ("/myna.v1.Runs/WatchPoints", pb.WatchPointsRequest(run=1, after=BEYOND), "OUT_OF_RANGE"),
    ("/myna.v1.System/Watch", pb.SystemWatchRequest(every_seconds=float("nan")), "INVALID"),
    ("/myna.v1.System/Estimate", options(steps=str(10**12)), "INVALID"),
    ("/myna.v1.System/Estimate", options(max_seconds="NaN"), "INVALID"),
    ("/myna.v1.System/Estimate", options(steps="[" * 20_000), "INVALID"),
    ("/myna.v1.System/Estimate", options(lora='{"rank": 1, "no": 2}'), "INVALID"),
    ("/myna.v1.System/Estimate", pb.EstimateRequest(spec=pb.TrainSpec(voice="anna", **{"from": "9" * 5_000})),
    "INVALID"), ("/myna.v1.Jobs/List", pb.ListJobsRequest(kinds=[pb.TRAIN] * 300_000), "OK"),
    ("/myna.v1.Datasets/Upload", pb.UploadPart(voice="anna", name="a.wav/b.wav", last=True), "FAILED_PRECONDITION"),
    *((path, kind(page=pb.Page(token=token), **where(kind)), "INVALID") for path, kind in PAGED for token in TOKENS),
]  # fmt: skip


def test_what_once_was_a_mistake_of_mynads_own_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        furnish(living)
        await living.ingest("anna")
        inbox = living.daemon.home / "inbox" / "anna"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / "a.wav").write_bytes(b"a file where a folder is asked for")
        async with grpc.aio.insecure_channel(f"unix:{socket_path(living.daemon.home)}", OPTIONS) as channel:
            named = {fuzzing.Call(method, ()).path: method for method in fuzzing.methods()}
            for path, request, code in ONCE:
                answer = await fuzzing.answer(channel, fuzzing.Call(named[path], (request.SerializeToString(),)))
                assert answer.code.startswith(code), (path, str(request)[:100], answer)

    lived(tmp_path / "home", life, NO_WORKER, settle=3600.0, min_free_disk=0)


def test_a_request_that_is_too_big_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match="too much for one request") as caught:
            await living.client.submit(pb.SpeakSpec(voice="anna", text="x" * 5_000_000))
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        biggest = pb.IngestSpec(
            voice="anna", files=[b"%05d" % number + b"x" * 150 for number in range(ingest.FILES_LIMIT)]
        )
        assert (await living.client.submit(biggest)).id
        assert (await living.client.submit(pb.SpeakSpec(voice="anna", text="\U0001f600x" * (speak.LONGEST // 2)))).id

    lived(tmp_path / "home", life, NO_WORKER, settle=3600.0, min_free_disk=0)


@pytest.mark.parametrize(
    ("error", "told"), [(grpc.aio.InternalError("the caller left"), False), (ValueError("a mistake"), True)]
)
def test_who_leaves_while_an_answer_is_on_its_way_is_no_traceback_in_the_log(error: Exception, told: bool) -> None:
    record = logging.LogRecord("grpc", logging.ERROR, "", 0, "raised", (), (type(error), error, None))
    assert gate.worth_telling(record) == told
