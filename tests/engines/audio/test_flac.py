"""Clips are written whole or not at all, under the hash of their bytes."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import tone

from engines.audio.flac import save_clip
from engines.errors import DiskFull


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    sha256, path = save_clip(tmp_path, tone(1.0), 16_000)
    sound, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    assert np.abs(sound - tone(1.0)).max() <= 1 / 32_768
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_samples_beyond_full_scale_are_limited_not_wrapped(tmp_path: Path) -> None:
    _, path = save_clip(tmp_path, np.array([2.0, -2.0] * 100, np.float32), 16_000)
    sound, _ = soundfile.read(path, dtype="int16")
    assert set(sound.tolist()) == {32_767, -32_768}


def test_the_same_clip_twice_is_one_file(tmp_path: Path) -> None:
    first, second = save_clip(tmp_path, tone(1.0), 16_000), save_clip(tmp_path, tone(1.0), 16_000)
    sha256, path = first
    assert first == second
    assert path == tmp_path / sha256[:2] / f"{sha256}.flac"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_clip_file_that_was_cut_short_is_written_again(tmp_path: Path) -> None:
    sha256, path = save_clip(tmp_path, tone(1.0), 16_000)
    path.write_bytes(path.read_bytes()[:100])
    save_clip(tmp_path, tone(1.0), 16_000)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def test_a_full_disk_is_a_sentence_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = save_clip(tmp_path, tone(1.0), 16_000)
    old = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        save_clip(tmp_path, tone(2.0), 16_000)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    assert path.read_bytes() == old
