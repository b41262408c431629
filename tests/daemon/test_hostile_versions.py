"""Packages of versions that somebody made to do harm: each is refused with a sentence, and nothing of it is there."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import furnished
import pytest
import travelling
from repacked import Found, changed, opened, packed
from sqlalchemy import select

from daemon.database.models import Run, Version
from daemon.database.store import Store

pytestmark = pytest.mark.integration
WEIGHTS = "version/model.safetensors"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good one, of another home."""
    there = Store(tmp_path_factory.mktemp("there"))
    travelling.version(there, "robin", 7)
    package = travelling.exported(there, "robin", 7)
    there.close()
    return package


@pytest.fixture
def package(tmp_path: Path, good: Path) -> Path:
    """A copy of it."""
    (tmp_path / "there").mkdir()
    return Path(shutil.copy(good, tmp_path / "there"))


def refused(store: Store, found: Found, tmp_path: Path) -> str:
    """Import it; the sentence of its refusal. Nothing has changed, and nothing lies anywhere."""
    file, home = tmp_path / "hostile.myna.tar.zst", store.path.parent
    file.write_bytes(packed(found))
    before = travelling.lies(home)
    job = furnished.imported(store, file, "robin")
    assert (job.state, job.error_kind) == ("failed", "bad-input"), job.why
    assert travelling.lies(home) == before
    for table in (Version, Run):
        assert store.read_now(lambda session, table=table: session.scalars(select(table)).all()) == []
    assert job.error_hint
    return job.why


def replaced(found: Found, name: str, body: bytes) -> Found:
    """The same with another file, and a manifest that fits it."""

    def fit(table: dict[str, Any]) -> None:
        table["files"] = [one for one in table["files"] if one["name"] != name]
        table["files"].append({"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()})

    return changed({**found, name: body}, fit)


@pytest.mark.parametrize(
    "name",
    [
        "version/../../evil.json",
        "/etc/passwd",
        "version/model.pth",
        "version/model.bin",
        "version/run.py",
        "version/curves.svg",
        "version/.hidden.json",
        "version/sub/model.safetensors",
        "version/identity.json",
        "version/purged.json",
        "samples/evil.wav",
        "samples/../version/model.json",
        f"recordings/aa/{'a' * 64}.wav",
    ],
)
def test_a_file_that_no_version_has_is_refused(store: Store, tmp_path: Path, package: Path, name: str) -> None:
    sentence = refused(store, replaced(opened(package), name, b"evil"), tmp_path)
    assert "no home has a place for" in sentence


def test_weights_are_opened_by_safetensors_and_nothing_else(store: Store, tmp_path: Path, package: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    found = opened(package)
    for body in (pickle.dumps(Evil()), b"", b"\xff" * 64, found[WEIGHTS][:-4]):
        assert "holds no tensors that can be read" in refused(store, replaced(found, WEIGHTS, body), tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_changed_file_is_refused_wherever_it_was_changed(store: Store, tmp_path: Path, package: Path) -> None:
    found = opened(package)
    for name in found:
        broken = {**found, name: found[name][:-2] + bytes([found[name][-2] ^ 1]) + found[name][-1:]}
        assert refused(store, broken, tmp_path)


def test_settings_that_lead_to_other_folders_are_refused(store: Store, tmp_path: Path, package: Path) -> None:
    body = json.dumps({"on": ["../../../../etc"]}).encode()
    sentence = refused(store, replaced(opened(package), "version/settings.json", body), tmp_path)
    assert sentence == "It is loaded onto other versions, which are not in it."
    assert "is not JSON" in refused(store, replaced(opened(package), "version/model.json", b"{"), tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.update(files=[]), "lists no weights"),
        (lambda table: table["files"].append(table["files"][0]), "twice"),
        (lambda table: table.update(about=3), "no version"),
        (lambda table: table["about"].update(evil=1), "cannot be read"),
        (lambda table: table["about"].update(voice="wren"), "do not agree"),
        (lambda table: table["about"].update(number=8), "do not agree on which version"),
        (lambda table: table["about"].update(number=-1), "does not tell which version"),
        (lambda table: table["about"].update(kind="evil"), "does not tell which version"),
        (lambda table: table["about"].update(base=""), "does not tell which version"),
        (lambda table: table["about"].update(base="0" * 16), "another base"),
        (lambda table: table["about"].update(metrics={"cer": "NaN"}), "no number"),
        (lambda table: table["about"].update(metrics={"a\nb": 1.0}), "whose name is none"),
        (lambda table: table["about"].update(licence="l" * 300), "too long"),
        (lambda table: table["about"].update(verdict="v" * 20_000), "more of a version than there can be"),
    ],
)  # fmt: skip
def test_a_manifest_that_lies_is_refused(
    store: Store, tmp_path: Path, package: Path, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    assert sentence in refused(store, changed(opened(package), change), tmp_path)


def test_a_package_of_a_newer_myna_and_one_of_another_kind_say_so(store: Store, tmp_path: Path, package: Path) -> None:
    newer = changed(opened(package), lambda head: head.update(version=2), "package.json")
    assert "newer Myna (format 2" in refused(store, newer, tmp_path)
    other = changed(opened(package), lambda head: head.update(kind="voice"), "package.json")
    assert "holds no dataset and no version" in refused(store, other, tmp_path)
    other = changed(opened(package), lambda head: head.update(kind="dataset"), "package.json")
    assert "no home has a place for" in refused(store, other, tmp_path)


def test_what_somebody_wrote_into_its_lineage_does_not_get_into_a_home(
    store: Store, tmp_path: Path, package: Path
) -> None:
    found = opened(package)
    about = json.loads(found["version/version.json"])
    about |= {"evil": "x", "parent": 99, "run": "x", "clips": ["../x", "2" * 64], "settings": {"a": {"b": [{"c": 1}]}}}
    about["result"] |= {
        "ended": "a\x1b[31mb",
        "best_loss": "x",
        "steps": 1e300,
        "sound": {"vocoder": "x", "evil": True},
    }
    file = tmp_path / "odd.myna.tar.zst"
    file.write_bytes(packed(replaced(found, "version/version.json", json.dumps(about).encode())))
    assert furnished.imported(store, file, "robin").state == "succeeded"
    here = json.loads((store.path.parent / "voices" / "robin" / "1" / "version.json").read_text())
    assert "evil" not in here
    assert (here["parent"], here["clips"], here["settings"]) == (0, ["2" * 64], {})
    assert here["result"]["ended"] == "a\\x1b[31mb"
    assert here["result"].keys().isdisjoint({"best_loss", "steps"})
    assert here["result"]["sound"] == {}
