"""Voices are deleted, restored and renamed: what a person sees of it, and that nothing is lost, whenever mynad is
killed."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from inbox_workshop import Workshop, write_wav
from living_daemon import Living, lived
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, folder, report, sha, version

from daemon.database.models import (
    Clip,
    Dataset,
    Evaluation,
    Holdout,
    Job,
    Promotion,
    Recording,
    Run,
    Version,
    Voice,
    now,
)
from daemon.database.store import Store, opened
from daemon.errors import MynaError
from daemon.home import journal, survey, voice_folders
from daemon.home.voice_folders import VoiceFolders
from daemon.inbox.scans import Scan
from daemon.inbox.voice_folder import Folder
from daemon.state import voice_life, voices
from proto import myna_pb2 as pb
from proto.client import ClientError


def furnish(session: Session, home: Path) -> None:
    """The voice anna with rows and files of every kind."""
    made = Voice(name="anna", language="en", engine="glow", promoted=1, options={"train": {"steps": 5}}, created=now())
    session.merge(made)
    session.flush()
    clips = [clip(session, f"line {number}") for number in range(3)]
    dataset(session, 1, clips[1:], clips[:1])
    row = version(session, 1)
    about = {"voice": "anna", "version": 1, "engine": "glow"}
    (folder(home, row) / "version.json").write_text(json.dumps(about))
    session.add(Promotion(voice="anna", version=1, previous=None, by="a person", time=now()))
    session.add(Holdout(voice="anna", sha256=sha("recording line 0"), block=0, held=True, decided=now()))
    told = report(["line 0"])
    session.add(Evaluation(voice="anna", version=1, against=0, job=1, report=told, better=True, verdict="", time=now()))
    spec = pb.JobSpec(train=pb.TrainSpec(voice="anna", dataset=1))
    session.add(Job(
        id=1, kind="train", voice="anna", title="train anna", spec=spec.SerializeToString(), gpu_lane=True,
        priority=100, place=1.0, state="failed", submitted=now(), queued_since=now(), ended=now(), error_kind="engine",
    ))  # fmt: skip
    (home / "inbox" / "anna" / "sub").mkdir(parents=True)
    (home / "inbox" / "anna" / "voice.toml").write_text('language = "en"\n')
    (home / "samples" / "anna" / "1").mkdir(parents=True)
    (home / "samples" / "anna" / "1" / "line.wav").write_bytes(b"sound")
    (home / "recordings").mkdir(exist_ok=True)
    journal.add(home, [journal.Entry("anna", sha("recording line 0"), "line 0.wav")])


#: Rows that have a voice, and how many `furnish` makes.
ROWS = {Recording: 3, Clip: 3, Dataset: 1, Version: 1, Run: 1, Promotion: 1, Holdout: 1, Evaluation: 1, Job: 1}


def check_is(store: Store, home: Path, name: str, *, not_: str) -> None:
    """All of the furnished voice is called `name`, and nothing is called otherwise."""

    def scan(session: Session) -> None:
        assert session.get(Voice, not_) is None
        row = voices.get(session, name)
        assert (row.promoted, row.options) == (1, {"train": {"steps": 5}})
        for kind, count in ROWS.items():
            assert [one.voice for one in session.scalars(select(kind))] == [name] * count, kind
        made = voices.version(session, name, 1)
        assert voices.folder(session, made, home) == home / "voices" / name / "1"
        lines = session.scalars(select(Evaluation)).one().report["lines"]
        assert lines[0]["spoken"].startswith(f"samples/{name}/")
        assert pb.JobSpec.FromString(session.get_one(Job, 1).spec).train.voice == name

    store.read_now(scan)
    for place in ("inbox", "voices", "samples"):
        assert [path.name for path in (home / place).iterdir()] == [name]
    assert (home / "inbox" / name / "voice.toml").is_file()
    assert (home / "voices" / name / "1" / "model.safetensors").read_bytes() == b"weights"
    assert json.loads((home / "voices" / name / "1" / "version.json").read_text())["voice"] == name
    assert {key[0] for key in journal.read(home)} == {name}


def rename(home: Path, store: Store, old: str, new: str) -> None:
    """As mynad does it."""

    async def act() -> None:
        folders = VoiceFolders(home, store, Workshop(store, home).inbox.still)
        await folders.rename(old, new, lambda session, row: None)

    asyncio.run(act())


# ---------------------------------------------------------------------------------------------------------- renaming


def test_a_renamed_voice_is_called_so_in_every_row_and_folder_and_can_be_called_back(
    store: Store, tmp_path: Path
) -> None:
    store.write_now(furnish, tmp_path)
    exports = tmp_path / "exports"
    exports.mkdir()
    names = ("-1.myna.tar.zst", "-2-coqui.tar", "-dataset1.myna.tar.zst", "-dataset2-features-fish.tar")
    others = ("anna-b-1.myna.tar.zst", "annabel-1.myna.tar.zst", "anna-x.tar")
    for name in (*(f"anna{rest}" for rest in names), *others):
        (exports / name).write_text(name)
    (exports / "berta-2-coqui.tar").write_text("of a berta that there was")
    rename(tmp_path, store, "anna", "berta")
    check_is(store, tmp_path, "berta", not_="anna")
    there = {path.name: path.read_text() for path in exports.iterdir()}
    assert there == {
        **{f"berta{rest}": f"anna{rest}" for rest in names if "coqui" not in rest},
        **{
            name: name for name in ("anna-b-1.myna.tar.zst", "annabel-1.myna.tar.zst", "anna-x.tar", "anna-2-coqui.tar")
        },
        "berta-2-coqui.tar": "of a berta that there was",
    }
    rename(tmp_path, store, "berta", "anna")
    check_is(store, tmp_path, "anna", not_="berta")


def _nothing(home: Path) -> None: ...


def _inbox(home: Path) -> None:
    (home / "inbox" / "anna").rename(home / "inbox" / "berta")


def _versions(home: Path) -> None:
    _inbox(home)
    (home / "voices" / "anna").rename(home / "voices" / "berta")


def _all(home: Path) -> None:
    voice_folders.move(home, "anna", "berta")


@pytest.mark.parametrize("moved", [_nothing, _inbox, _versions, _all])
def test_a_kill_at_any_moment_of_a_renaming_is_mended_at_the_next_start(
    tmp_path: Path, moved: Callable[[Path], None]
) -> None:
    with opened(tmp_path) as store:
        store.write_now(furnish, tmp_path)
        store.write_now(voice_life.begin_rename, "anna", "berta")
        moved(tmp_path)
    with opened(tmp_path) as store:
        with pytest.raises(MynaError, match="still being renamed"):
            store.read_now(voices.get, "berta")
        voice_folders.finish(store, tmp_path)
        check_is(store, tmp_path, "berta", not_="anna")
        voice_folders.finish(store, tmp_path)
        check_is(store, tmp_path, "berta", not_="anna")


def test_mynad_brings_a_renaming_to_its_end_before_it_answers(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write_now(furnish, tmp_path)
        store.write_now(voice_life.begin_rename, "anna", "berta")
        _inbox(tmp_path)

    async def life(living: Living) -> None:
        assert (await living.client.voice("berta")).promoted == 1
        assert (await living.client.version("berta", 1)).path == str(tmp_path / "voices" / "berta" / "1")
        assert (tmp_path / "voices" / "berta" / "1" / "model.safetensors").is_file()
        assert (await living.client.retry(1)).spec.train.voice == "berta"

    lived(tmp_path, life)


def test_a_renaming_that_a_folder_refuses_leaves_all_as_it_was(store: Store, tmp_path: Path) -> None:
    store.write_now(furnish, tmp_path)
    rename(tmp_path, store, "anna", "self")
    samples, aside = tmp_path / "samples", tmp_path / "aside"
    samples.rename(aside)
    samples.symlink_to("/proc")  # which has a "self" that nobody may rename
    with pytest.raises(MynaError, match="self keeps its name"):
        rename(tmp_path, store, "self", "berta")
    samples.unlink()
    aside.rename(samples)
    check_is(store, tmp_path, "self", not_="berta")


def test_a_new_name_that_cannot_be_or_is_taken_is_refused(store: Store, tmp_path: Path) -> None:
    store.write_now(furnish, tmp_path)
    (tmp_path / "samples" / "carla").mkdir()
    store.write_now(
        lambda session: session.add(Voice(name="bob", language="en", engine="glow", options={}, created=now()))
    )
    for name, why in (
        ("Bad Name!", "bad-name"),
        ("bob", "There is a voice named bob"),
        ("carla", "samples/carla"),
        ("anna", "already"),
    ):
        with pytest.raises(MynaError, match=why):
            rename(tmp_path, store, "anna", name)
    store.write_now(lambda session: session.delete(session.get_one(Voice, "bob")))
    shutil.rmtree(tmp_path / "samples" / "carla")
    check_is(store, tmp_path, "anna", not_="bob")


def test_after_the_database_is_lost_a_renamed_voice_comes_back_under_its_new_name(store: Store, tmp_path: Path) -> None:
    store.write_now(furnish, tmp_path)
    rename(tmp_path, store, "anna", "berta")
    with opened(tmp_path / "empty") as empty:
        found = empty.read_now(survey.scan, tmp_path)
    assert [(one.name, one.state) for one in found] == [("berta@1", survey.State.TAKEN)]


def test_another_change_in_the_same_commit_goes_to_the_new_name(store: Store, tmp_path: Path) -> None:
    """Writes that wait share one transaction: rows that one has in hand are renamed under it."""
    store.write_now(furnish, tmp_path)

    def both(session: Session) -> None:
        held = session.scalars(select(Recording)).all()
        voice_life.begin_rename(session, "anna", "berta")
        assert {row.voice for row in held} == {"berta"}

    store.write_now(both)


# ---------------------------------------------------------------------------------------------------------- deleting


def names_of(found: list[pb.Voice]) -> list[str]:
    return [voice.name for voice in found]


def test_a_deleted_voice_is_in_no_list_and_comes_back_whole(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        client = living.client
        before = await client.voice("anna")
        assert (await client.delete_voice("anna")).HasField("deleted")
        assert [voice async for voice in client.voices()] == []
        assert names_of([voice async for voice in client.voices(deleted=True)]) == ["anna"]
        for refused in (
            client.voice("anna"),
            client.train("anna"),
            client.upload("anna", [("a.wav", write_wav(tmp_path / "a.wav"))]),
        ):
            with pytest.raises(ClientError) as error:
                await refused
            assert "was deleted" in error.value.sentence
            assert "myna voices restore anna" in error.value.hint
        assert await client.restore_voice("anna") == before
        assert names_of([voice async for voice in client.voices()]) == ["anna"]

    lived(tmp_path / "home", life)


def test_a_voice_with_a_job_that_has_not_ended_keeps_its_place_and_its_name(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        job = await living.train("steps")
        await living.until(job, "running")
        for refused in (living.client.delete_voice("steps"), living.client.rename_voice("steps", "held")):
            with pytest.raises(ClientError) as error:
                await refused
            assert f"job #{job}" in error.value.sentence
            assert "running" in error.value.sentence
        assert (await living.client.voice("steps")).name == "steps"
        await living.client.cancel(job)
        await living.until(job, "cancelled")
        assert (await living.client.rename_voice("steps", "held")).name == "held"
        assert names_of([voice async for voice in living.client.voices()]) == ["anna", "held"]
        await living.client.delete_voice("held")
        with pytest.raises(ClientError, match="was deleted"):
            await living.client.retry(job)

    lived(tmp_path, life)


def test_watchers_are_told_what_a_renamed_voice_is_called_now(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        cursor = (await living.client.info()).cursor
        await living.client.rename_voice("anna", "berta")
        told = []
        async with asyncio.timeout(10.0):
            async for event in living.client.watch(cursor):
                told.append((event.voice.name, event.voice.renamed_to))
                if event.voice.name == "berta":
                    break
        assert told == [("anna", "berta"), ("berta", "")]

    lived(tmp_path, life)


def test_recordings_for_a_deleted_voice_stay_where_they_are_until_it_is_back(store: Store, tmp_path: Path) -> None:
    async def life() -> None:
        workshop = Workshop(store, tmp_path)
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        folders = VoiceFolders(tmp_path, store, workshop.inbox.still)
        await folders.delete("anna", lambda session, row: None)
        await workshop.wait(1.0)
        assert not any("was deleted" in notice for notice in workshop.notices())
        write_wav(workshop.anna / "b.wav", pitch=300.0)
        await workshop.all()
        assert workshop.left() == ["b.wav"]
        assert [notice for notice in workshop.notices() if "was deleted" in notice] == [
            "The voice anna was deleted, so the files in inbox/anna/ are not taken."
        ]
        workshop.start()  # and not after a restart either
        await workshop.all()
        assert workshop.left() == ["b.wav"]
        folders = VoiceFolders(tmp_path, store, workshop.inbox.still)
        await folders.restore("anna", lambda session, row: None)
        await workshop.all()
        assert workshop.left() == []
        assert sorted(row.name for row in workshop.recordings()) == ["a.wav", "b.wav"]

    asyncio.run(life())


def known(voice: str) -> int:
    """Things in memory that tell of a voice's folder in the inbox."""
    gc.collect()
    every = gc.get_objects()
    folders = sum(type(one) is Folder and one.voice == voice for one in every)
    return folders + sum(type(one) is Scan and one.complaints.voice == voice for one in every)


