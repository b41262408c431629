"""Versions that travel in packages: what comes is what left, a candidate under a number of its own, all of it or
nothing; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import furnished
import lives
import pytest
import travelling
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Consent, Evaluation, Run, Voice, now
from daemon.database.store import Store, opened
from daemon.home import adopt, identity, survey
from daemon.package.archive import Reader
from daemon.package.header import read_header
from daemon.state import compare, jobs, numbering, recordings, unpacking, voices
from engines import foreign, registry
from engines.base import EngineInfo
from proto import myna_pb2 as pb
from proto.messages import spec_of

pytestmark = pytest.mark.integration


@pytest.fixture
def package(there: Store) -> Path:
    return travelling.exported(there, "robin", 7)


def runs(store: Store) -> int:
    return store.read_now(lambda session: len(session.scalars(select(Run)).all()))


def refused(store: Store, package: Path, voice: str = "robin") -> str:
    """Import it; the sentence of its refusal. Nothing is there that was not there before."""
    home = store.path.parent
    before = [furnished.everything(store), travelling.versions(store) == [], runs(store), travelling.lies(home)]
    job = furnished.imported(store, package, voice)
    assert job.state == "failed", job.why
    left = {name: body for name, body in travelling.lies(home).items() if not name.startswith("imports/")}
    assert [furnished.everything(store), travelling.versions(store) == [], runs(store), left] == before
    assert job.error_hint
    return job.why


def test_a_version_comes_out_of_a_package_as_it_went_in(store: Store, there: Store, package: Path) -> None:
    job = furnished.imported(store, package, "robin")
    assert job.state == "succeeded", job.why
    assert job.why == ("The package has robin@7. It is robin@1 now, a candidate: `myna promote robin@1` lets it speak.")
    (row,) = travelling.versions(store)
    assert (row.number, row.parent, row.dataset, row.state, row.kind) == (1, 0, 0, "candidate", "full")
    assert (voices.numbers(row.metrics), row.metrics[voices.SCORED_ON]) == (travelling.SCORES, "lines-of-there")
    assert row.verdict == (
        "Imported: it was trained elsewhere, as robin@7. Its scores and its report are from there, too. "
        "`myna promote robin@1` lets it speak."
    )
    assert row.adopted is not None
    assert voices.version_message(row).sound == pb.OwnSound(vocoder=True)
    was, here = there.path.parent / "voices/robin/7", store.path.parent / "voices/robin/1"
    for name in ("model.safetensors", "model.json", "report.md", "report.json"):
        assert (here / name).read_bytes() == (was / name).read_bytes()
    assert not (here / "curves.svg").exists(), "a picture may run a script where it is looked at"
    about = json.loads((here / "version.json").read_text())
    assert (about["voice"], about["version"], about["parent"], about["dataset"]) == ("robin", 1, 0, 0)
    assert about["origin"] == "0123"  # what it can be averaged with, as it was said there
    assert (about["from"]["voice"], about["from"]["version"], about["from"]["lineage"]) == ("robin", 7, ["the base"])
    assert (store.path.parent / "samples/robin/1" / f"{travelling.LINE}.wav").read_bytes() == b"RIFF"

    def check(session: Session) -> None:
        run = session.get_one(Run, row.run)
        assert (run.to_version, run.step, run.best_step, run.result["best_loss"]) == (1, 12, 8, 0.5)
        assert "seconds" not in run.result, "how long a step took there tells nothing of this machine"
        assert identity.read(here) == identity.Mark(about["home"], run.uuid)
        assert (session.get_one(Voice, "robin").promoted, session.get_one(Voice, "robin").engine) == (None, "glow")
        assert session.scalars(select(Evaluation)).all() == []
        assert survey.scan(session, store.path.parent) == []
        assert unpacking.is_shapeless(session, "robin") is False

    store.read_now(check)
    assert not list((store.path.parent / "imports").iterdir())


def test_the_same_version_is_the_same_package(there: Store, package: Path) -> None:
    first = package.read_bytes()
    assert travelling.exported(there, "robin", 7).read_bytes() == first
    with package.open("rb") as file:
        header = read_header(Reader(file))
    assert (header.content, header.whose.voice, header.whose.engine) == ("version", "robin", "glow")


def test_who_accepted_a_licence_there_is_nobodys_business_here(there: Store, package: Path) -> None:
    found = furnished_manifest(package)
    assert found["about"]["licence"] == registry.info("glow").licence
    assert found["about"]["lineage"] == ["the base"]


def furnished_manifest(package: Path) -> dict[str, dict[str, object]]:
    with package.open("rb") as file:
        reader = Reader(file)
        read_header(reader)
        reader.next()
        found: dict[str, dict[str, object]] = json.loads(reader.whole(1 << 20, "manifest"))
    return found


def test_a_second_import_changes_nothing_and_says_so(store: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    before, count = travelling.lies(store.path.parent), runs(store)
    job = furnished.imported(store, package, "robin")
    assert job.why == "The package has robin@7, which is here already as robin@1: nothing has changed."
    assert (travelling.lies(store.path.parent), runs(store), len(travelling.versions(store))) == (before, count, 1)


def test_other_weights_of_the_same_number_are_another_version(store: Store, package: Path) -> None:
    travelling.version(store, "robin", 7, seed=5)
    furnished.imported(store, package, "robin")
    assert [row.number for row in travelling.versions(store)] == [7, 8]


def test_a_training_does_not_take_the_number_meanwhile(store: Store, package: Path) -> None:
    home = store.path.parent
    id = store.write_now(lambda session: lives.submit(session, spec_of(furnished.sent(store, package, "anna"))).id)
    channel = InProcessChannel(store, home, id)
    channel.kill_before = 0
    with pytest.raises(Killed):
        furnished.attempt(store, home, id, channel)
    assert store.read_now(numbering.following, "anna", home) == (2, range(2, 2))
    store.write_now(lives.recover)
    furnished.attempt(store, home, id)
    assert [row.number for row in travelling.versions(store)] == [1]


@pytest.mark.parametrize("after", [False, True], ids=["before the rows", "after the rows"])
def test_a_worker_that_is_killed_leaves_no_version_and_the_next_one_takes_it(
    store: Store, package: Path, after: bool
) -> None:
    home = store.path.parent
    id = store.write_now(lambda session: lives.submit(session, spec_of(furnished.sent(store, package, "robin"))).id)
    channel = InProcessChannel(store, home, id)
    channel.kill_before, channel.kill_after = (-1, 0) if after else (0, -1)
    with pytest.raises(Killed):
        furnished.attempt(store, home, id, channel)
    assert len(travelling.versions(store)) == after
    assert store.read_now(survey.scan, home) == [], "its import is about to tell of it"
    store.write_now(lives.recover)
    furnished.attempt(store, home, id)
    assert [row.number for row in travelling.versions(store)] == [1]
    assert sorted(path.name for path in (home / "voices" / "robin").iterdir()) == ["1"]
    assert not list((home / "imports").iterdir())


def test_of_an_import_that_is_given_up_nothing_stays(store: Store, package: Path) -> None:
    home = store.path.parent
    id = store.write_now(lambda session: lives.submit(session, spec_of(furnished.sent(store, package, "robin"))).id)
    channel = InProcessChannel(store, home, id)
    channel.kill_before = 0
    with pytest.raises(Killed):
        furnished.attempt(store, home, id, channel)
    assert (home / "voices" / "robin" / "1").is_dir()
    store.write_now(lives.recover)
    store.write_now(lambda session: lives.cancel(session, jobs.get(session, id)))
    assert (travelling.versions(store), runs(store)) == ([], 0)
    assert not (home / "voices" / "robin").exists()
    assert not (home / "samples" / "robin").exists()


def test_its_scores_are_not_held_against_those_of_versions_here(store: Store, package: Path) -> None:
    travelling.version(store, "robin", 1, seed=5)
    furnished.imported(store, package, "robin")
    answer = store.read_now(compare.versions, "robin", 1, 2, store.path.parent)
    assert (answer.ready, "not scored on the same held-out lines" in answer.sentence) == (False, True)


def test_an_imported_version_can_leave_again(store: Store, package: Path) -> None:
    furnished.imported(store, package, "wren")
    again = travelling.exported(store, "wren", 1)
    job = furnished.imported(store, again, "jay")
    assert job.state == "succeeded", job.why
    assert sorted((row.voice, row.number) for row in travelling.versions(store)) == [("jay", 1), ("wren", 1)]


def test_it_comes_to_a_voice_in_the_same_language_only(store: Store, package: Path) -> None:
    def german(session: Session) -> None:
        recordings.ensure_voice(session, "hans", "de", "xtts")

    store.write_now(german)
    furnished.give(store, "hans", range(8, 10), engine="xtts")
    assert "hans speaks de" in refused(store, package, "hans")


def test_it_comes_onto_its_own_base_only(store: Store, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = registry.learner("glow")
    monkeypatch.setattr(type(engine), "base_fingerprint", lambda self: "another")
    assert "was trained on another base of glow" in refused(store, package)
    monkeypatch.undo()
    monkeypatch.setattr(registry, "base_weights", lambda name: "another")
    assert "was trained on another base of glow" in refused(store, package)


def test_its_engine_must_be_here(store: Store, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {name: info for name, info in registry.ENGINES.items() if name != "glow"}  # in the order people see them
    monkeypatch.setattr(registry, "ENGINES", others)
    assert "It is of an engine that is not here. There is no engine named 'glow'" in refused(store, package)


def test_its_bases_licence_must_be_accepted_here(store: Store, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = registry.info("glow")
    asks = EngineInfo(**{**vars(info), "needs_consent": True, "licence": "Strict Licence"})
    monkeypatch.setitem(registry.ENGINES, "glow", asks)
    assert "the Strict Licence, which nobody accepted here yet" in refused(store, package)
    consent = Consent(engine="glow", licence="Strict Licence", by="mara", time=now())
    store.write_now(lambda session: session.add(consent))
    assert furnished.imported(store, package, "robin").state == "succeeded"
    assert "Strict Licence, accepted by mara" in travelling.versions(store)[0].licence


def test_adapters_on_top_of_others_leave_with_them_folded_in(
    store: Store, there: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = travelling.version(there, "robin", 8, seed=2)
    (folder / "settings.json").write_text(json.dumps({"on": ["../5", "../7"]}))

    def write_alone(engine: object, version: Path, empty: Path) -> str:
        assert version == folder
        shutil.copyfile(version / "model.safetensors", empty / "gpt.safetensors")
        (empty / "settings.json").write_text(json.dumps({"on": []}))
        return "merged"

    monkeypatch.setattr(foreign, "write_alone", write_alone)  # the engine's part: tests/engines/xtts
    package = travelling.exported(there, "robin", 8)
    assert [path.name for path in package.parent.iterdir()] == [package.name]
    job = furnished.imported(store, package, "robin")
    assert job.state == "succeeded", job.why
    assert [row.kind for row in travelling.versions(store)] == ["merged"]
    here = store.path.parent / "voices" / "robin" / "1"
    assert {path.name for path in here.iterdir()} == {
        "gpt.safetensors", "settings.json", "version.json", "report.md", "report.json", "identity.json", "SHA256SUMS"
    }  # fmt: skip


def test_a_version_that_does_not_tell_its_base_is_not_exported(there: Store) -> None:
    folder = travelling.version(there, "robin", 8, seed=2)
    about = json.loads((folder / "version.json").read_text())
    (folder / "version.json").write_text(json.dumps({**about, "base": ""}))
    job = furnished.done(there, spec_of(pb.ExportSpec(voice="robin", version=8, format="myna")))
    assert (job.state, "does not tell which base" in job.why) == ("failed", True)
    assert not list((there.path.parent / "exports").glob("*"))


def test_after_a_lost_database_an_imported_version_is_adopted(store: Store, package: Path, tmp_path: Path) -> None:
    furnished.imported(store, package, "robin")
    home = tmp_path / "found"
    for name in ("voices", "samples"):
        shutil.copytree(store.path.parent / name, home / name)
    with opened(home) as fresh:
        found = fresh.read_now(survey.scan, home)
        assert [(one.name, one.state) for one in found] == [("robin@1", survey.State.TAKEN)]
        fresh.write_now(lambda session: adopt.take_in(session, lives.lifecycle(session), found, home, 500))
        (row,) = travelling.versions(fresh)
        assert (row.parent, row.dataset, row.kind, row.state) == (0, 0, "full", "candidate")
        assert voices.numbers(row.metrics).items() >= travelling.SCORES.items()
