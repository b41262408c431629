"""Files over the wire into the inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from calls import Refused
from datasets_service import ask, service_of

from daemon.settings import Settings
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def upload(daemon: Any, *parts: pb.UploadPart) -> list[str]:
    async def stream() -> AsyncIterator[pb.UploadPart]:
        for part in parts:
            yield part

    return list(ask(service_of(daemon).Upload, stream()).names)


def files(daemon: Any) -> list[str]:
    inbox = daemon.home / "inbox"
    return sorted(str(path.relative_to(inbox)) for path in inbox.rglob("*") if path.is_file())


def test_uploaded_files_appear_whole_under_their_names(daemon: Any) -> None:
    names = upload(
        daemon,
        pb.UploadPart(voice="anna", name="a.wav", data=b"one "),
        pb.UploadPart(data=b"two", last=True),
        pb.UploadPart(voice="bea", name="takes/b.wav", data=b"three", last=True),
    )
    assert names == ["a.wav", "b.wav"]
    assert files(daemon) == ["anna/a.wav", "bea/takes/b.wav"]
    assert (daemon.home / "inbox/anna/a.wav").read_bytes() == b"one two"


def test_an_upload_that_breaks_off_leaves_nothing(daemon: Any) -> None:
    with pytest.raises(Refused, match="is incomplete"):
        upload(daemon, pb.UploadPart(voice="anna", name="a.wav", data=b"one "))
    with pytest.raises(Refused, match="before the one before"):
        upload(
            daemon,
            pb.UploadPart(voice="anna", name="a.wav", data=b"one "),
            pb.UploadPart(voice="anna", name="b.wav", data=b"two"),
        )
    assert files(daemon) == []


def test_an_upload_never_overwrites(daemon: Any) -> None:
    for _ in range(2):
        upload(daemon, pb.UploadPart(voice="anna", name="a.wav", data=b"one", last=True))
    assert files(daemon) == ["anna/a.2.wav", "anna/a.wav"]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("../../../etc/passwd", "anna/etc/passwd"),
        ("/etc/passwd", "anna/etc/passwd"),
        ("..\\..\\a.wav", "anna/a.wav"),
        (".hidden.wav", "anna/hidden.wav"),
        ("two\nlines.wav", "anna/twolines.wav"),
        ("nul\0.wav", "anna/nul.wav"),
        ("a" * 400 + ".wav", "anna/" + "a" * 156 + ".wav"),
    ],
)
def test_an_uploaded_name_stays_inside_the_voice_folder(daemon: Any, name: str, there: str) -> None:
    upload(daemon, pb.UploadPart(voice="anna", name=name, data=b"x", last=True))
    assert files(daemon) == [there]


@pytest.mark.parametrize(
    ("voice", "name"),
    [("../x", "a.wav"), ("", "a.wav"), ("Anna", "a.wav"), (".hidden", "a.wav"), ("anna", ""), ("anna", "../..")],
)
def test_an_upload_to_nowhere_is_refused(daemon: Any, voice: str, name: str) -> None:
    with pytest.raises(Refused) as refused:
        upload(daemon, pb.UploadPart(voice=voice, name=name, data=b"x", last=True))
    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_an_upload_stops_before_the_disk_is_full(daemon: Any) -> None:
    daemon.settings = Settings(min_free_disk=10**18)
    with pytest.raises(Refused, match="full") as refused:
        upload(daemon, pb.UploadPart(voice="anna", name="a.wav", data=b"x", last=True))
    assert refused.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert files(daemon) == []
