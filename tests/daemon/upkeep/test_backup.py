"""A backup has all of a home as it was at one moment, costs the second time only what is new, and is whole whatever
happens while it is taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from whole_home import build, depot, dump, files, flip, told

from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.processes.lock import Lock
from daemon.upkeep import backup, contents, words
from daemon.upkeep.contents import Wanted
from daemon.upkeep.depot import Depot
from daemon.upkeep.restore import restore
from daemon.upkeep.values import Finding, Kind, Taken
from daemon.upkeep.verify import verify

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Path:
    built = tmp_path / "home"
    build(built)
    return built


def taken(home: Path, place: Path, **wanted: bool) -> tuple[Taken, list[Finding]]:
    with depot(place) as opened:
        return backup.take(home, opened, Wanted(**wanted), settle=0.0)


def restored(place: Path, to: Path, id: str = "") -> Path:
    opened = Depot.there(place)
    answer = restore(opened, opened.chosen(id), to)
    assert answer.damaged == []
    return to


def test_a_restored_home_is_what_was_backed_up_bit_for_bit_and_second_for_second(home: Path, tmp_path: Path) -> None:
    snapshot, found = taken(home, tmp_path / "disk")
    assert found == []
    back = restored(tmp_path / "disk", tmp_path / "back")
    assert files(back) == files(home)
    assert dump(back) == dump(home)
    assert (back / "myna.toml").read_text() == (home / "myna.toml").read_text()
    assert not (back / "features").exists()  # made again
    assert told(back) == set()
    assert snapshot.files == len(files(home)) + 2  # the database and myna.toml


def test_the_second_backup_copies_only_what_is_new_and_both_can_be_restored(home: Path, tmp_path: Path) -> None:
    first, _ = taken(home, tmp_path / "disk")
    before = files(home)
    (home / "inbox/anna/new.txt").write_text("a few words")
    second, _ = taken(home, tmp_path / "disk")
    assert second.id > first.id
    assert second.new == len("a few words") + (home / "myna.db").stat().st_size * (second.new > 11)
    assert files(restored(tmp_path / "disk", tmp_path / "one", first.id)) == before
    assert files(restored(tmp_path / "disk", tmp_path / "two", second.id)) == files(home)


def test_it_refuses_a_folder_that_is_not_one_of_backups_and_one_in_the_home(home: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("…")
    with pytest.raises(BadRequest, match="not empty"):
        Depot.made(letters)
    assert [path.name for path in letters.iterdir()] == ["dear.txt"]
    with pytest.raises(NotFound):
        Depot.made(tmp_path / "not" / "mounted")
    with pytest.raises(BadRequest, match="lies in the home"):
        backup.check_apart(home, home / "backup")
    with pytest.raises(BadRequest, match="lies in the home"):
        backup.check_apart(home, tmp_path)


def test_two_at_once_are_one_too_many(home: Path, tmp_path: Path) -> None:
    with depot(tmp_path / "disk"), pytest.raises(NotNow, match="under way"), Depot.there(tmp_path / "disk").locked():
        pass


def test_older_snapshots_go_with_what_only_they_had(home: Path, tmp_path: Path) -> None:
    (home / "inbox/anna/only.txt").write_text("only in the first")
    first, _ = taken(home, tmp_path / "disk")
    (home / "inbox/anna/only.txt").unlink()
    second, _ = taken(home, tmp_path / "disk")
    before = len(list((tmp_path / "disk/objects").rglob("*/*")))
    with depot(tmp_path / "disk") as opened:
        assert opened.keep(1, first.home) == [first.id]
        assert opened.ids() == [second.id]
        assert verify(opened).findings == []
    assert len(list((tmp_path / "disk/objects").rglob("*/*"))) < before
    assert told(restored(tmp_path / "disk", tmp_path / "back")) == set()


def test_snapshots_of_another_home_in_the_same_folder_stay(home: Path, tmp_path: Path) -> None:
    build(tmp_path / "other", live=False)
    other, _ = taken(tmp_path / "other", tmp_path / "disk")
    mine = [taken(home, tmp_path / "disk")[0] for _ in range(2)]
    with depot(tmp_path / "disk") as opened:
        assert opened.keep(1, mine[0].home) == [mine[0].id]
        assert opened.keep(1, mine[0].home) == []
        assert opened.ids() == [other.id, mine[1].id]
        assert verify(opened).findings == []


def test_nothing_is_swept_while_a_list_cannot_be_read(home: Path, tmp_path: Path) -> None:
    snapshots = [taken(home, tmp_path / "disk")[0] for _ in range(3)]
    ids = [one.id for one in snapshots]
    damaged = tmp_path / "disk/snapshots" / f"{ids[1]}.json.gz"
    flip(damaged)
    before = set((tmp_path / "disk/objects").rglob("*/*"))
    with depot(tmp_path / "disk") as opened:
        opened.keep(2, snapshots[0].home)
        assert [(one.kind, one.path) for one in verify(opened).findings] == [(Kind.SNAPSHOT, ids[1])]
    assert set((tmp_path / "disk/objects").rglob("*/*")) == before


def test_reading_back_finds_what_the_disk_has_spoilt_and_the_next_backup_mends_it(home: Path, tmp_path: Path) -> None:
    taken(home, tmp_path / "disk")
    recording = next((home / "recordings").rglob("*.wav"))
    spoilt = Depot.there(tmp_path / "disk").object(recording.stem)
    spoilt.chmod(0o600)
    flip(spoilt)
    with depot(tmp_path / "disk") as opened:
        assert [(one.kind, one.path) for one in verify(opened).findings] == [
            (Kind.OBJECT, str(recording.relative_to(home)))
        ]
    answer = restore(Depot.there(tmp_path / "disk"), Depot.there(tmp_path / "disk").chosen(), tmp_path / "back")
    assert [one.kind for one in answer.damaged] == [Kind.MISSING]
    taken(home, tmp_path / "disk")
    with depot(tmp_path / "disk") as opened:
        assert verify(opened).findings == []


def test_a_damaged_file_does_not_take_the_place_of_a_good_one(home: Path, tmp_path: Path) -> None:
    taken(home, tmp_path / "disk")
    before = files(home)
    weights = home / "voices/anna/1/model.safetensors"
    flip(weights)
    weights.touch()
    shutil.rmtree(home / "upkeep")  # nothing is known of its files: all are read again
    flip(next((home / "recordings").rglob("*.wav")))
    _, found = taken(home, tmp_path / "disk")
    assert not [one for one in found if one.path.startswith("recordings")]  # not read: its name tells what it was
    back = restored(tmp_path / "disk", tmp_path / "back")
    now = files(back)
    assert {path for path in before if now[path][0] != before[path][0]} == set()
    assert [(one.kind, one.path) for one in found] == [(Kind.CONTENT, "voices/anna/1/model.safetensors")]


def test_what_the_home_has_lost_of_a_version_is_told_of_and_a_file_once(home: Path, tmp_path: Path) -> None:
    (home / "voices/anna/1/model.safetensors").unlink()
    recording = next((home / "recordings").rglob("*.wav"))
    recording.write_bytes(b"short")
    _, found = taken(home, tmp_path / "disk")
    assert sorted((one.kind, one.path, one.row) for one in found) == [
        (Kind.CONTENT, str(recording.relative_to(home)), ""),
        (Kind.MISSING, "voices/anna/1/model.safetensors", "anna@1"),
    ]


def test_keys_bases_and_packages_are_in_it_only_when_asked_for(home: Path, tmp_path: Path) -> None:
    keys = ("openai.key", "phone.secret", "token")
    for name in (*keys, "engines/xtts/model.pth", "exports/anna-1.myna.tar.zst", "remote/openai/1.pcm", "notes.txt"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("content of " + name)
        (home / name).chmod(0o600)
    told = 'token_file = "token"\n[[notify]]\nurl_file = "phone.secret"\n[[notify]]\nurl = "json://box/"\n'
    (home / "myna.toml").write_text(f'{told}[remote.openai]\nkey_file = "{home}/openai.key"\n')
    (home / "myna.toml").chmod(0o600)
    snapshot, _ = taken(home, tmp_path / "disk")
    assert (snapshot.strange, snapshot.keys, snapshot.bare) == (("notes.txt",), keys, ("without a name",))
    assert [line.split(":")[0] for line in words.about(snapshot)][-3:] == [
        "Not in it, for it is not Myna's",
        "Not in it, for whoever has them can use Myna",
        "myna.toml has the URL of a notifier in it (without a name), and so has the backup. url_file keeps it apart.",
    ]
    back = restored(tmp_path / "disk", tmp_path / "without")
    assert not any((back / name).exists() for name in (*keys, "engines", "exports", "remote", "notes.txt"))
    assert contents.without(back) == [back / "phone.secret", back / "token"]  # the third one is named where it was
    snapshot, _ = taken(home, tmp_path / "disk", bases=True, exports=True, secrets=True)
    assert (snapshot.strange, snapshot.keys) == (("notes.txt",), ())
    back = restored(tmp_path / "disk", tmp_path / "with")
    assert all((back / name).is_file() for name in (*keys, "engines/xtts/model.pth", "exports/anna-1.myna.tar.zst"))
    assert {(back / name).stat().st_mode & 0o777 for name in keys} == {0o600}


def test_what_is_half_written_or_partial_is_not_in_it(home: Path, tmp_path: Path) -> None:
    half = ["recordings/.incoming/half", "voices/anna/.tmp-2-77/model.safetensors", "inbox/anna/a.wav.part"]
    half += ["runs/1/checkpoints.gone/step-000002/half-deleted", "voices/anna/.1.gone/half-deleted"]
    for name in half:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("half")
    (home / "inbox/anna/.refused").mkdir()
    (home / "inbox/anna/.refused/b.wav").write_text("refused, and a person's")
    taken(home, tmp_path / "disk")
    back = restored(tmp_path / "disk", tmp_path / "back")
    assert [path.name for path in sorted((back / "inbox/anna").rglob("*")) if path.is_file()] == ["b.wav", "voice.toml"]
    assert not list(back.rglob("*half*"))
    assert not list(back.glob("voices/anna/.tmp*"))


def test_it_is_not_restored_over_anything_nor_under_a_mynad(home: Path, tmp_path: Path) -> None:
    taken(home, tmp_path / "disk")
    opened = Depot.there(tmp_path / "disk")
    before = files(home)
    with pytest.raises(BadRequest, match="not empty"):
        restore(opened, opened.chosen(), home)
    assert files(home) == before
    held = Lock(tmp_path / "held")
    try:
        with pytest.raises(NotNow, match="mynad runs"):
            restore(opened, opened.chosen(), tmp_path / "held")
    finally:
        held.release()


def test_a_snapshot_that_leads_out_of_the_home_is_no_snapshot(home: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from daemon.upkeep import manifest

    id = taken(home, tmp_path / "disk")[0].id
    opened = Depot.there(tmp_path / "disk")
    good = opened.read(id)
    evil = replace(good.files[0], path="../outside")
    manifest.write(tmp_path / "disk/snapshots" / f"{id}.json.gz", replace(good, files=(evil,)))
    with pytest.raises(MynaError, match="damaged"):
        opened.chosen(id)
