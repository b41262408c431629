"""A check finds every damage, invents none, and mends what is certain."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from whole_home import build, depot, dump, files, flip, lay, told

from daemon.database.models import Job, Recording, Voice
from daemon.database.store import opened
from daemon.errors import DatabaseForeign, NotFound
from daemon.state import cut_settings
from daemon.state.status import State
from daemon.upkeep import backup, check
from daemon.upkeep.contents import Wanted
from daemon.upkeep.values import Kind

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Path:
    built = tmp_path / "home"
    build(built)
    return built


def one(home: Path, pattern: str) -> str:
    return str(min(home.glob(pattern)).relative_to(home))


@dataclass(frozen=True)
class Planted:
    """A damage, and what is to be found of it."""

    where: str  #: a pattern below the home
    do: Callable[[Path], None]
    kind: Kind
    shallow: bool  #: found without reading every file


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def garbled(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"', b"'"))


def other(path: Path) -> None:
    path.write_bytes(bytes(reversed(path.read_bytes())))


def gone(path: Path) -> None:
    path.unlink()


RECORDING, CLIP, WEIGHTS = "recordings/*/*.wav", "clips/*/*.flac", "voices/anna/1/model.safetensors"
NEWEST, SAMPLE, FEATURES = "runs/2/checkpoints/step-000040", "samples/anna/1/aa.wav", "features/glow/*.safetensors"
DAMAGES = {
    "a bit of a recording": Planted(RECORDING, flip, Kind.CONTENT, False),
    "a recording gone": Planted(RECORDING, gone, Kind.MISSING, True),
    "a recording cut short": Planted(RECORDING, shorter, Kind.SIZE, True),
    "another recording in its place": Planted(RECORDING, other, Kind.CONTENT, False),
    "a bit of a clip": Planted(CLIP, flip, Kind.CONTENT, False),
    "a clip gone": Planted(CLIP, gone, Kind.MISSING, True),
    "a clip cut short": Planted(CLIP, shorter, Kind.CONTENT, False),
    "a bit of a version's weights": Planted(WEIGHTS, flip, Kind.CONTENT, False),
    "a version's weights gone": Planted(WEIGHTS, gone, Kind.MISSING, True),
    "a version's weights too long": Planted(WEIGHTS, longer, Kind.CONTENT, False),
    "a version's lineage gone": Planted("voices/anna/1/version.json", gone, Kind.MISSING, True),
    "a version's lineage is none": Planted("voices/anna/1/version.json", garbled, Kind.CONTENT, True),
    "a version's lineage cut short": Planted("voices/anna/1/version.json", shorter, Kind.CONTENT, False),
    "a bit of a checkpoint": Planted(f"{NEWEST}/model.safetensors", flip, Kind.CONTENT, False),
    "a checkpoint cut short": Planted(f"{NEWEST}/optimizer.safetensors", shorter, Kind.SIZE, True),
    "a part of a checkpoint gone": Planted(f"{NEWEST}/optimizer.safetensors", gone, Kind.MISSING, True),
    "a checkpoint's state is none": Planted(f"{NEWEST}/state.json", shorter, Kind.CONTENT, True),
    "a bit of a spoken line": Planted(SAMPLE, flip, Kind.CONTENT, False),
    "a bit of an encoded clip": Planted(FEATURES, flip, Kind.CONTENT, False),
    "an encoded clip cut short": Planted(FEATURES, shorter, Kind.CONTENT, False),
}


def test_a_whole_home_is_whole(home: Path) -> None:
    found = check.check(home, deep=True)
    assert found.findings == []
    assert found.files == len(files(home)) - 1 + 2  # not the inbox's; features and myna.toml
    assert told(home, deep=False) == set()


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_and_nothing_else(home: Path, name: str) -> None:
    planted = DAMAGES[name]
    path = one(home, planted.where)
    planted.do(home / path)
    assert told(home) == {(planted.kind, path)}
    assert told(home, deep=False) == ({(planted.kind, path)} if planted.shallow else set())


def test_a_version_s_last_file_is_missed_once(home: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (home / "voices/anna/1" / name).unlink()
    found = [(one.kind, one.path) for one in check.check(home).findings]
    assert sorted(found) == [(Kind.MISSING, f"voices/anna/1/{name}") for name in ("config.json", "model.safetensors")]


def test_a_bit_that_rots_where_nobody_wrote_a_hash_is_found_once_the_file_was_read_before(home: Path) -> None:
    assert told(home) == set()
    flip(home / "voices/anna/1/report.md")
    assert told(home) == {(Kind.CONTENT, "voices/anna/1/report.md")}
    (home / "voices/anna/1/report.md").write_text("written anew")
    assert told(home) == set()


def test_files_that_no_row_knows_are_found_where_no_job_may_be_about_to_tell_of_them(home: Path) -> None:
    with opened(home) as store:
        store.write_now(lambda session: session.query(Job).update({"state": State.CANCELLED}))
    lay(home / "clips/ab" / f"ab{'0' * 62}.flac", b"a clip of nobody's")
    lay(home / "runs/77/outcome.json", b"{}")
    lay(home / "samples/anna/9/aa.wav", b"a version that is not")
    lay(home / "samples/openai:alloy/base/aa.wav", b"what a voice elsewhere said to be compared: it was paid for")
    lay(home / "recordings/cd" / f"cd{'0' * 62}.wav", b"nobody's")
    found = {(Kind.ORPHAN, one) for one in ("runs/77", "samples/anna/9")}
    found |= {(Kind.ORPHAN, f"clips/ab/ab{'0' * 62}.flac"), (Kind.ORPHAN, f"recordings/cd/cd{'0' * 62}.wav")}
    assert told(home, deep=False) == found


def test_what_a_job_at_work_has_not_told_of_yet_is_not_missed(home: Path) -> None:
    lay(home / "clips/ab" / f"ab{'0' * 62}.flac", b"cut a moment ago")
    lay(home / "voices/anna/2/version.json", b"{}")
    assert told(home, deep=False) == set()


def test_a_page_of_the_database(home: Path) -> None:
    with opened(home) as store:
        store.write_now(lambda session: session.add_all(_many_voices()))
    with sqlite3.connect(home / "myna.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'voices'").fetchone()
    connection.close()
    content = bytearray((home / "myna.db").read_bytes())
    content[(root - 1) * 4096 : root * 4096] = bytes(range(256)) * 16
    (home / "myna.db").write_bytes(content)
    found = check.check(home).findings
    assert found
    assert {one.kind for one in found} == {Kind.DATABASE}


def _many_voices() -> list[Voice]:
    from daemon.database.models import now

    return [Voice(name=f"v{n}", language="en", engine="glow", options={}, created=now()) for n in range(300)]


def test_a_row_that_names_a_row_that_is_not_there(home: Path) -> None:
    with sqlite3.connect(home / "myna.db") as connection:
        connection.execute("DELETE FROM datasets")
    connection.close()
    assert {kind for kind, _ in told(home, deep=False)} == {Kind.REFERENCE}


def test_a_home_that_is_none_and_one_of_another_myna_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        check.check(tmp_path / "nowhere")
    with sqlite3.connect(home / "myna.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseForeign, match="newer Myna"):
        check.check(home)


# ------------------------------------------------------------------------------------------------------------ mending


def repaired(home: Path, **asked: object) -> list[dict[str, object]]:
    """The findings of `myna check --repair`, by the program itself."""
    import os

    command = [sys.executable, "-m", "daemon.upkeep", "repair", json.dumps(asked)]
    ended = subprocess.run(
        command, env={**os.environ, "MYNA_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    steps = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [step["finding"] for step in steps if "finding" in step]


def test_all_that_a_backup_has_is_mended_from_it(home: Path, tmp_path: Path) -> None:
    with depot(tmp_path / "disk") as place:
        backup.take(home, place, Wanted(), settle=0.0)
    before, rows = files(home), dump(home)
    for planted, do in ((RECORDING, flip), (CLIP, gone), (WEIGHTS, flip), (f"{NEWEST}/model.safetensors", flip)):
        do(home / one(home, planted))
    (home / "voices/anna/1/version.json").unlink()
    found = repaired(home, deep=True, **{"from": str(tmp_path / "disk")})
    assert {each["mend"] for each in found} == {"MEND_FROM_BACKUP"}
    assert len(found) == 5
    now = files(home)
    assert {path: told for path, told in now.items() if not path.startswith("lost/")} == before
    assert sorted(path for path in now if path.startswith("lost/")) == [
        f"lost/{path}" for path in sorted((one(home, RECORDING), one(home, f"{NEWEST}/model.safetensors"), WEIGHTS))
    ]
    assert dump(home) == rows
    assert told(home) == set()


def test_a_clip_without_a_backup_is_cut_again_where_the_settings_are_those_that_cut_it(home: Path) -> None:
    clip = home / one(home, CLIP)
    with opened(home) as store:
        store.write_now(
            lambda session: session.query(Recording).update(
                {"cut_by": cut_settings.of_voice(session.get_one(Voice, "anna"))}
            )
        )
    flip(clip)
    (found,) = repaired(home, deep=True)
    assert found["mend"] == "MEND_AGAIN"
    assert found["mended"] is True
    assert not clip.exists()
    with opened(home) as store:
        waiting = store.read_now(lambda session: [row.id for row in session.query(Recording) if row.cut is None])
    assert len(waiting) == 1


def test_what_is_not_certain_is_left_and_said(home: Path) -> None:
    clip, weights = home / one(home, CLIP), home / WEIGHTS
    for path in (clip, weights):
        flip(path)
    before = files(home)
    found = repaired(home, deep=True)
    assert [each.get("mended", False) for each in found] == [False, False]
    assert files(home) == before


def test_orphans_are_moved_to_lost_and_caches_dropped(home: Path) -> None:
    with opened(home) as store:
        store.write_now(lambda session: session.query(Job).update({"state": State.CANCELLED}))
    orphan = f"clips/ab/ab{'0' * 62}.flac"
    lay(home / orphan, b"a clip of nobody's")
    cached = home / one(home, FEATURES)
    flip(cached)
    found = repaired(home, deep=True)
    assert {each["mend"] for each in found} == {"MEND_LOST", "MEND_DROP"}
    assert (home / "lost" / orphan).read_bytes() == b"a clip of nobody's"
    assert not cached.exists()
    assert told(home) == set()


def test_an_older_myna_s_versions_are_counted_and_not_called_damaged(home: Path) -> None:
    (home / "voices/anna/1/SHA256SUMS").unlink()
    looked = check.check(home, deep=True)
    assert (looked.findings, looked.unknown) == ([], 1)
    shutil.rmtree(home / "upkeep")
