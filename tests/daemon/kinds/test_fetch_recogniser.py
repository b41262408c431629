"""A Whisper model gets here: the real job, huggingface_hub's real library, and a real HTTP server that answers as the
hub does. Only the model is small. What waited for it is heard then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import EventRow, Job, Recording
from daemon.database.store import Store
from daemon.errors import NotNow
from daemon.inbox.next_step import advance
from daemon.kinds.fetch import worker
from daemon.state import recordings
from engines.errors import EngineError, WeightsMissing
from engines.recognisers import BESIDE, ENVIRONMENT, NEEDED, PUBLISHED, whisper_folder
from engines.transcription.whisper import WhisperTranscriber
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.file_server import Server
from tests.engines.transcription.tiny_whisper import build

pytestmark = pytest.mark.integration

NAME = "whisper-tiny"
REPOSITORY = PUBLISHED[NAME]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"))


@pytest.fixture
def hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Has the model, and a file beside it that nobody needs."""
    files = {path.name: path.read_bytes() for path in model.iterdir()} | {"README.md": b"A model."}
    told = []
    for name, data in files.items():
        told.append({"rfilename": name, "size": len(data)})
        if name == "model.bin":
            told[-1]["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    answer = json.dumps({"id": REPOSITORY, "sha": "f00d", "siblings": told}).encode()
    served = {f"/{REPOSITORY}/resolve/f00d/{name}": data for name, data in files.items()}
    with Server({f"/api/models/{REPOSITORY}?blobs=true": answer, **served}).up() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.delenv(ENVIRONMENT, raising=False)
        yield made


def asked(store: Store, folder: str = "") -> tuple[int, wire.FetchPlan]:
    def act(session: Session) -> tuple[int, wire.FetchPlan]:
        job = lives.submit(session, pb.JobSpec(fetch=pb.FetchSpec(engine=NAME, folder=folder)))
        return job.id, lives.kind(session, "fetch").plan(session, job).fetch

    return store.write_now(act)


def bring(store: Store, home: Path, job: int, plan: wire.FetchPlan) -> str:
    return worker.run(plan, InProcessChannel(store, home, job))  # type: ignore[arg-type]


def test_it_comes_from_the_hub_and_hears(store: Store, tmp_path: Path, hub: Server) -> None:
    sentence = bring(store, tmp_path, *asked(store))
    assert sentence.startswith("whisper-tiny is here")
    folder = tmp_path / "weights" / "whisper" / "tiny"
    assert whisper_folder(tmp_path / "weights") == folder
    assert {path.name for path in folder.iterdir()} <= {*NEEDED, *BESIDE}
    assert WhisperTranscriber(folder, "en", threads=1).language == "en"
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["whisper"], "nothing is left beside it"
    with pytest.raises(NotNow, match=r"are heard by the Whisper model in .*tiny already"):
        asked(store)


def test_what_broke_off_is_no_model_yet_and_goes_on(store: Store, tmp_path: Path, hub: Server) -> None:
    path = f"/{REPOSITORY}/resolve/f00d/model.bin"
    whole = hub.files.pop(path)
    job, plan = asked(store)
    with pytest.raises(EngineError, match=r"model\.bin cannot be fetched: the server answers 404"):
        bring(store, tmp_path, job, plan)
    assert whisper_folder(tmp_path / "weights") is None
    (tmp_path / "weights" / "whisper-tiny.part" / "model.bin.part").write_bytes(whole[:1000])
    hub.files[path] = whole
    before = len(hub.asked)
    bring(store, tmp_path, job, plan)
    assert [one for one in hub.asked[before:] if "resolve" in one[0]] == [(path, "bytes=1000-")]
    assert (tmp_path / "weights" / "whisper" / "tiny" / "model.bin").read_bytes() == whole


def test_other_bytes_than_the_hub_tells_of_are_refused(store: Store, tmp_path: Path, hub: Server) -> None:
    path = f"/{REPOSITORY}/resolve/f00d/model.bin"
    hub.files[path] = bytes(len(hub.files[path]))
    with pytest.raises(EngineError, match=r"is not the published model\.bin"):
        bring(store, tmp_path, *asked(store))
    assert whisper_folder(tmp_path / "weights") is None


def test_a_hub_that_does_not_answer_is_a_sentence(
    store: Store, tmp_path: Path, hub: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EngineError, match="The hub does not tell which files") as refused:
        bring(store, tmp_path, *asked(store))
    assert "myna engines add" in refused.value.hint


def test_it_comes_from_a_folder(store: Store, tmp_path: Path, hub: Server, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsMissing, match="holds no Whisper model"):
        bring(store, tmp_path, *asked(store, str(tmp_path / "empty")))
    store.write_now(lambda session: session.execute(Job.__table__.delete()))
    bring(store, tmp_path, *asked(store, str(model)))
    assert (tmp_path / "weights" / "whisper" / "tiny" / "model.bin").read_bytes() == (model / "model.bin").read_bytes()
    assert hub.asked == []


def test_clips_wait_for_it_visibly_and_are_heard_when_it_is_here(store: Store, tmp_path: Path, hub: Server) -> None:
    def cut(session: Session) -> Recording:
        taken = wire.RecordingTaken(file=b"a.wav", name="a.wav", sha256=sha("a"), path="a.wav", seconds=4.0)
        row = recordings.take(session, "anna", taken)
        making = advance(session, lives.lifecycle(session), "anna", train=False)
        assert making is not None
        clip = wire.CutClip(end=4.0, reason="no-text", sha256=sha("a0"), path="a0")
        recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=[clip]))
        session.flush()
        lives.succeed(session, making, "Cut.")
        assert making.why.endswith("1 clip waits for a text, or for what hears one.")
        assert advance(session, lives.lifecycle(session), "anna", train=False) is None, "nothing here hears it"
        return row

    waiting = store.write_now(cut).id
    told = store.read_now(
        lambda session: [pb.Event.FromString(one.payload) for one in session.scalars(select(EventRow))]
    )
    (notice,) = [one.notice for one in told if one.WhichOneof("what") == "notice"]
    assert notice.sentence == "1 clip waits for a text: nothing here hears 1 recording of anna."
    assert "`myna engines fetch whisper-large-v3`" in notice.hint

    job, plan = asked(store)
    bring(store, tmp_path, job, plan)

    def ended(session: Session) -> tuple[bool, list[str]]:
        lives.succeed(session, session.get_one(Job, job), "Here.")
        due = session.scalars(select(Job).where(Job.kind == "dataset", Job.id > job))
        return session.get_one(Recording, waiting).cut is None, [one.voice for one in due]

    assert store.write_now(ended) == (True, ["anna"])
