"""A known text finds its place in speech; one that is not what is said does not."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from speech import TEXTS, recording, speech

from engines.audio.mono import load
from engines.transcription.alignment import Aligner
from engines.transcription.base import SAMPLE_RATE
from engines.transcription.sphinx import SphinxTranscriber


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


@pytest.mark.parametrize("name", TEXTS)
def test_the_right_text_fits(aligner: Aligner, name: str) -> None:
    alignment = aligner.align(speech(name), TEXTS[name])
    assert alignment is not None
    assert alignment.fits, alignment
    assert [word.text for word in alignment.words][:3] == TEXTS[name].lower().split()[:3]
    assert all(before.end <= after.start + 1e-9 for before, after in itertools.pairwise(alignment.words))


@pytest.mark.parametrize(
    "text",
    [
        TEXTS["letter"],
        "The small boat left the garden before the sun came up.",
        "The small boat left the harbour before",
        "boat left the harbour before the sun came up.",
        "The small boat left the harbour before the sun came up. She wrote a long letter.",
    ],
)
def test_another_text_does_not(aligner: Aligner, text: str) -> None:
    alignment = aligner.align(speech("harbour"), text)
    assert alignment is None or not alignment.fits


def test_a_text_of_a_book_is_not_tried_on_a_sentence() -> None:
    """It would keep a worker silent for minutes, which counts as its death."""
    fresh = Aligner()
    assert fresh.align(speech("harbour"), f"{TEXTS['harbour']} " * 20_000) is None
    assert "_decoder" not in vars(fresh), "the model is not even asked"


def test_words_lie_where_they_are_said(aligner: Aligner, tmp_path: Path) -> None:
    """Two sentences with a pause of a second between them: no word lies in it."""
    made = recording(tmp_path / "a.flac", ["harbour", "letter"], pause=1.0)
    (begin, pause), (after, end) = made.spans
    samples = load(made.path, SAMPLE_RATE)
    alignment = aligner.align(samples, f"{TEXTS['harbour']} {TEXTS['letter']}")
    assert alignment is not None
    first, second = alignment.words[: len(TEXTS["harbour"].split())], alignment.words[len(TEXTS["harbour"].split()) :]
    assert first[0].start == pytest.approx(begin, abs=0.1)
    assert first[-1].end == pytest.approx(pause, abs=0.1)
    assert second[0].start == pytest.approx(after, abs=0.1)
    assert second[-1].end == pytest.approx(end, abs=0.1)


def test_the_same_speech_gives_the_same_numbers_whatever_was_aligned_before(aligner: Aligner) -> None:
    once = aligner.align(speech("harbour"), TEXTS["harbour"])
    aligner.align(speech("market"), TEXTS["letter"])
    assert aligner.align(speech("harbour"), TEXTS["harbour"]) == once


def test_a_word_of_no_dictionary_is_sounded_out(aligner: Aligner) -> None:
    """“harber” is no word; its sounds are those of “harbour”."""
    alignment = aligner.align(speech("harbour"), TEXTS["harbour"].replace("harbour", "harberr"))
    assert alignment is not None
    assert alignment.fits, alignment


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(16_000, np.float32)], ids=["none", "silence"])
def test_nothing_is_aligned_to_nothing(aligner: Aligner, samples: np.ndarray) -> None:
    assert aligner.align(samples, TEXTS["harbour"]) is None


@pytest.mark.parametrize("text", ["", "…", "日本"])
def test_a_text_whose_sounds_are_not_known_is_not_aligned(aligner: Aligner, text: str) -> None:
    assert aligner.align(speech("harbour"), text) is None


@pytest.mark.long
def test_a_recogniser_is_not_spoilt_by_it(aligner: Aligner) -> None:
    heard = SphinxTranscriber().transcribe(speech("harbour"))
    aligner.align(speech("harbour"), TEXTS["harbour"])
    assert SphinxTranscriber().transcribe(speech("harbour")) == heard
