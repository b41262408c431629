"""Datasets that leave: as packages, and in the layouts of other trainers."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from pathlib import Path

import furnished
import lives
import numpy as np
import pytest
import soundfile
import zstandard
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Job, now
from daemon.database.people_rows import Person, Share
from daemon.database.store import Store
from daemon.errors import MynaError, NotFound
from daemon.home import purging
from daemon.state import datasets
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = pytest.mark.integration


@pytest.fixture
def robin(store: Store) -> Store:
    """A voice with five clips, one of them held out."""
    furnished.give(store, "robin", range(1, 6), held=3)
    return store


def unpacked(package: Path) -> dict[str, bytes]:
    """What standard tools find in a package."""
    with package.open("rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_a_package_holds_each_file_with_its_digest_and_all_that_is_known_of_it(robin: Store) -> None:
    package = furnished.exported(robin, "robin")
    assert package.name == "robin-dataset1.myna.tar.zst"
    found = unpacked(package)
    assert list(found)[:2] == ["package.json", "manifest.json"]
    head, manifest = json.loads(found["package.json"]), json.loads(found["manifest.json"])
    assert (head["format"], head["version"], head["voice"], head["engine"]) == ("myna-package", 1, "robin", "glow")
    assert head["manifest"]["sha256"] == hashlib.sha256(found["manifest.json"]).hexdigest()
    listed = {one["name"]: (one["size"], one["sha256"]) for one in manifest["files"]}
    assert listed == {name: (len(body), hashlib.sha256(body).hexdigest()) for name, body in list(found.items())[2:]}
    data = manifest["dataset"]
    assert (data["number"], len(data["recordings"]), len(data["clips"]), len(listed)) == (1, 5, 5, 10)
    assert sorted(one["name"] for one in data["recordings"]) == [f"d{number:02}.flac" for number in range(1, 6)]
    held = [one for one in data["holdouts"] if one.get("held")]
    assert len(held) == 1
    assert [one["recording"] for one in data["clips"] if one.get("held_out")] == [held[0]["sha256"]]
    assert all(one["clip"]["text"] and one["clip"]["quality"] == {"snr_db": 40.5} for one in data["clips"])


@pytest.mark.parametrize("format", ["myna", "ljspeech", "fish", "huggingface"])
def test_the_same_dataset_is_the_same_bytes(robin: Store, format: str) -> None:
    first = furnished.exported(robin, "robin", format).read_bytes()
    furnished.give(robin, "robin", range(6, 8))
    assert furnished.exported(robin, "robin", format, number=1).read_bytes() == first
    assert furnished.exported(robin, "robin", format).read_bytes() != first


def test_an_older_dataset_is_exported_with_the_texts_it_has(robin: Store) -> None:
    sha256, (text, _) = next(iter(furnished.contents(robin, "robin").items()))
    robin.write_now(datasets.set_clip, "robin", sha256, "Other words.", None)
    robin.write_now(datasets.build, "robin")
    older = json.loads(unpacked(furnished.exported(robin, "robin", number=1))["manifest.json"])
    newer = json.loads(unpacked(furnished.exported(robin, "robin"))["manifest.json"])
    texts = [
        {one["clip"]["sha256"]: one["clip"]["text"] for one in some["dataset"]["clips"]} for some in (older, newer)
    ]
    assert (texts[0][sha256], texts[1][sha256]) == (text, "Other words.")


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    top = file.name.removesuffix(".tar") + "/"
    assert all(name.startswith(top) for name in found)
    return {name.removeprefix(top): body for name, body in found.items()}


def test_ljspeech_has_wavs_lists_of_both_parts_and_the_lengths(robin: Store) -> None:
    found = members(furnished.exported(robin, "robin", "ljspeech"))
    lists = {
        name: found[f"{name}.csv"].decode().splitlines() for name in ("metadata", "metadata_train", "metadata_val")
    }
    assert [len(lines) for lines in lists.values()] == [5, 4, 1]
    assert sorted(lists["metadata"]) == sorted(lists["metadata_train"] + lists["metadata_val"])
    lengths = json.loads(found["duration.json"])
    for line in lists["metadata"]:
        id, raw, normalised = line.split("|")
        facts = soundfile.info(io.BytesIO(found[f"wavs/{id}.wav"]))
        assert (facts.samplerate, facts.channels, facts.subtype) == (16_000, 1, "PCM_16")
        assert lengths[id] == pytest.approx(facts.duration, abs=1e-3)
        assert raw == normalised != ""


def test_a_bar_in_a_text_does_not_break_the_list(robin: Store) -> None:
    sha256 = next(iter(furnished.contents(robin, "robin")))
    robin.write_now(datasets.set_clip, "robin", sha256, "this | that", None)
    robin.write_now(datasets.build, "robin")
    found = members(furnished.exported(robin, "robin", "ljspeech"))
    assert f"robin-{sha256[:16]}|this / that|this / that" in found["metadata.csv"].decode().splitlines()


def test_fish_has_a_text_beside_each_sound_and_the_held_out_ones_apart(robin: Store) -> None:
    found = members(furnished.exported(robin, "robin", "fish"))
    labs = [name for name in found if name.endswith(".lab")]
    assert sorted(name.rpartition("/")[0] for name in labs) == [*["train/robin"] * 4, "validation/robin"]
    assert all(f"{name.removesuffix('.lab')}.wav" in found for name in labs)
    assert len(found) == 10


def test_huggingface_has_a_split_for_what_is_held_out(robin: Store) -> None:
    found = members(furnished.exported(robin, "robin", "huggingface"))
    held = {sha256 for sha256, (_, held) in furnished.contents(robin, "robin").items() if held}
    for split, count in (("train", 4), ("validation", 1)):
        rows = list(csv.DictReader(io.StringIO(found[f"{split}/metadata.csv"].decode())))
        assert len(rows) == count
        for row in rows:
            body = found[f"{split}/{row['file_name']}"]
            assert row["text"]
            assert (hashlib.sha256(body).hexdigest() in held) == (split == "validation")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"format": "zip"}, "not exported as 'zip'"),
        ({"dataset": pb.DatasetExport(number=9)}, "robin has no dataset #9"),
        ({"voice": "nobody"}, "no voice named"),
        ({"voice": "anna"}, "anna has no dataset yet"),
        ({"version": 1}, "A version and a dataset"),
        ({"format": "ljspeech", "dataset": pb.DatasetExport(features=True)}, "does not go into ljspeech"),
        ({"format": "fish", "dataset": pb.DatasetExport(features=True)}, "robin is a voice of glow"),
    ],
)
def test_what_cannot_be_exported_is_refused(robin: Store, asked: dict[str, object], sentence: str) -> None:
    spec = pb.ExportSpec(**{"voice": "robin", "dataset": pb.DatasetExport(), **asked})  # type: ignore[arg-type]
    with pytest.raises(MynaError, match=sentence):
        robin.write_now(lambda session: lives.submit(session, spec_of(spec)))


def test_a_recording_that_changed_on_the_disk_is_not_exported(robin: Store, tmp_path: Path) -> None:
    victim = next((tmp_path / "recordings").rglob("*.flac"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    job = furnished.done(robin, spec_of(pb.ExportSpec(voice="robin", dataset=pb.DatasetExport())))
    assert (job.state, job.error_kind) == ("failed", "bad-input")
    assert "has changed on the disk" in job.why
    assert not list((tmp_path / "exports").iterdir())


def test_a_killed_export_leaves_no_package_and_goes_on_anew(
    robin: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = robin.write_now(
        lambda session: lives.submit(session, spec_of(pb.ExportSpec(voice="robin", dataset=pb.DatasetExport()))).id
    )

    class Mortal(InProcessChannel):
        def progress(self, done: float, *_: object, **__: object) -> None:
            if done > 0:
                raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # a dead process tidies nothing up
        with pytest.raises(Killed):
            furnished.attempt(robin, tmp_path, id, Mortal(robin, tmp_path, id))
    assert [path.name[0] for path in (tmp_path / "exports").iterdir()] == ["."]
    robin.write_now(lives.recover)
    furnished.attempt(robin, tmp_path, id)
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["robin-dataset1.myna.tar.zst"]


def test_features_go_along_when_asked_for(robin: Store, tmp_path: Path) -> None:
    from engines import registry
    from engines.base import Clip
    from engines.features import FeatureCache

    cache = FeatureCache(registry.learner("glow"), tmp_path / "features" / "glow")
    for sha256, (text, _) in list(furnished.contents(robin, "robin").items())[:2]:
        path = tmp_path / "clips" / sha256[:2] / f"{sha256}.flac"
        cache.write(Clip(sha256, path, text, "en", 3.0), {"mel": __import__("numpy").zeros((80, 5))})
    found = unpacked(furnished.exported(robin, "robin", features=True))
    assert sum(name.startswith("features/glow/") for name in found) == 2
    assert not any(name.startswith("features/") for name in unpacked(furnished.exported(robin, "robin")))


def test_the_tokens_of_a_voice_of_fish_lie_beside_its_sounds_when_asked_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines import registry
    from engines.base import Clip
    from engines.features import FeatureCache
    from engines.fish import tiny_base

    tiny_base.write(tmp_path / "base")
    monkeypatch.setenv("MYNA_FISH_BASE", str(tmp_path / "base"))
    furnished.give(store, "anders", range(1, 4), held=3, engine="fish")
    cache = FeatureCache(registry.learner("fish"), tmp_path / "features" / "fish")
    codes = np.arange(60, dtype=np.int16).reshape(10, 6)
    sha256, (text, _) = next(one for one in furnished.contents(store, "anders").items() if not one[1][1])
    path = tmp_path / "clips" / sha256[:2] / f"{sha256}.flac"
    cache.write(Clip(sha256, path, text, "en", 3.0), {"codes": codes, "text": np.zeros(4, np.int32)})
    plain = furnished.exported(store, "anders", "fish")
    assert not any(name.endswith(".npy") for name in members(plain))
    with_tokens = furnished.exported(store, "anders", "fish", features=True)
    assert with_tokens.name == "anders-dataset1-features-fish.tar"
    found = members(with_tokens)
    assert found.keys() - members(plain).keys() == {f"train/anders/anders-{sha256[:16]}.npy"}
    tokens = np.load(io.BytesIO(found[f"train/anders/anders-{sha256[:16]}.npy"]))
    assert tokens.dtype == np.int64
    assert np.array_equal(tokens, codes)
    files = store.read_now(purging._files, pb.PurgeRequest(voice="anders", exports=True), tmp_path)
    assert {path.name for path in files} == {plain.name, with_tokens.name}


def test_packages_of_datasets_are_purged_with_the_others(robin: Store, tmp_path: Path) -> None:
    for format in ("myna", "ljspeech"):
        furnished.exported(robin, "robin", format)
    (tmp_path / "exports" / "robin-dataset1-2-coqui.tar").write_bytes(b"of the voice robin-dataset1")
    files = robin.read_now(purging._files, pb.PurgeRequest(voice="robin", exports=True), tmp_path)
    assert [path.name for path in files] == ["robin-dataset1-ljspeech.tar", "robin-dataset1.myna.tar.zst"]
    assert len(robin.read_now(purging._files, pb.PurgeRequest(exports=True), tmp_path)) == 3


def test_an_export_that_waited_does_not_begin_for_whom_its_voice_is_shared_with_no_more(store: Store) -> None:
    furnished.give(store, "anna", range(1, 5), held=2)
    spec = pb.JobSpec(export=pb.ExportSpec(voice="anna", dataset=pb.DatasetExport(number=1)))

    def asked(session: Session) -> Job:
        session.add(Person(name="bob", rights=int(Right.READ), created=now(), revoked=None))
        session.add(Share(voice="anna", person="bob", created=now(), rights=int(Right.READ)))
        job = lives.submit(session, spec)
        job.person = "bob"
        return job

    job = store.write_now(asked)

    def plan(session: Session) -> object:
        return lives.kind(session, "export").plan(session, job)

    def change(rights: Right, *, revoked: bool = False) -> None:
        def act(session: Session) -> None:
            session.get_one(Share, ("anna", "bob")).rights = int(rights)
            session.get_one(Person, "bob").revoked = now() if revoked else None

        store.write_now(act)

    assert store.read_now(plan)
    change(Right.NONE)
    with pytest.raises(NotFound, match="There is no voice named 'anna'"):
        store.read_now(plan)
    change(Right.SPEAK)
    with pytest.raises(MynaError):
        store.read_now(plan)
    change(Right.READ, revoked=True)
    with pytest.raises(NotFound):
        store.read_now(plan)
    change(Right.READ)
    assert store.read_now(plan)
