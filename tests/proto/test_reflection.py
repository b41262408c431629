"""What grpcurl relies on: with reflection alone, and none of our generated code, the API can be found and called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from proto.home import socket_path
from tests.e2e.workshop import Workshop

pytestmark = pytest.mark.integration


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[grpc.Channel]:
    workshop = Workshop(tmp_path / "home", tmp_path / "no-base")
    workshop.up()
    with grpc.insecure_channel(f"unix:{socket_path(workshop.home)}") as opened:
        yield opened
    workshop.down()


def test_the_api_is_found_and_called_by_reflection_alone(channel: grpc.Channel) -> None:
    found = ProtoReflectionDescriptorDatabase(channel)
    services = {f"myna.v1.{name}" for name in ("Jobs", "Runs", "Voices", "Datasets", "Speech", "System")}
    assert services | {"grpc.health.v1.Health"} <= set(found.get_services())
    pool = DescriptorPool(found)
    method = pool.FindServiceByName("myna.v1.Jobs").FindMethodByName("List")
    request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = channel.unary_unary("/myna.v1.Jobs/List", request.SerializeToString, answer.FromString)
    rows = MessageToDict(call(ParseDict({"states": ["running"]}, request()), timeout=10))
    assert rows.get("jobs", []) == []
