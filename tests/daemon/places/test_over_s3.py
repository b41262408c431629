"""A bucket of a real server that speaks S3, on loopback."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import furnished
import pytest
import travelling
from moto.server import ThreadedMotoServer

from daemon.database.store import Store
from daemon.places import over_s3
from daemon.places.place import parse
from daemon.places.remote import digest, has, opened, told
from daemon.push_settings import Push
from engines.errors import EngineError
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = [pytest.mark.integration, pytest.mark.long]

MIB = 1 << 20


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def site(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Push:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2hunter2")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return Push(s3_endpoint=endpoint, r2_endpoint=endpoint)


@pytest.fixture
def bucket(site: Push, tmp_path: Path) -> str:
    """A bucket of the test's own."""
    name = f"voices-{random.Random(str(tmp_path)).randrange(10**9)}"
    remote(site, tmp_path, f"s3://{name}").files.call_s3("create_bucket", Bucket=name)
    return name


def remote(site: Push, tmp_path: Path, url: str) -> over_s3.S3Remote:
    found = opened(parse(url), site, tmp_path)
    assert isinstance(found, over_s3.S3Remote)
    return found


def toml(home: Path, site: Push) -> None:
    (home / "myna.toml").write_text(f'[push]\ns3_endpoint = "{site.s3_endpoint}"\nr2_endpoint = "{site.r2_endpoint}"\n')


@pytest.mark.parametrize("scheme", ["s3", "r2"])
def test_a_version_goes_through_a_bucket(store: Store, tmp_path: Path, site: Push, bucket: str, scheme: str) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    travelling.version(there, "robin", 7)
    for home in (store.path.parent, there.path.parent):
        toml(home, site)
    url = f"{scheme}://{bucket}/voices"
    job = furnished.done(there, spec_of(pb.PushSpec(voice="robin", version=7, url=url)))
    there.close()
    assert job.state == "succeeded", job.why
    files = remote(site, tmp_path, url).files
    assert sorted(files.ls(f"{bucket}/voices/robin-7", detail=False)) == [
        f"{bucket}/voices/robin-7/{name}" for name in ("README.md", "manifest.json", "robin-7.myna.tar.zst")
    ]
    pulled = furnished.done(store, spec_of(pb.PullSpec(url=f"{url}/robin-7")))
    assert pulled.state == "succeeded", pulled.why
    assert "robin@7 was fetched" in pulled.why


def test_a_push_that_was_killed_sends_only_what_is_missing(
    tmp_path: Path, site: Push, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 takes no smaller parts than 5 MiB. The process is killed (SIGKILL) when three of five are there."""
    url, file = f"s3://{bucket}/voices", tmp_path / "big"
    file.write_bytes(random.Random(1).randbytes(5 * 5 * MIB - 1000))
    toml(tmp_path, site)
    program = [sys.executable, str(Path(__file__).with_name("pushing.py")), url, str(file), str(tmp_path), str(5 * MIB)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for part in range(1, 4):
            assert int(process.stdout.readline()) == part * 5 * MIB
            if part < 3:
                process.stdin.write("\n")
                process.stdin.flush()
        process.kill()
    again = remote(site, tmp_path, url)
    again.part = 5 * MIB
    assert again.size("big") is None, "half a file is none"
    called: list[tuple[str, int]] = []
    real = again.files.call_s3

    def noted(method: str, *words: object, **how: object) -> object:
        called.append((method, int(str(how.get("PartNumber", 0)))))
        return real(method, *words, **how)

    monkeypatch.setattr(again.files, "call_s3", noted)
    again.send(file, "big", lambda have: None)
    assert [number for method, number in called if method == "upload_part"] == [4, 5]
    assert "create_multipart_upload" not in dict(called)
    assert has(again, "big", file.stat().st_size, digest(iter([file.read_bytes()])))
    assert b"".join(again.read("big", 20 * MIB)) == file.read_bytes()[20 * MIB :]


def test_parts_of_another_file_are_not_taken_for_ours(tmp_path: Path, site: Push, bucket: str) -> None:
    file = tmp_path / "big"
    one = remote(site, tmp_path, f"s3://{bucket}/voices")
    one.part = 5 * MIB
    key = "voices/big"
    upload = one.files.call_s3("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"]
    one.files.call_s3("upload_part", Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 5 * MIB)
    file.write_bytes(random.Random(2).randbytes(6 * MIB))
    one.send(file, "big", lambda have: None)
    assert b"".join(one.read("big")) == file.read_bytes()


def test_a_bucket_that_is_not_there_is_a_sentence_without_secrets(tmp_path: Path, site: Push) -> None:
    file = tmp_path / "small"
    file.write_bytes(b"small")
    place = parse("s3://nobodys-bucket/voices")
    with pytest.raises(EngineError) as failed, told(place, site):
        remote(site, tmp_path, str(place)).send(file, "small", lambda have: None)
    assert "s3://nobodys-bucket/voices does not do what is asked" in str(failed.value)
    assert "hunter2" not in str(failed.value)
    assert failed.value.hint
