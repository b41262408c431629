"""Hostile requests for every RPC there is, made from the descriptors of proto/myna.proto: an RPC that is added later
joins by itself.

`requests(seed, known)` yields `Call`s without end, the same for the same seed; `answer(channel, call)` makes one and
tells what came back. Tests assert what mynad may answer, and benchmarks count how fast.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from proto import myna_pb2 as pb

#: RPCs that are not called, each with its reason.
LEFT_OUT = {"/myna.v1.System/Shutdown": "it ends the mynad that is asked"}
#: Answers read of a stream, and seconds waited for the next one, before it is cancelled.
ANSWERS, PATIENCE = 20, 0.2
DEADLINE = 30.0  #: seconds for a whole call
#: What grpc.aio's client says of a stream that was refused while it still sent: the daemon's own status is lost there
#: now and then.
BROKE_OFF = "Internal error from Core"
#: One request in so many is not a message at all.
GARBAGE = 25

DIGITS = (
    "²",
    "٣",
    "99999999999999999999",
    "-1",
    "0",
    "1",
    "2",
    "1e3",
    str(2**63),
    str(2**63 - 1),
    "0x10",
    " 1",
    "1_0",
    "9" * 5_000,
)
WORDS = (
    "", " ", "\0", "a\0b", "\n", "\r\n\t", "\u202eanna", "\u200f", "\ufeff", "anna\u0301", "ß", "İ", "𝕒𝕟𝕟𝕒", "😀" * 9,
    "\U0010ffff", "\ud7ff", "../..", "../../etc/passwd", "/etc/passwd", "..", ".", "a/../../b", "C:\\x", "~root",
    "-rf", "%s%n", "{0}", "';--", "NaN", "null", "[1", "true", "base", "v1", "v99999999999999999999", "v²", "1e999",
    "[[" * 3_000, "x" * 255, "x" * 256, "x" * 16_000, "ä" * 16_000, "a/" * 4_000,
)  # fmt: skip
FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-300, 5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, 2.0**53, 1e9)
SMALL = (0, 1, 1, 1, 2, 2, 3, 7)

Whole = FieldDescriptor
#: Bits of whole numbers, and whether they have a sign.
WHOLE = {
    Whole.CPPTYPE_INT32: (31, True),
    Whole.CPPTYPE_INT64: (63, True),
    Whole.CPPTYPE_UINT32: (32, False),
    Whole.CPPTYPE_UINT64: (64, False),
}


@dataclass(frozen=True)
class Call:
    """One call: what goes over the wire, and to which RPC."""

    method: MethodDescriptor
    bodies: tuple[bytes, ...]  #: one, unless the RPC takes a stream

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"


@dataclass(frozen=True)
class Answer:
    """What came back of a call."""

    call: Call
    code: str  #: gRPC's name, "OK" too for a stream that was left
    details: str
    seconds: float  #: until the first answer or the status


def methods() -> list[MethodDescriptor]:
    """Every RPC of the contract but those LEFT_OUT."""
    every = [method for service in pb.DESCRIPTOR.services_by_name.values() for method in service.methods]
    return [method for method in every if Call(method, ()).path not in LEFT_OUT]


def requests(seed: int, known: Mapping[str, Sequence[str]]) -> Iterator[Call]:
    """Calls without end, every RPC in turn. `known` are texts that mean something to this mynad, by the names of fields
    (`voice`: …)."""
    chance = random.Random(seed)
    maker = Maker(chance, known)
    for method in itertools.cycle(methods()):
        parts = chance.choice((0, 1, 2, 3, 6)) if method.client_streaming else 1
        yield Call(method, tuple(maker.body(method.input_type) for _ in range(parts)))


class Maker:
    """Makes messages: half of what is in them makes sense, so that the other half gets far."""

    def __init__(self, chance: random.Random, known: Mapping[str, Sequence[str]]) -> None:
        self.chance = chance
        self.known = known

    def body(self, of: Descriptor) -> bytes:
        """A message as bytes, now and then one that is cut short or no message at all."""
        whole = self.message(of).SerializeToString()
        if self.chance.randrange(GARBAGE):
            return whole
        return self.chance.choice(
            (whole[: len(whole) // 2], self.chance.randbytes(40), b"\xff" * 11, b"\x0a\xff\xff\xff\xff\x0f")
        )

    def message(self, of: Descriptor, depth: int = 0) -> Message:
        """A message of that type, all of its oneofs' members in turn."""
        made = message_factory.GetMessageClass(of)()
        chosen = {self.chance.choice([*oneof.fields, None]) for oneof in of.oneofs}
        for field in of.fields:
            in_it = field in chosen if field.containing_oneof else self.chance.random() < 0.9
            if in_it and depth < 6:
                self._set(made, field, depth)
        return made

    def _set(self, made: Message, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            for _ in range(self._count(40)):
                getattr(made, field.name)[self._value(key)] = self._value(value)
        elif field.is_repeated and field.message_type is not None:
            getattr(made, field.name).extend(
                self.message(field.message_type, depth + 1) for _ in range(self._count(40))
            )
        elif field.is_repeated:
            count = self._count(40_000)
            values = [self._value(field) for _ in range(min(count, 20))]
            getattr(made, field.name).extend(
                values[index % len(values)] if count < 1_000 else type(values[0])() for index in range(count)
            )
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(made, field.name, self._value(field))

    def _count(self, most: int) -> int:
        return self.chance.choice((0, 1, 1, 2, 3, most))

    def _value(self, field: FieldDescriptor) -> Any:
        chance = self.chance
        if field.cpp_type in WHOLE:
            bits, sign = WHOLE[field.cpp_type]
            edges = (
                2**bits - 1,
                2**bits - 2,
                2 ** (bits - 1),
                2**31 - 1,
                *((-(2**bits), -1) if sign else ()),
                chance.getrandbits(bits),
            )
            return chance.choice(SMALL if chance.random() < 0.6 else edges)
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_BOOL:
                return chance.random() < 0.5
            case FieldDescriptor.CPPTYPE_ENUM:
                return chance.choice((*field.enum_type.values_by_number, -1, 99, 2**31 - 1))
            case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
                return chance.choice(FLOATS)
        sense = self.known.get(field.name, ())
        text = (
            chance.choice(sense) if sense and chance.random() < 0.85 else chance.choice(chance.choice((WORDS, DIGITS)))
        )
        return text.encode("utf-8", "surrogatepass") if field.type == FieldDescriptor.TYPE_BYTES else text


async def answer(channel: grpc.aio.Channel, call: Call) -> Answer:
    """Make the call; a stream is read for a while, then left."""
    began = time.monotonic()
    first: float | None = None
    method = call.method
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    body: Any = _parts(call) if method.client_streaming else call.bodies[0]
    try:
        made = getattr(channel, kind)(call.path)(body, timeout=DEADLINE)
        if method.server_streaming:
            for _ in range(ANSWERS):
                if await asyncio.wait_for(made.read(), PATIENCE if first else PATIENCE * 5) is grpc.aio.EOF:
                    break
                first = first or time.monotonic() - began
            made.cancel()
        else:
            await made
        code, details = "OK", ""
    except TimeoutError:
        made.cancel()
        code, details = "OK", ""
    except grpc.aio.AioRpcError as error:
        code, details = error.code().name, error.details() or ""
        if details == BROKE_OFF:
            code, details = "CANCELLED", ""
    return Answer(call, code, details, first or time.monotonic() - began)


async def _parts(call: Call) -> AsyncIterator[bytes]:
    for body in call.bodies:
        yield body
