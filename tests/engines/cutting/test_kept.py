"""What was heard of a recording outlives the worker that heard it: the next one hears no more than a batch again."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import TEXTS, recording

from engines.audio.separation import Separate, Separation
from engines.cutting.clips import CutClip, cut_recording
from engines.cutting.cutter import BATCH
from engines.cutting.kept import Kept, sweep
from engines.files import TEMPORARY
from engines.glow.info import INFO
from engines.transcription.alignment import Aligner
from engines.transcription.base import Transcript, Trust, Word

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))
#: Clips that may be heard again after a kill.
AGAIN = 10
SHA = "1" * 64


class Killed(BaseException):
    """The worker is dead from here on."""


class Mortal:
    """A recogniser whose words follow from the sound. It counts what it hears, and dies in place of hearing the
    `last`-th clip of its life."""

    name = "whisper"
    trust: Trust = "high"
    language = "en"

    def __init__(
        self, counted: Counter[str], last: int = 0, settings: str = "whisper one", earlier: tuple[str, ...] = ()
    ) -> None:
        self.counted, self.last, self.settings, self.earlier_settings = counted, last, settings, earlier
        self._heard = 0

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self._heard += 1
        if self._heard == self.last:
            raise Killed
        name = hashlib.sha256(samples.tobytes()).hexdigest()
        self.counted[name] += 1
        sure = 1 / 3 + int(name[:4], 16) / 2**17
        return Transcript(f"words {name[:6]}", (Word(name[:6], 0.1, 1 / 3, sure),), self.name, self.trust, sure)

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 19 pieces: two batches, and the rest."""
    made = recording(tmp_path_factory.mktemp("long") / "long.flac", ["letter", "harbour"] * 9 + ["letter"], pause=0.8)
    return made.path


def cut(path: Path, out: Path, hears: Mortal, kept: Kept | None, separate: Separate | None = None) -> list[CutClip]:
    return cut_recording(path, None, "en", SHORT, hears, out / "clips", kept=kept, separate=separate)


@pytest.mark.parametrize("last", [1, 5, 8, 9, 14, 17, 19])
def test_a_worker_that_dies_has_a_batch_at_most_heard_again(tmp_path: Path, long: Path, last: int) -> None:
    calm = cut(long, tmp_path, Mortal(Counter()), None)
    assert len(calm) == 19
    counted: Counter[str] = Counter()
    with pytest.raises(Killed):
        cut(long, tmp_path, Mortal(counted, last), Kept(tmp_path / "heard", SHA))
    kept = Kept(tmp_path / "heard", SHA)
    assert cut(long, tmp_path, Mortal(counted), kept) == calm
    assert counted.total() - len(calm) == (last - 1) % BATCH < AGAIN
    assert kept.found == (last - 1) // BATCH * BATCH


def test_of_a_worker_that_dies_again_and_again_what_it_heard_adds_up(tmp_path: Path, long: Path) -> None:
    counted: Counter[str] = Counter()
    told: list[int] = []
    for _ in range(2):
        with pytest.raises(Killed):
            cut(long, tmp_path, Mortal(counted, BATCH + 2), Kept(tmp_path / "heard", SHA, lambda: told.append(1)))
    clips = cut(long, tmp_path, Mortal(counted), Kept(tmp_path / "heard", SHA))
    assert counted.total() - len(clips) == 2  # each of the two had heard one more than a batch
    assert len(told) == 2  # they were worth going on from


def test_what_was_heard_before_memory_ran_out_is_not_heard_again(tmp_path: Path, long: Path) -> None:
    """The words of a batch that was heard in both ways are kept as what it began with."""
    counted: Counter[str] = Counter()
    for last, settings, earlier in ((BATCH + 2, "first", ()), (BATCH + 3, "second", ("first",))):
        with pytest.raises(Killed):
            cut(long, tmp_path, Mortal(counted, last, settings, earlier), Kept(tmp_path / "heard", SHA))
    kept = Kept(tmp_path / "heard", SHA)
    clips = cut(long, tmp_path, Mortal(counted, settings="third", earlier=("second", "first")), kept)
    assert kept.found == 2 * BATCH
    assert counted.total() - len(clips) == 1 + 2


def test_what_is_heard_without_music_is_found_though_samples_differ_in_their_last_bits(
    tmp_path: Path, long: Path
) -> None:
    noise = np.random.default_rng()

    def voice(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return samples + noise.normal(0, 1e-6, len(samples)).astype(np.float32)

    def separate() -> Separation:
        return Separation(SHORT.sample_rate, voice)

    counted: Counter[str] = Counter()
    with pytest.raises(Killed):
        cut(long, tmp_path, Mortal(counted, BATCH + 3), Kept(tmp_path / "heard", SHA), separate=separate)
    kept = Kept(tmp_path / "heard", SHA)
    assert len(cut(long, tmp_path, Mortal(counted), kept, separate=separate)) == 19
    assert (kept.found, counted.total()) == (BATCH, 19 + 2)
    cut(long, tmp_path, Mortal(counted), other := Kept(tmp_path / "heard", SHA))
    assert other.found == 0, "with its music it is another sound"


@pytest.mark.parametrize("other", ["recogniser", "text", "cut", "recording"])
def test_what_another_recogniser_text_or_cut_gave_is_not_taken(tmp_path: Path, long: Path, other: str) -> None:
    cut(long, tmp_path, Mortal(Counter()), Kept(tmp_path / "heard", SHA))
    kept = Kept(tmp_path / "heard", "2" * 64 if other == "recording" else SHA)
    hears = Mortal(Counter(), settings="whisper two" if other == "recogniser" else "whisper one")
    engine = replace(SHORT, sample_rate=24_000) if other == "cut" else SHORT
    if other == "text":
        short = recording(tmp_path / "a.flac", ["letter"]).path
        for text in (TEXTS["letter"], "Another text."):
            cut_recording(short, text, "en", engine, hears, tmp_path, kept=kept, aligner=Aligner())
    else:
        cut_recording(long, None, "en", engine, hears, tmp_path, kept=kept)
    assert kept.found == 0


def test_a_file_that_is_not_whole_is_heard_again(tmp_path: Path, long: Path) -> None:
    calm = cut(long, tmp_path, Mortal(Counter()), Kept(tmp_path / "heard", SHA))
    files = sorted((tmp_path / "heard").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-20])
    files[1].write_text("[]")
    counted: Counter[str] = Counter()
    assert cut(long, tmp_path, Mortal(counted), Kept(tmp_path / "heard", SHA)) == calm
    assert counted.total() > 0


def test_what_is_not_needed_any_more_goes(tmp_path: Path, long: Path) -> None:
    """That of a recording whose clips are stored, at once; what nobody came back for, after a week."""
    folder = tmp_path / "heard"
    for name in (SHA, "2" * 64):
        cut(long, tmp_path, Mortal(Counter()), Kept(folder, name))
    Kept(folder, SHA).forget()
    left = sorted(folder.iterdir())
    assert {path.name[:64] for path in left} == {"2" * 64}
    (folder / f"{TEMPORARY}1-half.json").touch()
    sweep(folder)
    assert len(list(folder.iterdir())) == len(left) + 1
    eight_days = time.time() - 8 * 24 * 3600
    for path in (left[0], folder / f"{TEMPORARY}1-half.json"):
        os.utime(path, (eight_days, eight_days))
    sweep(folder)
    assert sorted(folder.iterdir()) == left[1:]
    sweep(tmp_path / "none")
