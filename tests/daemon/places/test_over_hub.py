"""A repository of a hub: the library's interface is real, what answers behind it is a folder here. Each call is held
against the library's own signature."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import furnished
import huggingface_hub
import pytest
import travelling
from huggingface_hub.errors import EntryNotFoundError

from daemon.database.store import Store
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = pytest.mark.integration

REAL = huggingface_hub.HfApi


class Hub:
    """Stands in for HfApi."""

    folder: Path
    made: list[dict[str, Any]]
    tokens: list[str | None]
    sent: list[str]

    def __init__(self, *words: Any, **how: Any) -> None:
        bound = inspect.signature(REAL).bind(*words, **how)
        self.tokens.append(bound.arguments.get("token"))

    def __getattr__(self, method: str) -> Any:
        def call(*words: Any, **how: Any) -> Any:
            asked = inspect.signature(getattr(REAL, method)).bind(self, *words, **how).arguments
            asked.pop("self")
            return getattr(self, f"_{method}")(**asked)

        if method.startswith("_"):
            raise AttributeError(method)
        return call

    def _create_repo(self, repo_id: str, **how: Any) -> None:
        self.made.append({"repo": repo_id, **how})

    def _upload_file(self, path_or_fileobj: Path, path_in_repo: str, repo_id: str, commit_message: str) -> None:
        target = self.folder / repo_id / path_in_repo
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path_or_fileobj, target)
        self.sent.append(path_in_repo)

    def _get_paths_info(self, repo_id: str, paths: list[str]) -> list[Any]:
        found = [self.folder / repo_id / path for path in paths]
        return [SimpleNamespace(size=path.stat().st_size) for path in found if path.exists()]

    def _hf_hub_download(self, repo_id: str, filename: str, local_dir: str, force_download: bool) -> str:
        source = self.folder / repo_id / filename
        if not source.exists():
            raise EntryNotFoundError(filename)
        return str(shutil.copyfile(source, Path(local_dir) / Path(filename).name))


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    made = type("Made", (Hub,), {"folder": folder, "made": [], "tokens": [], "sent": []})
    monkeypatch.setattr(huggingface_hub, "HfApi", made)
    return made


def test_a_version_goes_through_a_repository(store: Store, tmp_path: Path, hub: type[Hub]) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    travelling.version(there, "robin", 7)
    secrets = tmp_path / "secrets"
    secrets.write_text("HF_TOKEN=hunter2\n")
    secrets.chmod(0o600)
    (tmp_path / "there/myna.toml").write_text(f'[push]\ncredentials = "{secrets}"\n')
    job = furnished.done(there, spec_of(pb.PushSpec(voice="robin", version=7, url="hf://ada/robin")))
    assert job.state == "succeeded", job.why
    assert hub.sent == ["robin-7.myna.tar.zst", "README.md", "manifest.json"]
    assert hub.made[0] == {"repo": "ada/robin", "private": True, "exist_ok": True}
    assert set(hub.tokens) == {"hunter2"}
    everywhere = there.path.read_bytes() + there.path.with_name(f"{there.path.name}-wal").read_bytes()
    assert b"hunter2" not in everywhere

    again = furnished.done(there, spec_of(pb.PushSpec(voice="robin", version=7, url="hf://ada/robin")))
    assert (again.state, len(hub.sent)) == ("succeeded", 3), "what is there whole is not sent again"
    travelling.version(there, "wren", 7, seed=3)
    other = furnished.done(there, spec_of(pb.PushSpec(voice="wren", version=7, url="hf://ada/robin")))
    assert (other.state, len(hub.sent)) == ("failed", 3)
    assert "holds robin@7 already" in other.why
    there.close()

    pulled = furnished.done(store, spec_of(pb.PullSpec(url="hf://ada/robin")))
    assert pulled.state == "succeeded", pulled.why
    missing = furnished.done(store, spec_of(pb.PullSpec(url="hf://ada/wren")))
    assert "has no manifest.json" in missing.why
