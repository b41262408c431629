"""Which language recordings are in, before they are cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from engines.transcription.language import ENOUGH, WINDOW, WINDOWS, hear
from engines.transcription.whisper import WhisperTranscriber
from tests.engines.speech import RATE, recording, speech
from tests.engines.transcription.tiny_whisper import MULTILINGUAL, TINY, Size, build

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.integration


class LevelEar:
    """Tells loud from quiet instead of languages: which windows it is given is what counts here."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def languages(self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None]) -> list[dict[str, float]]:
        self.heard += [len(clip) / RATE for clip in clips]
        return [{"fi": 0.9, "sv": 0.1} if np.abs(clip).max() > 0.1 else {"fi": 0.2, "sv": 0.8} for clip in clips]


def alive() -> None: ...


def test_the_language_of_most_speech_is_told_with_its_probability(tmp_path: Path) -> None:
    loud = recording(tmp_path / "loud.flac", ["market", "letter", "harbour"] * 4)
    quiet = recording(tmp_path / "quiet.flac", ["letter"])
    samples, rate = soundfile.read(quiet.path, dtype="float32")
    soundfile.write(quiet.path, samples * 0.05, rate)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    ear = LevelEar()
    found = hear([loud.path, tmp_path / "broken.wav", quiet.path], ear, alive)
    assert found is not None
    assert found.seconds == pytest.approx(sum(ear.heard))
    assert found.seconds < loud.seconds + quiet.seconds - 5, "pauses are not heard"
    short = ear.heard[-1]
    assert found.language == "fi"
    assert found.probability == pytest.approx(0.9 - 0.7 * short / found.seconds, abs=0.02)
    assert found.told
    assert found.seconds > ENOUGH
    assert max(ear.heard) <= WINDOW


def test_too_little_speech_and_none_tell_nothing(tmp_path: Path) -> None:
    little = hear([recording(tmp_path / "a.flac", ["letter"]).path], LevelEar(), alive)
    assert little is not None
    assert (little.language, little.told) == ("fi", False)
    soundfile.write(tmp_path / "hush.wav", np.zeros(RATE, np.float32), RATE)
    assert hear([tmp_path / "hush.wav"], LevelEar(), alive) is None
    assert hear([], LevelEar(), alive) is None


def test_of_many_recordings_some_are_heard_spread_over_all(tmp_path: Path) -> None:
    loud, quiet = tmp_path / "loud.wav", tmp_path / "quiet.wav"
    for path, level in ((loud, 1.0), (quiet, 0.02)):
        soundfile.write(path, speech("letter") * level, RATE)
    ear = LevelEar()
    found = hear([loud] * (3 * WINDOWS) + [quiet] * (2 * WINDOWS + 1), ear, alive)
    assert WINDOWS / 2 < len(ear.heard) <= WINDOWS
    assert found is not None
    assert found.probability == pytest.approx(0.6 * 0.9 + 0.4 * 0.2, abs=0.06), "the last ones count, too"


def test_of_many_short_recordings_so_many_are_heard_as_it_takes(tmp_path: Path) -> None:
    """Words by themselves: what most windows would hold is too little, and there is more."""
    word, hush = tmp_path / "word.wav", tmp_path / "hush.wav"
    soundfile.write(word, speech("letter")[: round(0.8 * RATE)], RATE)
    soundfile.write(hush, np.zeros(RATE, np.float32), RATE)
    for step, many in ((1, 30), (2, 50)):  # also where every other one is silent
        ear = LevelEar()
        found = hear([word if at % step == 0 else hush for at in range(100 * step)], ear, alive)
        assert found is not None
        assert found.told
        assert ENOUGH <= found.seconds < ENOUGH + 1
        assert len(ear.heard) <= WINDOWS + many
        assert max(ear.heard) <= WINDOW
    few = hear([word] * 25, LevelEar(), alive)
    assert few is not None
    assert not few.told
    assert few.seconds == pytest.approx(25 * found.seconds / (ENOUGH / 0.8), rel=0.2), "all of them were heard"


@pytest.mark.parametrize(
    ("size", "sure"), [(Size(multilingual=True, speaks="fi"), True), (MULTILINGUAL, False), (TINY, None)]
)
def test_whisper_tells_every_language_at_once(tmp_path: Path, size: Size, sure: bool | None) -> None:
    whisper = WhisperTranscriber(build(tmp_path / "whisper", size), "en")
    clips = [speech(name) for name in ("letter", "harbour", "market")] * 3
    found = whisper.languages(clips, alive)
    if sure is None:
        assert found == [], "a model of English alone knows no other"
        return
    assert [sum(one.values()) for one in found] == pytest.approx([1.0] * 9, abs=0.01)
    likeliest = {max(one, key=lambda language: one[language]) for one in found}
    assert (likeliest == {"fi"} and min(one["fi"] for one in found) > 0.9) is sure
