"""Scores of spoken lines against recordings, on real speech. What a listener would say, the numbers must say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from speech import FIXTURES, RATE, TEXTS, speech

from engines.errors import BadInput, Cancelled
from engines.metrics.dnsmos import dnsmos
from engines.metrics.duration import Timing, duration_ratio, pauses_between, timing
from engines.metrics.gate import balance
from engines.metrics.pitch import Pitch, pitch, semitones_between
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, SpokenLine, score_lines, summarise
from engines.metrics.similarity import cosine, embed, mean_embedding
from engines.transcription.base import Transcript

pytestmark = pytest.mark.usefixtures("compiled_librosa")

LINES = [
    SpokenLine(TEXTS[name], FIXTURES / f"{name}.flac", FIXTURES / f"{name}.flac") for name in ("harbour", "letter")
]


class Recogniser:
    """Hears what it is told, line after line."""

    name = "whisper"
    language = "en"
    trust: Literal["high", "low"] = "high"

    def __init__(self, *heard: str) -> None:
        self._heard = iter(heard)

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        return Transcript(next(self._heard), (), self.name, self.trust, 0.9)

    def transcribe_many(self, clips: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]


def perfect() -> Recogniser:
    return Recogniser(*(line.text for line in LINES))


@pytest.fixture(scope="module")
def another_voice(tmp_path_factory: pytest.TempPathFactory) -> list[SpokenLine]:
    """The same lines four semitones lower, a quarter slower, with noise: a bad copy of the voice."""
    folder = tmp_path_factory.mktemp("spoken")
    lines = []
    for line in LINES:
        sound = speech(line.recording.stem)
        slow = librosa.effects.time_stretch(librosa.effects.pitch_shift(sound, sr=RATE, n_steps=-4), rate=0.8)
        slow = slow + np.random.default_rng(0).normal(0, 0.02, len(slow))
        soundfile.write(folder / f"{line.recording.stem}.wav", slow, RATE)
        lines.append(SpokenLine(line.text, folder / f"{line.recording.stem}.wav", line.recording))
    return lines


def test_the_recordings_are_the_ceiling() -> None:
    summary = score_lines(LINES, perfect()).summary
    assert (summary.lines, summary.failed, summary.wer, summary.cer) == (2, 0, 0.0, 0.0)
    assert summary.duration_ratio == pytest.approx(1.0)
    assert summary.similarity is not None
    assert 0.8 < summary.similarity < 0.999, "a line is not compared with itself"
    assert summary.f0_semitones is not None
    assert summary.f0_semitones < 1.0
    assert (summary.recogniser, summary.trust) == ("whisper", "high")


def test_a_bad_copy_scores_worse_in_everything(another_voice: list[SpokenLine]) -> None:
    ceiling = score_lines(LINES, perfect()).summary
    copy = score_lines(
        another_voice, Recogniser("the small but let the harbour", "she wrote a long letter"), held_out_loss=2.0
    ).summary
    assert copy.wer is not None
    assert copy.wer > 0.3
    assert copy.similarity is not None
    assert ceiling.similarity is not None
    assert copy.similarity < ceiling.similarity - 0.1
    assert copy.dnsmos is not None
    assert ceiling.dnsmos is not None
    assert copy.dnsmos < ceiling.dnsmos - 0.2
    assert copy.duration_ratio == pytest.approx(1.25, abs=0.12)
    assert copy.f0_semitones == pytest.approx(4.0, abs=1.0)
    assert copy.held_out_loss == 2.0
    assert balance(copy, ceiling, Rule()) < 0


def test_word_errors_are_of_all_lines_together() -> None:
    scores = score_lines(LINES, Recogniser(LINES[0].text, ""))
    assert [line.wer for line in scores.lines] == [0.0, 1.0]
    assert scores.summary.wer == pytest.approx(11 / 22)


def test_a_line_that_was_not_spoken_is_counted_with_every_word_wrong(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    lines = [LINES[0], SpokenLine(TEXTS["letter"], tmp_path / "gone.wav", LINES[1].recording)]
    scores = score_lines(
        [*lines, SpokenLine(TEXTS["letter"], tmp_path / "silent.wav", LINES[1].recording)], Recogniser(LINES[0].text)
    )
    assert [line.error for line in scores.lines] == ["", "gone.wav is not there.", "silent.wav is silent."]
    assert (scores.summary.lines, scores.summary.failed) == (1, 2)
    assert scores.summary.wer == pytest.approx(22 / 33)


def test_a_click_is_scored_without_crashing(tmp_path: Path) -> None:
    click = np.zeros(2_000, np.float32)
    click[1_000] = 0.5
    soundfile.write(tmp_path / "click.wav", click, RATE)
    (line,) = score_lines([SpokenLine("Hello.", tmp_path / "click.wav", LINES[0].recording)], Recogniser("")).lines
    assert (line.wer, line.similarity, line.duration_ratio, line.f0_semitones) == (1.0, None, None, None)


def test_without_a_recogniser_there_are_no_word_errors() -> None:
    summary = score_lines(LINES, None).summary
    assert (summary.wer, summary.cer, summary.recogniser, summary.trust) == (None, None, "", "")
    assert summary.similarity is not None


def test_no_lines_give_an_empty_summary() -> None:
    summary = score_lines([], perfect()).summary
    assert (summary.lines, summary.wer, summary.similarity, summary.dnsmos, summary.f0_semitones) == (
        0,
        None,
        None,
        None,
        None,
    )


def test_progress_is_told_line_by_line_and_can_stop() -> None:
    told: list[tuple[int, str]] = []

    def stop(number: int, scores: LineScores) -> None:
        told.append((number, scores.heard))
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        score_lines(LINES, perfect(), on_scored=stop)
    assert told == [(0, LINES[0].text)]


def test_lines_that_were_scored_before_are_not_heard_again_and_count_the_same() -> None:
    kept: dict[int, LineScores] = {}
    whole = score_lines(LINES, perfect(), on_scored=kept.__setitem__)
    assert score_lines(LINES, Recogniser(), known=kept.get).summary.wer == whole.summary.wer
    heard = score_lines(LINES, Recogniser(LINES[1].text), known={0: kept[0]}.get)  # the other one is
    assert [line.heard for line in heard.lines] == [line.text for line in LINES]


def test_the_same_voice_is_nearer_than_another_and_loudness_does_not_count(another_voice: list[SpokenLine]) -> None:
    slt, again = embed(speech("harbour")), embed(speech("letter"))
    other = embed(soundfile.read(another_voice[0].spoken, dtype="float32")[0])
    assert cosine(slt, again) > cosine(slt, other) + 0.1
    assert cosine(slt, embed(speech("harbour") * 0.1)) > 0.97
    assert np.linalg.norm(mean_embedding([slt, again])) == pytest.approx(1.0)
    with pytest.raises(BadInput):
        embed(np.zeros(RATE, np.float32))


def test_noise_lowers_quality() -> None:
    clean = speech("letter")
    noisy = clean + np.random.default_rng(0).normal(0, 0.05, len(clean)).astype(np.float32)
    assert 1 <= dnsmos(noisy) < dnsmos(clean) <= 5
    with pytest.raises(BadInput):
        dnsmos(np.zeros(RATE, np.float32))


def test_quality_is_what_speechmos_gives() -> None:
    from speechmos import dnsmos as reference

    long = np.tile(speech("market"), 2)[: round(9.01 * RATE)]
    assert dnsmos(long) == pytest.approx(float(reference.run(long, RATE)["ovrl_mos"]), abs=0.01)


def test_pitch_of_a_known_tone() -> None:
    time = np.arange(RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 12)).astype(np.float32) * 0.2
    found = pitch(buzz)
    assert found.median == pytest.approx(120, rel=0.01)
    assert found.spread < 0.2
    assert pitch(np.zeros(RATE, np.float32)) == Pitch(0.0, 0.0)
    assert semitones_between(Pitch(100, 0), Pitch(200, 0)) == pytest.approx(12)
    assert semitones_between(Pitch(100, 0), Pitch(0, 0)) is None


def test_silence_around_a_line_is_no_part_of_its_pace() -> None:
    sound = speech("letter")
    padded = np.concatenate([np.zeros(RATE, np.float32), sound, np.zeros(2 * RATE, np.float32)])
    assert timing(padded).seconds == pytest.approx(timing(sound).seconds, abs=0.15)
    assert timing(padded).pause_share == pytest.approx(timing(sound).pause_share, abs=0.03)
    assert duration_ratio(0.0, 2.0) is None
    assert duration_ratio(3.0, 2.0) == 1.5


def test_a_pause_that_the_person_does_not_make_is_measured() -> None:
    sound = speech("letter")
    own = timing(sound)
    middle = len(sound) // 2
    halting = timing(np.concatenate([sound[:middle], np.zeros(2 * RATE, np.float32), sound[middle:]]))
    share = 1 - (1 - own.pause_share) * own.seconds / (own.seconds + 2)
    assert halting.pause_share == pytest.approx(share, abs=0.05)
    assert pauses_between(halting, own) == pytest.approx(halting.pause_share - own.pause_share)
    assert pauses_between(own, halting) == pauses_between(halting, own)
    assert pauses_between(own, timing(np.zeros(RATE, np.float32))) is None
    assert timing(np.zeros(RATE, np.float32)) == Timing(0.0, 0.0)


def test_long_lines_weigh_more_and_one_that_was_not_spoken_is_all_wrong() -> None:
    nine, one = (
        LineScores(LINES[0], wer=0.0, cer=0.0, words=9, chars=45),
        LineScores(LINES[1], error="It is silent.", words=1, chars=5),
    )
    found = summarise([nine, one], "whisper", "high")
    assert (found.wer, found.cer) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (found.lines, found.failed) == (1, 1)
    assert summarise([], "whisper", "high").wer is None
