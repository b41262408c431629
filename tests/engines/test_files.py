"""Files and folders that survive a power cut."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from engines import files
from engines.errors import DiskFull

pytestmark = pytest.mark.unit


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders that are synced, in order."""
    names: list[str] = []
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    return names


def test_every_folder_that_is_made_has_its_name_on_the_disk(tmp_path: Path, synced: list[str]) -> None:
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert {"a", "b", tmp_path.name} <= set(synced)


def test_a_folder_that_is_there_is_synced_once_by_a_process(tmp_path: Path, synced: list[str]) -> None:
    (tmp_path / "a").mkdir()
    files.make_folder(tmp_path / "a")
    assert tmp_path.name in synced, "whoever made it may not have synced it yet"
    synced.clear()
    files.make_folder(os.fsencode(tmp_path / "a"))
    assert synced == []


def test_a_folder_that_was_removed_is_made_and_synced_anew(tmp_path: Path, synced: list[str]) -> None:
    files.make_folder(tmp_path / "a" / "b")
    shutil.rmtree(tmp_path / "a")
    synced.clear()
    files.make_folder(tmp_path / "a" / "b")
    assert {"a", tmp_path.name} <= set(synced)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "full"), (errno.EDQUOT, "full"), (errno.EROFS, "read-only")]
)
def test_a_disk_that_cannot_be_written_is_a_sentence(number: int, words: str) -> None:
    with (
        pytest.raises(DiskFull, match=f"^The disk is {words}: a clip could not be written.") as told,
        files.disk_full_is_a_sentence("a clip"),
    ):
        raise OSError(number, os.strerror(number))
    assert "nothing is lost" in told.value.hint


def test_other_errors_are_not_taken_for_a_full_disk() -> None:
    with pytest.raises(PermissionError), files.disk_full_is_a_sentence("a clip"):
        raise PermissionError(errno.EACCES, "Permission denied")
