"""Restoring that is interrupted goes on, and never makes a home that only looks like one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from whole_home import build, depot, files, flip, told

from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError
from daemon.home.lost import RESTORING
from daemon.upkeep import backup
from daemon.upkeep.contents import Wanted
from daemon.upkeep.depot import Depot
from daemon.upkeep.restore import restore
from daemon.upkeep.values import Finding, Kind, Progress

pytestmark = pytest.mark.integration


class PulledPlug(BaseException):
    """Nothing catches it."""


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """With two snapshots."""
    build(tmp_path / "home")
    for _ in range(2):
        with depot(tmp_path / "disk") as opened:
            backup.take(tmp_path / "home", opened, Wanted(), settle=0.0)
    return tmp_path / "disk"


def interrupted(disk: Path, to: Path, after: int) -> None:
    told_of = 0

    def tell(_: Progress | Finding) -> None:
        nonlocal told_of
        told_of += 1
        if told_of == after:
            raise PulledPlug

    with pytest.raises(PulledPlug):
        restore(Depot.there(disk), Depot.there(disk).chosen(), to, tell)


@pytest.mark.parametrize("after", [1, 7, 20])
def test_it_goes_on_where_it_was_interrupted_and_mynad_does_not_start_meanwhile(
    disk: Path, tmp_path: Path, after: int
) -> None:
    back = tmp_path / "back"
    interrupted(disk, back, after)
    with pytest.raises(MynaError, match="not restored to its end"):
        Store(back)
    spoilt = next(path for path in sorted(back.rglob("*")) if path.is_file() and path.name != RESTORING)
    flip(spoilt, 0)  # a power cut: the size is there, and the bytes are not
    restore(Depot.there(disk), Depot.there(disk).chosen(), back)
    assert files(back) == files(tmp_path / "home")
    assert told(back) == set()
    assert not (back / RESTORING).exists()


def test_what_is_half_restored_is_not_mixed_with_another_snapshot(disk: Path, tmp_path: Path) -> None:
    interrupted(disk, tmp_path / "back", 5)
    opened = Depot.there(disk)
    with pytest.raises(BadRequest, match="half restored"):
        restore(opened, opened.chosen(opened.ids()[0]), tmp_path / "back")


def test_a_damaged_database_is_told_before_anything_is_written(disk: Path, tmp_path: Path) -> None:
    opened = Depot.there(disk)
    spoilt = opened.object(opened.chosen().database.sha256)
    spoilt.chmod(0o600)
    flip(spoilt)
    with pytest.raises(BadRequest, match="database of the snapshot"):
        restore(opened, opened.chosen(), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_file_that_rots_in_the_home_is_told_of_at_every_backup_and_kept_as_it_was(disk: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    before = files(home)
    rotten, mtime = home / "voices/anna/1/report.md", before["voices/anna/1/report.md"][1]
    flip(rotten)
    shutil.copyfile(rotten, home / ".tmp-copy")  # by another inode, as a copied disk has: it has to be read
    (home / ".tmp-copy").replace(rotten)
    os.utime(rotten, ns=(mtime, mtime))
    for _ in range(2):
        with depot(disk) as opened:
            _, found = backup.take(home, opened, Wanted(), settle=0.0)
        assert [(one.kind, one.path) for one in found] == [(Kind.CONTENT, "voices/anna/1/report.md")]
    opened = Depot.there(disk)
    restore(opened, opened.chosen(), tmp_path / "back")
    assert files(tmp_path / "back") == before
