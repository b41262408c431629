"""What takes music out of recordings gets here: the real job and a real HTTP server. Only the model is small, so that
another file is the published one here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import NotNow
from daemon.kinds.fetch import worker
from engines import separators
from engines.audio.separation import separation
from engines.errors import EngineError, WeightsMissing
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.audio.tiny_hdemucs import build
from tests.engines.file_server import Server

pytestmark = pytest.mark.integration

NAME = "hdemucs"
FILE = separators.PUBLISHED[NAME].file.name


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model")).parent


@pytest.fixture
def publisher(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Has the model under its name."""
    data = (model / FILE).read_bytes()
    with Server({f"/models/{FILE}": data}).up() as made:
        file = replace(
            separators.PUBLISHED[NAME].file,
            url=f"{made.url}/models/{FILE}",
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
        )
        small = replace(separators.PUBLISHED[NAME], file=file)
        monkeypatch.setattr(separators, "PUBLISHED", MappingProxyType({NAME: small}))
        yield made


def asked(store: Store, folder: str = "") -> tuple[int, wire.FetchPlan]:
    def act(session: Session) -> tuple[int, wire.FetchPlan]:
        job = lives.submit(session, pb.JobSpec(fetch=pb.FetchSpec(engine=NAME, folder=folder)))
        return job.id, lives.kind(session, "fetch").plan(session, job).fetch

    return store.write_now(act)


def bring(store: Store, home: Path, job: int, plan: wire.FetchPlan) -> str:
    return worker.run(plan, InProcessChannel(store, home, job))  # type: ignore[arg-type]


def test_what_is_published_is_told_with_its_licence(store: Store) -> None:
    published = separators.PUBLISHED[NAME]
    assert len(bytes.fromhex(published.file.sha256)) == 32
    job, plan = asked(store)
    title = store.read_now(lambda session: session.get_one(Job, job).title)
    assert title == f"fetch hdemucs ({published.terms})"
    assert plan.folder.endswith("/weights/separation/hdemucs")


def test_it_comes_from_its_publisher_and_is_used(store: Store, tmp_path: Path, publisher: Server) -> None:
    sentence = bring(store, tmp_path, *asked(store))
    assert sentence.startswith("hdemucs is here")
    assert "for scientific purposes only" in sentence
    assert separators.present(NAME, tmp_path / "weights")
    assert separation(NAME, 22_050, tmp_path / "weights") is not None
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["separation"], "nothing is left beside it"
    with pytest.raises(NotNow, match="hdemucs is here already"):
        asked(store)


def test_one_that_is_on_its_way_is_not_fetched_twice(store: Store, publisher: Server) -> None:
    asked(store)
    with pytest.raises(NotNow, match="hdemucs is on its way already"):
        asked(store)


def test_what_broke_off_is_no_model_yet_and_goes_on(store: Store, tmp_path: Path, publisher: Server) -> None:
    whole = publisher.files.pop(f"/models/{FILE}")
    job, plan = asked(store)
    with pytest.raises(EngineError, match=rf"{FILE} cannot be fetched: the server answers 404"):
        bring(store, tmp_path, job, plan)
    assert not separators.present(NAME, tmp_path / "weights")
    (tmp_path / "weights" / "hdemucs.part" / f"{FILE}.part").write_bytes(whole[:1000])
    publisher.files[f"/models/{FILE}"] = whole
    bring(store, tmp_path, job, plan)
    assert publisher.asked[-1] == (f"/models/{FILE}", "bytes=1000-")
    assert (separators.folder(NAME, tmp_path / "weights") / FILE).read_bytes() == whole


def test_other_bytes_than_the_published_ones_are_refused(store: Store, tmp_path: Path, publisher: Server) -> None:
    publisher.files[f"/models/{FILE}"] = bytes(len(publisher.files[f"/models/{FILE}"]))
    with pytest.raises(EngineError, match=rf"is not the published {FILE}"):
        bring(store, tmp_path, *asked(store))
    assert not separators.present(NAME, tmp_path / "weights")


def test_it_comes_from_a_folder(store: Store, tmp_path: Path, publisher: Server, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsMissing, match=r"holds no Hybrid Demucs.*") as refused:
        bring(store, tmp_path, *asked(store, str(tmp_path / "empty")))
    assert FILE in refused.value.hint
    store.write_now(lambda session: session.execute(Job.__table__.delete()))
    bring(store, tmp_path, *asked(store, str(model)))
    assert (separators.folder(NAME, tmp_path / "weights") / FILE).read_bytes() == (model / FILE).read_bytes()
    assert publisher.asked == []
