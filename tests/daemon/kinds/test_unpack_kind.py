"""Packages that are taken in: the dataset is the same, held-out stays held out, twice is once, a kill leaves none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import furnished
import lives
import pytest
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, Holdout, Job, Recording, Voice
from daemon.database.store import Store
from daemon.errors import MynaError
from daemon.home import imports, journal, survey
from daemon.state import datasets, incoming, recordings, unpacking
from proto import myna_pb2 as pb
from proto.messages import import_spec, spec_of
from tests.made_once import made_once

pytestmark = pytest.mark.integration


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Store]:
    """Another home, with the voice robin: five clips, one of them held out."""
    (tmp_path / "there").mkdir()
    opened = Store(tmp_path / "there")
    furnished.give(opened, "robin", range(1, 6), held=3)
    yield opened
    opened.close()


@pytest.fixture
def package(there: Store) -> Path:
    return furnished.exported(there, "robin")


def held_out(store: Store, voice: str) -> set[str]:
    return {sha256 for sha256, (_, held) in furnished.contents(store, voice).items() if held}


def test_a_dataset_comes_out_of_a_package_as_it_went_in(store: Store, there: Store, package: Path) -> None:
    job = furnished.imported(store, package, "robin")
    assert job.state == "succeeded", job.why
    assert "5 recordings, 5 clips" in job.why
    assert "Dataset #1: 4 clips to train on" in job.why
    assert furnished.contents(store, "robin") == furnished.contents(there, "robin")
    assert len(held_out(store, "robin")) == 1
    home = store.path.parent

    def check(session: Session) -> None:
        voice = session.get_one(Voice, "robin")
        assert (voice.language, voice.engine) == ("en", "glow")
        for row in session.scalars(select(Recording)):
            assert (home / row.path).stat().st_size == row.size
            assert (row.text is not None, row.codec, row.made_from) == (True, "flac", "")
        for clip in session.scalars(select(Clip)):
            assert (home / clip.path).is_file()
            assert (clip.quality, clip.text_source) == ({"snr_db": 40.5}, "given")

    store.read_now(check)
    assert furnished.exported(store, "robin").read_bytes()  # and it can leave again
    assert not list((home / "imports").iterdir())
    (manifest,) = (home / "recordings" / "packages").iterdir()
    assert json.loads(manifest.read_text())["dataset"]["voice"] == "robin", "what came from where is kept"
    assert {voice for voice, _ in journal.read(home)} == {"robin"}, "a lost database finds whose they are"
    assert store.read_now(survey.scan, home) == []


def test_what_follows_is_trained_by_itself(store: Store, there: Store) -> None:
    furnished.give(there, "robin", range(6, 10))

    def trainings(session: Session) -> list[Job]:
        return list(session.scalars(select(Job).where(Job.kind == "train")))

    def little(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"auto_train_min_seconds": 1.0}

    store.write_now(little)
    job = furnished.imported(store, furnished.exported(there, "robin"), "anna")
    assert [one.parent_job for one in store.read_now(trainings)] == [job.id], job.why


def test_a_second_import_changes_nothing_and_says_so(store: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    before, files = furnished.everything(store), furnished.files(store.path.parent)
    job = furnished.imported(store, package, "robin")
    assert (job.state, "Nothing new: robin has all of it already." in job.why) == ("succeeded", True)
    assert (furnished.everything(store), furnished.files(store.path.parent)) == (before, files)


def test_the_same_recording_twice_is_one(store: Store, package: Path) -> None:
    furnished.give(store, "robin", range(4, 8))
    mine = furnished.contents(store, "robin")
    furnished.imported(store, package, "robin")
    rows = store.read_now(lambda session: list(session.scalars(select(Recording.name))))
    assert sorted(rows) == [f"d{number:02}.flac" for number in range(1, 8)]
    assert mine.keys() < furnished.contents(store, "robin").keys()


def test_a_removed_recording_comes_back_with_a_package(store: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    sha256 = store.read_now(lambda session: session.scalars(select(Recording.sha256)).first())
    store.write_now(recordings.remove, "robin", sha256)
    furnished.imported(store, package, "robin")
    assert not store.read_now(
        lambda session: session.scalars(select(Recording).where(Recording.removed.is_not(None))).all()
    )


def test_held_out_is_held_out_for_ever(store: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    held = held_out(store, "robin")
    furnished.give(store, "robin", range(6, 16))
    assert held <= held_out(store, "robin")


def test_what_is_held_out_there_and_has_trained_here_does_neither_from_now_on(store: Store, package: Path) -> None:
    furnished.give(store, "robin", range(1, 4), held=1)  # the package holds out the third
    before = furnished.contents(store, "robin")
    furnished.imported(store, package, "robin")

    def dropped(session: Session) -> list[Clip]:
        return list(session.scalars(select(Clip).where(Clip.reason == "trained-before")))

    (clip,) = store.read_now(dropped)
    assert before[clip.sha256][1] is False
    assert clip.sha256 not in furnished.contents(store, "robin")
    assert "was trained on here before" in clip.sentence
    store.write_now(datasets.set_clip, "robin", clip.sha256, None, True)
    store.write_now(datasets.build, "robin")
    assert clip.sha256 not in furnished.contents(store, "robin"), "nobody can loosen that"


def test_what_is_held_out_here_stays_so_though_it_trained_there(store: Store, package: Path) -> None:
    furnished.give(store, "robin", range(1, 3), held=1)
    mine = held_out(store, "robin")
    furnished.imported(store, package, "robin")
    assert mine < held_out(store, "robin")


def test_a_persons_corrections_come_along_and_those_made_here_stay(store: Store, there: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    first, second = sorted(furnished.contents(store, "robin"))[:2]
    for sha256 in (first, second):
        there.write_now(datasets.set_clip, "robin", sha256, "Corrected there.", None)
    there.write_now(datasets.build, "robin")
    store.write_now(datasets.set_clip, "robin", second, "Corrected here.", None)
    furnished.imported(store, furnished.exported(there, "robin"), "robin")
    texts = furnished.contents(store, "robin")
    assert (texts[first][0], texts[second][0]) == ("Corrected there.", "Corrected here.")


def test_dropped_clips_come_along_with_the_reason(store: Store, there: Store) -> None:
    sha256 = sorted(furnished.contents(there, "robin"))[0]
    there.write_now(datasets.set_clip, "robin", sha256, None, False)
    there.write_now(datasets.build, "robin")
    furnished.imported(store, furnished.exported(there, "robin", number=1), "robin")
    assert sha256 in furnished.contents(store, "robin"), "it was kept in dataset #1"
    furnished.imported(store, furnished.exported(there, "robin"), "wren")
    assert sha256 not in furnished.contents(store, "wren")


def test_a_voice_of_another_engine_has_the_recordings_cut_for_it(store: Store, package: Path) -> None:
    store.write_now(lambda session: recordings.ensure_voice(session, "robin", "en", "xtts"))
    furnished.give(store, "robin", range(8, 10), engine="xtts")
    job = furnished.imported(store, package, "robin")
    assert "5 recordings are cut for xtts first; the dataset follows." in job.why
    uncut = store.read_now(recordings.uncut, "robin")
    assert len(uncut) == 5
    held = store.read_now(lambda session: list(session.scalars(select(Holdout).where(Holdout.held))))
    assert {row.sha256 for row in held} & {row.sha256 for row in uncut}, "what is held out waits for its clips"


def test_a_voice_in_another_language_is_not_mixed_with_it(store: Store, package: Path) -> None:
    store.write_now(lambda session: recordings.ensure_voice(session, "hans", "de", "xtts"))
    furnished.give(store, "hans", range(8, 10), engine="xtts")
    before = furnished.everything(store)
    job = furnished.imported(store, package, "hans")
    assert (job.state, job.error_kind) == ("failed", "bad-input")
    assert "hans speaks de" in job.why
    assert furnished.everything(store) == before


def test_an_empty_voice_gets_language_and_engine_unless_its_voice_toml_has_them(store: Store, package: Path) -> None:
    for name in ("free", "said"):
        store.write_now(lambda session, name=name: recordings.ensure_voice(session, name, "de", "xtts"))
    folder = store.path.parent / "inbox" / "said"
    folder.mkdir(parents=True)
    (folder / "voice.toml").write_text('language = "de"\nengine = "xtts"\n')
    assert furnished.imported(store, package, "free").state == "succeeded"
    assert store.read_now(lambda session: session.get_one(Voice, "free").engine) == "glow"
    assert furnished.imported(store, package, "said").state == "failed"


def test_features_are_there_when_they_came_along(store: Store, there: Store) -> None:
    import numpy as np

    from engines import registry
    from engines.base import Clip as Sound
    from engines.features import FeatureCache

    home = there.path.parent
    cache = FeatureCache(registry.learner("glow"), home / "features" / "glow")
    sounds = [
        Sound(sha256, home / "clips", text, "en", 3.0)
        for sha256, (text, _) in furnished.contents(there, "robin").items()
    ]
    for sound in sounds:
        cache.write(sound, {"mel": np.zeros((80, 5), np.float32)})
    furnished.imported(store, furnished.exported(there, "robin", features=True), "robin")
    here = FeatureCache(registry.learner("glow"), store.path.parent / "features" / "glow")
    assert all(here.read(sound) is not None for sound in sounds)


def test_tokens_of_fish_come_along_and_nobody_encodes_them_again(
    store: Store, there: Store, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines import registry
    from engines.base import Clip as Sound
    from engines.features import encode_all
    from engines.fish import tiny_base

    base = made_once(tmp_path_factory, "fish-base", tiny_base.write)  # the engine's own tests use it too
    monkeypatch.setenv("MYNA_FISH_BASE", str(base))
    furnished.give(there, "anders", range(1, 4), held=3, engine="fish")

    def encoded(home: Path, known: Store) -> Any:
        clips = [
            Sound(sha256, home / "clips" / sha256[:2] / f"{sha256}.flac", text, "en", 3.0)
            for sha256, (text, _) in sorted(furnished.contents(known, "anders").items())
        ]
        return encode_all(registry.learner("fish"), clips, home / "features" / "fish")

    made = encoded(there.path.parent, there)
    assert (len(made.kept), made.from_cache) == (3, 0), made.dropped
    job = furnished.imported(store, furnished.exported(there, "anders", features=True), "anders")
    assert job.state == "succeeded", job.why
    came = encoded(store.path.parent, store)
    assert (len(came.kept), came.from_cache) == (3, 3), "as a training finds them"
    for (_, before), (_, after) in zip(made.kept, came.kept, strict=True):
        assert sorted(before) == sorted(after) == ["codes", "text"]
        assert all((before[name] == after[name]).all() for name in before)


def test_a_file_that_was_damaged_here_is_mended_by_a_package(store: Store, package: Path) -> None:
    furnished.imported(store, package, "robin")
    victim = next((store.path.parent / "recordings").rglob("*.flac"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:1000])
    furnished.imported(store, package, "robin")
    assert victim.read_bytes() == whole


@pytest.mark.parametrize("after", [False, True], ids=["before the rows", "after the rows"])
def test_a_worker_that_is_killed_leaves_nothing_half_there(
    store: Store, there: Store, package: Path, after: bool
) -> None:
    home = store.path.parent
    spec = spec_of(furnished.sent(store, package, "robin"))
    id = store.write_now(lambda session: lives.submit(session, spec).id)
    before = furnished.everything(store)
    channel = InProcessChannel(store, home, id)
    channel.kill_before, channel.kill_after = (-1, 0) if after else (0, -1)
    with pytest.raises(Killed):
        furnished.attempt(store, home, id, channel)
    if not after:
        assert furnished.everything(store) == before
    imports.sweep(home, store.read_now(incoming.packages))
    assert [path.name for path in (home / "imports").iterdir()] == [import_spec(spec).path]
    store.write_now(lives.recover)
    furnished.attempt(store, home, id)
    assert furnished.contents(store, "robin") == furnished.contents(there, "robin")
    assert store.read_now(lambda session: len(session.scalars(select(Dataset)).all())) == 1
    assert not list((home / "imports").iterdir())


def test_a_killed_daemons_packages_that_nobody_waits_for_are_swept(store: Store, package: Path) -> None:
    furnished.sent(store, package, "robin")
    (store.path.parent / "imports" / ".tmp-7" / "recordings").mkdir(parents=True)
    imports.sweep(store.path.parent, [])
    assert not list((store.path.parent / "imports").iterdir())


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (pb.ImportSpec(voice="robin"), "An import is of one package"),
        (pb.ImportSpec(voice="robin", path="a.myna.tar.zst", file=b"b"), "An import is of one package"),
        (pb.ImportSpec(voice="robin", path="gone.myna.tar.zst"), "not there any more"),
        (pb.ImportSpec(voice="robin", path="../x.myna.tar.zst"), "is no package that was sent"),
        (pb.ImportSpec(voice="robin", path="/etc/passwd"), "is no package that was sent"),
        (pb.ImportSpec(voice="anna", file=b"../bert/a.myna.tar.zst"), "no file of a voice's inbox"),
        (pb.ImportSpec(voice="Not A Name", path="a.myna.tar.zst"), "cannot be the name of a voice"),
        (pb.ImportSpec(voice="robin", file=b"a.myna.tar.zst"), "no voice named"),
    ],
)
def test_nonsense_is_no_job(store: Store, spec: pb.ImportSpec, sentence: str) -> None:
    with pytest.raises(MynaError, match=sentence):
        store.write_now(lambda session: lives.submit(session, spec_of(spec)))


def test_a_derived_voices_dataset_travels_too(store: Store, there: Store) -> None:
    """What was made from a clip lies among the clips, and is a recording all the same."""

    def derive(session: Session) -> None:
        for row in session.scalars(select(Recording)):
            clip = session.scalars(select(Clip).where(Clip.recording == row.id)).one()
            session.scalars(select(Holdout).where(Holdout.sha256 == row.sha256)).one().sha256 = clip.sha256
            row.made_from, row.sha256, row.path = "f" * 64, clip.sha256, clip.path

    there.write_now(derive)
    shutil.rmtree(there.path.parent / "recordings")
    job = furnished.imported(store, furnished.exported(there, "robin"), "robin")
    assert job.state == "succeeded", job.why
    rows = store.read_now(lambda session: list(session.scalars(select(Recording))))
    assert {row.made_from for row in rows} == {"f" * 64}
    assert len(furnished.contents(store, "robin")) == 5
    assert store.read_now(unpacking.is_shapeless, "robin") is False
