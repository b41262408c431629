"""What came from elsewhere, on its way into the home."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.far import landing
from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Item
from daemon.home import identity
from proto import worker_pb2 as wire

pytestmark = pytest.mark.unit


class Coming:
    """A training's outputs in the shared folder, and the home that they are for."""

    def __init__(self, folder: Path) -> None:
        self.home, self.made = folder / "home", folder / "made"
        self.store = SharedStore(f"file://{folder}/shared")
        self.plan = wire.TrainPlan(
            run_dir=str(self.home / "runs" / "5"),
            out_dir=str(self.home / "voices" / "anna" / "2"),
            run_uuid="run",
            home_uuid="home",
        )

    def item(self, path: str, content: str) -> Item:
        source = self.made / "file"
        source.parent.mkdir(exist_ok=True)
        source.write_text(content)
        return self.store.put(source, path)

    def folder(self, path: str, files: dict[str, str], run: str = "run") -> list[Item]:
        """Items of a folder that bears a run's mark."""
        marked = self.made / "marked"
        marked.mkdir(parents=True, exist_ok=True)
        identity.write(marked, identity.Mark("home", run))
        mark = self.store.put(marked / identity.MARK, f"{path}/{identity.MARK}")
        return [mark, *(self.item(f"{path}/{name}", content) for name, content in files.items())]

    def land(self, *items: Item) -> None:
        landing.land(self.plan, self.store, items)

    def found(self, folder: str) -> dict[str, str]:
        """What lies there, but for marks."""
        at = self.home / folder
        files = (path for path in at.rglob("*") if path.is_file() and path.name != identity.MARK)
        return {path.relative_to(at).as_posix(): path.read_text() for path in files}


@pytest.fixture
def coming(tmp_path: Path) -> Coming:
    return Coming(tmp_path)


def test_a_version_and_its_run_come_home_whole(coming: Coming) -> None:
    version = coming.folder("voices/anna/2", {"model": "w", "deep/er": "x"})
    coming.land(*version, *coming.folder("runs/5", {"checkpoints/step-1/state": "1", "beginning.json": "{}"}))
    assert coming.found("voices/anna") == {"2/model": "w", "2/deep/er": "x"}
    coming.land(*coming.folder("runs/5", {"checkpoints/step-2/state": "2"}))
    assert coming.found("runs/5") == {"checkpoints/step-2/state": "2", "beginning.json": "{}"}
    assert [path.name for path in (coming.home / "runs" / "5" / "checkpoints").iterdir()] == ["step-2"]


def test_what_a_run_goes_on_from_goes_when_it_came_to_its_end_elsewhere(coming: Coming) -> None:
    stays = {"beginning.json": "{}", "selection/samples/5/a.wav": "hello"}
    goes = {
        "sound.safetensors": "s",
        "checkpoints/step-1/state": "1",
        "selection/step-000005/model": "w",
        "selection/step-000005/deep/er": "x",
    }
    coming.land(*coming.folder("runs/5", stays | goes))
    assert coming.found("runs/5") == stays | goes
    coming.land(*coming.folder("runs/5", stays))
    assert coming.found("runs/5") == stays
    assert sorted(path.name for path in (coming.home / "runs" / "5").glob("**/*") if path.is_dir()) == [
        "5",
        "samples",
        "selection",
    ]


def test_a_version_that_is_there_stays_and_anothers_is_set_aside(coming: Coming) -> None:
    coming.land(*coming.folder("voices/anna/2", {"model": "first"}))
    coming.land(*coming.folder("voices/anna/2", {"model": "again"}))
    assert coming.found("voices/anna") == {"2/model": "first"}
    identity.write(coming.home / "voices" / "anna" / "2", identity.Mark("home", "another"))
    coming.land(*coming.folder("voices/anna/2", {"model": "ours"}))
    aside = f"2{identity.ASIDE}/model"
    assert coming.found("voices/anna") == {"2/model": "ours", aside: "first"}, "nothing of a person's is deleted"


@pytest.mark.parametrize(
    "path", ["voices/anna/1/model", "myna.db", "voices/anna/2/../1/model", "/etc/passwd", "runs/5", "runs/50/x"]
)
def test_what_is_for_another_place_is_refused_and_nothing_lands(coming: Coming, path: str) -> None:
    version = coming.folder("voices/anna/2", {"model": "w"})
    with pytest.raises(BadFile, match="leads elsewhere"):
        coming.land(*version, coming.item(path, "x"))
    assert not (coming.home / "voices").exists()


@pytest.mark.parametrize("run", ["another", ""])
def test_what_bears_another_mark_or_none_is_refused(coming: Coming, run: str) -> None:
    items = coming.folder("voices/anna/2", {"model": "w"}, run)
    with pytest.raises(BadFile, match="the mark of another run"):
        coming.land(*(items if run else items[1:]))
    assert coming.found("voices") == {}


def test_content_that_was_changed_lands_nothing(coming: Coming, tmp_path: Path) -> None:
    mark, model = coming.folder("voices/anna/2", {"model": "w"})
    (tmp_path / "shared" / "objects" / model.sha256[:2] / model.sha256).write_text("v")
    with pytest.raises(BadFile, match="not what its SHA-256 says"):
        coming.land(mark, model)
    assert coming.found("voices") == {}