def test_the_folder_of_a_deleted_voice_is_forgotten_once_it_is_away_and_known_again_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    async def life() -> None:
        workshop = Workshop(store, tmp_path)
        write_wav(workshop.anna / "a.wav")
        await VoiceFolders(tmp_path, store, workshop.inbox.still).delete("anna", lambda session, row: None)
        await workshop.all()
        assert known("anna") == 2, "files of it may come"
        shutil.rmtree(workshop.anna)
        await workshop.wait(1.0)
        assert known("anna") == 0
        write_wav(workshop.anna / "b.wav")
        await workshop.all()
        assert workshop.left() == ["b.wav"]
        assert len([notice for notice in workshop.notices() if "was deleted" in notice]) == 2
        await VoiceFolders(tmp_path, store, workshop.inbox.still).restore("anna", lambda session, row: None)
        await workshop.all()
        assert workshop.left() == []

    asyncio.run(life())


def test_the_name_of_a_deleted_voice_is_free_again_once_that_is_renamed(store: Store, tmp_path: Path) -> None:
    store.write_now(furnish, tmp_path)
    store.write_now(voice_life.delete, "anna")
    rename(tmp_path, store, "anna", "anna-before")
    assert store.read_now(lambda session: session.get_one(Voice, "anna-before").deleted) is not None
    store.write_now(voice_life.restore, "anna-before")
    check_is(store, tmp_path, "anna-before", not_="anna")


def test_what_lies_in_the_home_of_a_deleted_voice_is_not_adopted(store: Store, tmp_path: Path) -> None:
    store.write_now(furnish, tmp_path)
    store.write_now(lambda session: session.delete(session.scalars(select(Version)).one()))
    assert [one.state for one in store.read_now(survey.scan, tmp_path)] == [survey.State.TAKEN]
    store.write_now(voice_life.delete, "anna")
    assert [one.state for one in store.read_now(survey.scan, tmp_path)] == [survey.State.VOICE_DELETED]
