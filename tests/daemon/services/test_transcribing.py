"""Speech.Transcribe through the queue and a real worker: what a recogniser hears comes back, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy import select

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.home import heard_files
from daemon.processes.workers import PROGRAM
from engines import recognisers
from proto import myna_pb2 as pb
from proto.client import ClientError
from tests.engines.transcription.tiny_whisper import build

pytestmark = pytest.mark.integration

DEMO = Path(__file__).resolve().parents[3] / "demo" / "recordings" / "d01.flac"


@pytest.fixture(autouse=True)
def no_whisper_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(recognisers.ENVIRONMENT, raising=False)


def parts(data: bytes, **spec: object) -> Iterator[pb.TranscribePart]:
    yield pb.TranscribePart(spec=pb.TranscribeSpec(**spec), data=data[:1_000])  # type: ignore[arg-type]
    yield pb.TranscribePart(data=data[1_000:])


def left(home: Path) -> list[str]:
    return [path.name for path in (home / "imports").iterdir()]


def test_whisper_hears_a_file_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    build(tmp_path / "weights" / "whisper")

    async def life(living: Living) -> None:
        heard = await living.client.transcribe(parts(DEMO.read_bytes(), language="en", words=True))
        assert (heard.language, heard.recogniser, heard.low_trust) == ("en", "whisper", False)
        assert heard.seconds == pytest.approx(4.8, abs=0.2)
        assert heard.text, "it babbles"
        assert all(0 <= one.start <= one.end for one in heard.segments)
        assert any(one.words for one in heard.segments)
        (job,) = [job async for job in living.client.jobs(kinds=[pb.TRANSCRIBE])]
        assert job.status.HasField("succeeded")
        assert left(tmp_path) == []
        with pytest.raises(ClientError, match=r"decoded|audio|sound"):
            await living.client.transcribe(parts(b"no sound at all" * 100))
        assert left(tmp_path) == []

    lived(tmp_path, life, PROGRAM)


@pytest.mark.long
def test_pocketsphinx_hears_only_where_it_is_asked_for_and_is_not_trusted(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError) as refused:
            await living.client.transcribe(parts(DEMO.read_bytes()))
        assert refused.value.sentence == "There is no Whisper model here."
        assert "`myna engines fetch whisper-large-v3`" in refused.value.hint
        assert str(tmp_path / "weights" / "whisper") in refused.value.hint
        heard = await living.client.transcribe(parts(DEMO.read_bytes(), recogniser="pocketsphinx"))
        assert (heard.recogniser, heard.low_trust, heard.language) == ("pocketsphinx", True, "en")
        assert len(heard.text.split()) > 3
        for spec, words in (({"recogniser": "ears"}, "no recogniser named 'ears'"), ({"temperature": 2.0}, "0 to 1")):
            with pytest.raises(ClientError, match=words):
                await living.client.transcribe(parts(DEMO.read_bytes(), **spec))
        with pytest.raises(ClientError, match="No sound was sent"):
            await living.client.transcribe(iter(()))
        assert left(tmp_path) == []

    lived(tmp_path, life, PROGRAM)


def test_no_name_leads_elsewhere(store: Store, tmp_path: Path) -> None:
    for name in ("", "../myna.db", "a.sound", f"{'a' * 32}.sound/..", f"{'A' * 32}.sound", "x" * 5_000):
        with pytest.raises(BadRequest, match="no sound file that was sent"):
            heard_files.path(tmp_path, name)
    assert store.read_now(lambda session: session.scalars(select(Job)).all()) == []


def test_a_file_has_a_size_at_most(store: Store, tmp_path: Path) -> None:
    from daemon.machine.disk_space import DiskSpace

    incoming = heard_files.Incoming(tmp_path, DiskSpace(tmp_path, 0), largest=10)
    incoming.add(b"12345")
    with pytest.raises(BadRequest, match="more than"):
        incoming.add(b"678901")
    incoming.close()
    assert left(tmp_path) == []
