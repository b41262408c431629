"""A request for every RPC of the contract, from its descriptor: about what there is, or about what there is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs

#: of a stream without an end, so many messages are enough
ENOUGH = 50
#: streams that have no end, and seconds that are listened to one; what is asked otherwise ends by itself
ENDLESS, LISTENED, BOUND = {"Jobs.Watch", "System.Watch"}, 1.0, 60.0
CALLED = {"voice", "voices", "into", "parent", "against_voice", "voice_b"}


@dataclass(frozen=True)
class Goods:
    """What somebody has, by which requests name it."""

    voice: str
    job: int
    run: int
    rating: int
    sha256: str
    name: str  #: where a request names what is to be made
    person: str

    @property
    def nowhere(self) -> Goods:
        """Names of nothing, that can be told from all there is."""
        return Goods(
            "nobodyx", self.job + 900_000, self.run + 900_000, self.rating + 900_000, "e" * 64, "fresher", "nobody-y"
        )

    def spelt_as(self, other: Goods, text: str) -> str:
        """A text about these as one about the others would be."""
        for mine, its in (
            (self.voice, other.voice),
            (self.person, other.person),
            (self.sha256, other.sha256),
            (self.name, other.name),
        ):
            text = text.replace(mine, its).replace(mine[:12], its[:12])
        for mine, its in ((self.job, other.job), (self.run, other.run), (self.rating, other.rating)):
            text = text.replace(str(mine), str(its))
        return text


def methods() -> list[tuple[str, MethodDescriptor]]:
    """Every RPC there is, as "Service.Method"."""
    services = pb.DESCRIPTOR.services_by_name
    return [(f"{name}.{method.name}", method) for name in services for method in services[name].methods]


def requests(rpc: str, method: MethodDescriptor, goods: Goods) -> list[Message]:
    """What can be asked of it about the goods: one request for each alternative that it has, and one that names
    nothing, which asks a list for all there is."""
    return [*_filled(method.input_type, rpc.partition(".")[0], goods), GetMessageClass(method.input_type)()]


def _filled(kind: Descriptor, service: str, goods: Goods) -> Iterator[Message]:
    made = GetMessageClass(kind)()
    choices = [one for one in kind.oneofs if not one.name.startswith("_")]
    for field in kind.fields:
        if field.containing_oneof in choices:
            continue
        _set(made, field, service, goods)
    if not choices:
        yield made
    for choice in choices:
        for field in choice.fields:
            nested = _filled(field.message_type, service, goods) if field.message_type else (None,)
            for inside in nested:
                copy = GetMessageClass(kind)()
                copy.CopyFrom(made)
                if inside is None:
                    _set(copy, field, service, goods)
                else:
                    getattr(copy, field.name).CopyFrom(inside)
                    getattr(copy, field.name).SetInParent()
                yield copy


def _set(made: Message, field: FieldDescriptor, service: str, goods: Goods) -> None:
    if field.message_type is not None:
        if field.name == "spec" and not field.is_repeated:
            inside = next(_filled(field.message_type, service, goods))
            if field.message_type.name != "JobSpec":
                getattr(made, field.name).CopyFrom(inside)
        return
    value = _value(field, service, goods)
    if value is None:
        return
    if field.is_repeated:
        getattr(made, field.name).append(value)
    else:
        setattr(made, field.name, value)


def _value(field: FieldDescriptor, service: str, goods: Goods) -> Any:
    if field.name in CALLED:
        return goods.voice
    ids = {"Runs": goods.run, "Voices": goods.rating}
    known: dict[str, Any] = {
        "id": ids.get(service, goods.job),
        "ids": goods.job,
        "run": goods.run if service == "Runs" else None,
        "before": goods.job,
        "sha256": goods.sha256,
        "clip": goods.sha256,
        "person": goods.person,
        "name": goods.person if service == "People" else goods.name,
        "version": 1,
        "number": 1,
        "a": 1,
        "preferred": "a",
        "may": "speak",
        "text": "Hello there.",
        "kept": True if field.type == FieldDescriptor.TYPE_BOOL else None,
        "files": b"a.wav",
        "file": b"",
        "data": b"nothing",
        "last": True,
        "engine": "glow",
    }
    return known.get(field.name)


def stream_of(requests: list[Message]) -> AsyncIterator[Message]:
    """Sent one by one."""

    async def send() -> AsyncIterator[Message]:
        for request in requests:
            yield request

    return send()


async def ask(
    channel: grpc.aio.Channel,
    rpc: str,
    method: MethodDescriptor,
    request: Message,
    metadata: tuple[tuple[str, str], ...] = (),
    *,
    enough: Callable[[Message], bool] = lambda answer: False,
) -> tuple[str, str, list[Message]]:
    """(gRPC's name of the outcome, the error's words, the answers, up to the first that is `enough`)."""
    service, _, name = rpc.partition(".")
    call = getattr(getattr(stubs, f"{service}Stub")(channel), name)
    given: Any = stream_of([request]) if method.client_streaming else request
    answers: list[Message] = []
    try:
        if method.server_streaming:
            stream = call(given, metadata=metadata, timeout=LISTENED if rpc in ENDLESS else BOUND)
            async for answer in stream:
                answers.append(answer)
                if len(answers) == ENOUGH or enough(answer):
                    stream.cancel()
                    break
        else:
            answers.append(await call(given, metadata=metadata, timeout=BOUND))
    except grpc.RpcError as error:
        if rpc in ENDLESS and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return "OK", "", answers
        trailing = " ".join(f"{key} {value!r}" for key, value in error.trailing_metadata() or ())
        return error.code().name, f"{error.details()} {trailing}", answers
    return "OK", "", answers
