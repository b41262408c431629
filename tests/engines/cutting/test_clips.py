"""From a recording to its clips, by real speech, with a recogniser that the tests script and with the real weak one."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))
import itertools

from scripted import Scripted
from speech import FIXTURES, RATE, TEXTS, recording, speech

from engines.cutting.clips import CutClip, Progress, cut_recording
from engines.errors import Cancelled
from engines.glow.info import INFO
from engines.transcription.alignment import FITS, Aligner
from engines.transcription.sphinx import SphinxTranscriber

#: An engine that takes one sentence at a time.
SHORT = replace(INFO, clip_seconds=(0.8, 4.0))


@pytest.fixture(scope="module")
def sphinx() -> SphinxTranscriber:
    return SphinxTranscriber()


def only(clips: list[CutClip]) -> CutClip:
    assert len(clips) == 1
    return clips[0]


def test_a_recording_of_engine_length_with_text_is_one_clip(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    clip = only(cut_recording(FIXTURES / "market.flac", TEXTS["market"], "en", INFO, sphinx, tmp_path))
    assert clip.kept
    assert (clip.text, clip.text_source, clip.trust, clip.reason, clip.sentence) == (
        TEXTS["market"],
        "given",
        "given",
        "",
        "",
    )
    assert clip.path == tmp_path / clip.sha256[:2] / f"{clip.sha256}.flac"
    sound, rate = soundfile.read(clip.path, dtype="float32")
    assert rate == INFO.sample_rate
    assert len(sound) / rate == pytest.approx(clip.seconds, abs=0.001)
    assert clip.cer is not None
    assert clip.cer < 0.35


def test_without_a_recogniser_a_given_text_is_believed(tmp_path: Path) -> None:
    clip = only(cut_recording(FIXTURES / "letter.flac", TEXTS["letter"], "de", INFO, None, tmp_path))
    assert clip.kept
    assert (clip.trust, clip.cer, clip.heard) == ("given", None, "")


def test_silence_around_the_speech_is_trimmed_but_no_speech(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["letter"], pause=2.0)
    clip = only(cut_recording(made.path, made.text, "en", INFO, None, tmp_path))
    ((begin, end),) = made.spans
    assert begin - 0.30 < clip.start <= begin
    assert end <= clip.end < end + 0.30


def test_speech_of_all_recordings_lies_at_one_level(tmp_path: Path) -> None:
    levels = []
    for name, gain in (("loud", 1.0), ("quiet", 0.02)):
        soundfile.write(tmp_path / f"{name}.wav", speech("harbour") * gain, RATE, subtype="FLOAT")
        clip = only(cut_recording(tmp_path / f"{name}.wav", TEXTS["harbour"], "en", INFO, None, tmp_path))
        assert clip.kept
        assert clip.quality.peak < 0.9
        levels.append(clip.quality.rms_db)
    assert levels[0] == pytest.approx(-23.0, abs=1.0)
    assert levels[0] == pytest.approx(levels[1], abs=0.1)


def test_a_long_recording_is_cut_at_its_pauses_never_inside_speech(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour", "letter"], pause=0.4)
    clips = cut_recording(
        made.path,
        None,
        "en",
        SHORT,
        Scripted("one thing", "two thing", "three thing", "four thing"),
        tmp_path,
    )
    assert len(clips) == 4
    for clip, (begin, end) in zip(clips, made.spans, strict=True):
        assert made.spans[0][0] - 0.4 <= clip.start <= begin + 0.03
        assert end - 0.03 <= clip.end <= end + 0.2
        assert SHORT.clip_seconds[0] <= clip.seconds <= SHORT.clip_seconds[1]
    assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(clips))


def test_the_recogniser_writes_the_text_where_there_is_none(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"])
    clips = cut_recording(
        made.path,
        None,
        "en",
        SHORT,
        Scripted("The small boat left the harbour.", "She wrote a long letter"),
        tmp_path,
    )
    assert [(c.text, c.kept, c.text_source, c.trust) for c in clips] == [
        ("The small boat left the harbour.", True, "whisper", "high"),
        ("She wrote a long letter", True, "whisper", "high"),
    ]


def test_words_of_the_weak_recogniser_are_marked(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    clip = only(cut_recording(FIXTURES / "harbour.flac", None, "en", INFO, sphinx, tmp_path))
    assert clip.kept
    assert (clip.text_source, clip.trust) == ("pocketsphinx", "low")
    assert "before the sun came up" in clip.text


@pytest.mark.long
def test_a_given_text_is_shared_out_among_the_pieces(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    """By the real weak recogniser, which mishears every fifth word; the clips get the given words, to the last one."""
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "market", "letter"])
    clips = cut_recording(made.path, made.text, "en", SHORT, sphinx, tmp_path)
    assert " ".join(clip.text for clip in clips) == made.text
    assert all(clip.kept for clip in clips)
    assert {clip.text for clip in clips} >= {TEXTS["harbour"], TEXTS["letter"]}
    assert clips[-1].text == TEXTS["letter"]


def test_a_last_sentence_without_a_full_stop_is_kept(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"])
    text = f"{TEXTS['harbour']} {TEXTS['letter']}".rstrip(".")
    clips = cut_recording(
        made.path,
        text,
        "en",
        SHORT,
        Scripted("the small but left the harbour", "she wrote along let her"),
        tmp_path,
    )
    assert clips[-1].text == "She wrote a long letter to her brother in the north"


@pytest.mark.long
def test_speech_that_the_given_text_does_not_have_is_dropped(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour"])
    clips = cut_recording(made.path, f"{TEXTS['harbour']} {TEXTS['harbour']}", "en", SHORT, sphinx, tmp_path)
    assert [clip.kept for clip in clips] == [True, False, True]
    assert clips[1].reason == "disagree"


def test_a_text_that_fits_is_not_listened_to(tmp_path: Path) -> None:
    recogniser = Scripted("quite other words")
    clip = only(
        cut_recording(FIXTURES / "harbour.flac", TEXTS["harbour"], "en", INFO, recogniser, tmp_path, aligner=Aligner())
    )
    assert clip.kept
    assert (clip.text, clip.trust, clip.cer, clip.heard, recogniser.given) == (TEXTS["harbour"], "given", None, "", [])
    assert clip.quality.text_fit is not None
    assert clip.quality.text_fit > FITS


def test_a_text_that_does_not_fit_is_listened_to(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    clip = only(
        cut_recording(FIXTURES / "harbour.flac", TEXTS["market"], "en", INFO, sphinx, tmp_path, aligner=Aligner())
    )
    assert (clip.kept, clip.reason) == (False, "disagree")
    assert clip.heard in clip.sentence


def test_a_wrong_text_is_dropped_with_what_was_heard(tmp_path: Path, sphinx: SphinxTranscriber) -> None:
    clip = only(cut_recording(FIXTURES / "harbour.flac", TEXTS["letter"], "en", INFO, sphinx, tmp_path))
    assert (clip.kept, clip.reason) == (False, "disagree")
    assert "before the sun came up" in clip.sentence
    assert clip.path is not None, "a person may listen and keep it after all"


@pytest.mark.parametrize("text", ["Yes.", "Far too many words for such a short time. " * 12])
def test_a_text_that_cannot_be_said_in_that_time_is_dropped(tmp_path: Path, text: str) -> None:
    clip = only(cut_recording(FIXTURES / "letter.flac", text, "xx", INFO, None, tmp_path))
    assert (clip.kept, clip.reason) == (False, "disagree")
    assert "letters a second" in clip.sentence


def test_the_pace_of_a_number_is_that_of_its_words(tmp_path: Path) -> None:
    """Else a sentence with a date is the slowest of its voice, and dropped for that."""
    digits, words = "On May 4, 1981, I was 23.", "On May four, nineteen eighty one, I was twenty three."
    written, spoken = (
        only(cut_recording(FIXTURES / "market.flac", text, "en", INFO, None, tmp_path)).quality.chars_per_second
        for text in (digits, words)
    )
    assert written == spoken > 0


def test_text_and_speech_of_a_strong_recogniser_must_agree_better(tmp_path: Path) -> None:
    heard = "the small boat left the harbour but the moon was down"
    strong = only(
        cut_recording(FIXTURES / "harbour.flac", TEXTS["harbour"], "en", INFO, Scripted(heard, trust="high"), tmp_path)
    )
    weak = only(
        cut_recording(FIXTURES / "harbour.flac", TEXTS["harbour"], "en", INFO, Scripted(heard, trust="low"), tmp_path)
    )
    assert (strong.reason, weak.reason) == ("disagree", "")


def test_a_weak_recogniser_that_is_unsure_of_a_voice_does_not_overrule_a_person(tmp_path: Path) -> None:
    """PocketSphinx gets hardly a word of a strong accent right, and says so by its confidence."""
    for confidence, reason in ((0.3, ""), (0.8, "disagree")):
        recogniser = Scripted("quite other words were misheard here", trust="low", confidence=confidence)
        assert (
            only(cut_recording(FIXTURES / "harbour.flac", TEXTS["harbour"], "en", INFO, recogniser, tmp_path)).reason
            == reason
        )


def test_silence_is_one_dropped_clip(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE * 3), RATE)
    clip = only(cut_recording(tmp_path / "a.wav", "Words.", "en", INFO, None, tmp_path))
    assert (clip.kept, clip.reason, clip.path, clip.sha256) == (False, "silent", None, "")


def test_noise_without_a_voice_is_no_speech(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.05, RATE * 3), RATE)
    assert only(cut_recording(tmp_path / "a.wav", None, "en", INFO, None, tmp_path)).reason == "no-speech"


@pytest.mark.parametrize("count", [1, 50, 700])
def test_a_recording_of_a_moment_is_no_speech(tmp_path: Path, count: int) -> None:
    """An accidental click on the recorder: the other recordings of the voice are cut all the same."""
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, count), RATE)
    for text in (None, TEXTS["letter"]):
        clip = only(cut_recording(tmp_path / "a.wav", text, "en", INFO, Scripted(), tmp_path))
        assert (clip.kept, clip.reason, clip.sketch) == (False, "no-speech", b"")


def test_a_word_alone_is_too_short(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speech("harbour")[: round(0.45 * RATE)], RATE)
    assert only(cut_recording(tmp_path / "a.wav", "The small", "en", INFO, None, tmp_path)).reason == "too-short"


def test_clipped_speech_is_dropped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.clip(speech("harbour") * 8, -1, 1), RATE)
    clip = only(cut_recording(tmp_path / "a.wav", TEXTS["harbour"], "en", INFO, None, tmp_path))
    assert clip.reason == "clipped"
    assert clip.sentence.startswith("It is clipped: ")


def test_speech_in_loud_noise_is_dropped(tmp_path: Path) -> None:
    sound = speech("harbour")
    noisy = sound + np.random.default_rng(0).normal(0, 0.6 * sound.std(), len(sound))
    soundfile.write(tmp_path / "a.wav", noisy * 0.5, RATE)
    assert only(cut_recording(tmp_path / "a.wav", TEXTS["harbour"], "en", INFO, None, tmp_path)).reason == "noisy"


def test_speech_without_a_pause_is_too_long(tmp_path: Path) -> None:
    """Three readings on top of each other fill each other's pauses: there is nowhere to cut."""
    sound = speech("market")
    babble = sum(np.roll(sound, shift) for shift in (0, RATE // 3, RATE // 2))
    soundfile.write(tmp_path / "a.wav", babble * 0.3, RATE)
    clips = cut_recording(
        tmp_path / "a.wav", None, "en", SHORT, Scripted(*["they sold bread and apples"] * 9), tmp_path
    )
    assert "too-long" in {clip.reason for clip in clips}


def test_without_text_or_recogniser_every_piece_says_so(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"])
    clips = cut_recording(made.path, None, "fi", SHORT, None, tmp_path)
    assert [clip.reason for clip in clips] == ["no-text", "no-text"]


def test_a_long_text_that_cannot_be_shared_out_says_what_to_do(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"])
    clips = cut_recording(made.path, made.text, "fi", SHORT, None, tmp_path)
    assert [clip.reason for clip in clips] == ["no-text", "no-text"]
    assert clips[0].sentence.startswith("Cut the recording and its text into shorter ones")


def test_words_the_recogniser_is_unsure_of_are_dropped(tmp_path: Path) -> None:
    clip = only(
        cut_recording(
            FIXTURES / "letter.flac",
            None,
            "en",
            INFO,
            Scripted("She wrote a long letter", confidence=0.2),
            tmp_path,
        )
    )
    assert clip.reason == "not-understood"


def test_another_engine_rate_gives_clips_of_that_rate(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["letter"], rate=44_100)
    clip = only(cut_recording(made.path, made.text, "en", replace(INFO, sample_rate=24_000), None, tmp_path))
    assert clip.path is not None
    assert soundfile.info(clip.path).samplerate == 24_000
    assert clip.kept


def test_the_same_recording_gives_the_same_clips(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter"])
    first, again = (
        cut_recording(made.path, None, "en", SHORT, Scripted("some words", "more words"), tmp_path) for _ in range(2)
    )
    assert first == again
    assert len(list(tmp_path.rglob("??/*.flac"))) == len(first)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 1.0])
def test_a_person_can_stop_it_at_any_moment(tmp_path: Path, share: float) -> None:
    made = recording(tmp_path / "a.flac", ["harbour", "letter", "harbour", "letter"])
    looks: list[float] = []

    def stop_at(last: float) -> Progress:
        def look(done: float, total: float) -> None:
            assert not looks or done >= looks[-1], "progress does not go back"
            if not looks or done > looks[-1]:  # the same again as often as there was time for it
                looks.append(done)
            if len(looks) >= last:
                raise Cancelled("Stopped.")

        return look

    cut_recording(made.path, made.text, "en", SHORT, Scripted(*["words"] * 4), tmp_path, stop_at(math.inf))
    count = len(looks)
    looks.clear()
    stop = stop_at(max(1, round(count * share)))
    with pytest.raises(Cancelled):
        cut_recording(made.path, made.text, "en", SHORT, Scripted(*["words"] * 4), tmp_path, stop)
