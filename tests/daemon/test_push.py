"""A version goes to a bucket and comes back as another voice: the real mynad, its real workers (one of which is killed
midway), and a real server that speaks S3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import travelling
from living_daemon import Living, lived
from moto.server import ThreadedMotoServer
from safetensors.numpy import save_file

from daemon.places import over_s3
from daemon.places.place import parse
from daemon.push_settings import Push
from daemon.state import voices
from proto import myna_pb2 as pb
from proto.channel import ClientError

pytestmark = [pytest.mark.integration, pytest.mark.long]

PROGRAM = (sys.executable, str(Path(__file__).with_name("killed_pusher.py")))


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2hunter2")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_pushed_over_a_kill_and_pulled(tmp_path: Path, endpoint: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "myna.toml").write_text(f'[push]\ns3_endpoint = "{endpoint}"\n')
    site = Push(s3_endpoint=endpoint)
    files = over_s3.opened(parse("s3://bucket/voices"), site, {"AWS_REGION": "us-east-1"}).files
    files.call_s3("create_bucket", Bucket="bucket")

    async def life(living: Living) -> None:
        folder = travelling.version(living.daemon.store, "robin", 7)
        weights = np.random.default_rng(0).standard_normal(13_000_000).astype(np.float32)
        save_file({"numbers": weights}, folder / "model.safetensors")
        with pytest.raises(ClientError, match="no place to push to"):
            await living.client.submit(pb.PushSpec(voice="robin", version=7, url="gopher://bucket"))
        job = await living.client.submit(pb.PushSpec(voice="robin", version=7, url="s3://bucket/voices"))
        assert not job.gpu_lane
        ended = await living.until(job.id, lambda told: told.status.WhichOneof("status") in ("succeeded", "failed"), 90)
        assert "s3://bucket/voices/robin-7" in ended.status.succeeded.sentence, ended.status
        assert living.outcomes(job.id) == ["crashed", "succeeded"]
        assert files.call_s3("list_multipart_uploads", Bucket="bucket").get("Uploads", []) == []

        pull = await living.client.submit(pb.PullSpec(url="s3://bucket/voices/robin-7", voice="wren"))
        await living.until(pull.id, "succeeded", 60)
        (taken,) = [one async for one in living.client.jobs(voice="wren") if one.parent_job == pull.id]
        await living.until(taken.id, "succeeded", 60)
        (row,) = [one async for one in living.client.versions("wren")]
        assert (row.voice, row.number) == ("wren", 1)
        assert (home / "voices/wren/1/model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
        assert list((home / "imports").iterdir()) == []
        kept = (path for path in home.rglob("*") if path.is_file() and path.suffix != ".safetensors")
        assert not any(b"hunter2" in path.read_bytes() for path in kept)

        living.daemon.store.write_now(
            lambda session: setattr(voices.get(session, "wren"), "options", {"auto_push": "s3://bucket/auto"})
        )
        await living.client.promote("wren", 1)
        (pushed,) = [one async for one in living.client.jobs(voice="wren", kinds=[pb.PUSH])]
        assert pushed.title == "push wren@1 to s3://bucket/auto"

    lived(home, life, PROGRAM, auto_train=False, min_free_disk=0, stop_grace=1.0, push=site)
