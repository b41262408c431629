"""The feature cache: encoded once, whole or not there, damage noticed."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.base import Clip, Features
from engines.errors import BadInput, Cancelled, DiskFull
from engines.features import FeatureCache, encode_all
from engines.files import TEMPORARY
from engines.training.control import Command, Stopped, Switch


@dataclasses.dataclass
class Info:
    name: str = "counting"
    spelling: str = ""


class CountingEngine:
    """Counts what it is asked to encode, and refuses clips without text."""

    def __init__(self, base: str = "base-1") -> None:
        self.info, self.base, self.encoded = Info(), base, []  # type: ignore[var-annotated]

    def base_fingerprint(self) -> str:
        return self.base

    def encode(self, clip: Clip) -> Features:
        self.encoded.append(clip.text)
        if not clip.text:
            raise BadInput("The text has no phonemes.")
        return {
            "mel": np.full((3, len(clip.text)), 0.5, "f4").T,  # not contiguous on purpose
            "phonemes": np.frombuffer(clip.text.encode(), "u1").astype("i8"),
            "speaker": np.array(7),
        }


def clip(text: str) -> Clip:
    return Clip(hashlib.sha256(text.encode()).hexdigest(), Path("nowhere.flac"), text, "en", 1.0)


CLIPS = [clip("one"), clip("two"), clip("three")]


def encode(engine: Any, clips: list[Clip], folder: Path, *more: Any) -> Any:
    return encode_all(engine, clips, folder, *more)


def same(a: Features, b: Features) -> bool:
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)


def test_a_clip_is_encoded_once(tmp_path: Path) -> None:
    engine = CountingEngine()
    first = encode(engine, CLIPS, tmp_path)
    second = encode(engine, CLIPS, tmp_path)
    assert engine.encoded == ["one", "two", "three"]
    assert (first.from_cache, second.from_cache) == (0, 3)
    assert [c for c, _ in second.kept] == CLIPS
    assert all(same(a, b) for (_, a), (_, b) in zip(first.kept, second.kept, strict=True))


def test_another_text_language_base_or_engine_is_encoded_anew(tmp_path: Path) -> None:
    engine = CountingEngine()
    paths = {FeatureCache(engine, tmp_path).path(CLIPS[0])}  # type: ignore[arg-type]
    paths.add(FeatureCache(engine, tmp_path).path(dataclasses.replace(CLIPS[0], text="won")))  # type: ignore[arg-type]
    paths.add(FeatureCache(engine, tmp_path).path(dataclasses.replace(CLIPS[0], language="de")))  # type: ignore[arg-type]
    paths.add(FeatureCache(CountingEngine("base-2"), tmp_path).path(CLIPS[0]))  # type: ignore[arg-type]
    spelt = CountingEngine()
    spelt.info.spelling = "otherwise"
    paths.add(FeatureCache(spelt, tmp_path).path(CLIPS[0]))  # type: ignore[arg-type]
    other = CountingEngine()
    other.info.name = "other"
    paths.add(FeatureCache(other, tmp_path).path(CLIPS[0]))  # type: ignore[arg-type]
    assert len(paths) == 6


def test_a_clip_the_engine_cannot_train_on_is_dropped_with_the_reason(tmp_path: Path) -> None:
    encoded = encode(CountingEngine(), [*CLIPS, clip("")], tmp_path)
    assert [c.text for c, _ in encoded.kept] == ["one", "two", "three"]
    assert [(c.text, reason) for c, reason in encoded.dropped] == [("", "The text has no phonemes.")]


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_bit(content: bytes) -> bytes:
    return content[:-2] + bytes([content[-2] ^ 4]) + content[-1:]


def empty(content: bytes) -> bytes:
    return b""


def noise(content: bytes) -> bytes:
    return os.urandom(len(content))


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, empty, noise])
def test_a_damaged_file_is_encoded_anew_and_mended(damage: Any, tmp_path: Path) -> None:
    engine = CountingEngine()
    before = encode(engine, CLIPS, tmp_path)
    path = FeatureCache(engine, tmp_path).path(CLIPS[1])  # type: ignore[arg-type]
    path.write_bytes(damage(path.read_bytes()))
    after = encode(engine, CLIPS, tmp_path)
    assert engine.encoded == ["one", "two", "three", "two"]
    assert same(before.kept[1][1], after.kept[1][1])
    assert encode(engine, CLIPS, tmp_path).from_cache == 3


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    encode(CountingEngine(), [*CLIPS, clip("")], tmp_path, None, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("command", "error"), [(Command.CANCEL, Cancelled), (Command.STOP, Stopped)])
def test_what_was_encoded_before_a_cancel_is_kept(command: Command, error: type[Exception], tmp_path: Path) -> None:
    engine, control = CountingEngine(), Switch()

    def on_progress(done: int, total: int) -> None:
        if done == 2:
            control.set(command)

    with pytest.raises(error, match="after 2 of 3 clips"):
        encode(engine, CLIPS, tmp_path, control, on_progress)
    assert encode(engine, CLIPS, tmp_path).from_cache == 2


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match="The disk is full"):
            encode(CountingEngine(), CLIPS, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert encode(CountingEngine(), CLIPS, tmp_path).from_cache == 0


def test_what_a_killed_process_left_is_swept_away_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / f"{TEMPORARY}1-old", tmp_path / f"{TEMPORARY}2-new"
    old.write_bytes(b"half")
    new.write_bytes(b"half, by a process that may still be writing")
    os.utime(old, (0, 0))
    FeatureCache(CountingEngine(), tmp_path)  # type: ignore[arg-type]
    assert not old.exists()
    assert new.exists()
