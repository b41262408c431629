"""The truth that times of words are held against, and the row that tells of it."""

from __future__ import annotations

import pytest

from benchmarks import doors_words
from benchmarks.run import parse
from engines.base import WordTime

pytestmark = pytest.mark.unit
SOUNDS = [(0.2, 0.3), (0.3, 0.5), (0.6, 0.7)]


def test_a_word_lies_from_its_first_sound_to_its_last() -> None:
    assert doors_words.in_words(SOUNDS, [2, 1]) == [(0.2, 0.5), (0.6, 0.7)]


@pytest.mark.parametrize("counts", [[2, 2], [1, 1], [3, 0]])
def test_sounds_that_are_nobodys_make_no_truth(counts: list[int]) -> None:
    assert doors_words.in_words(SOUNDS, counts) is None


@pytest.mark.parametrize(("off", "verdict"), [(0.03, "holds"), (0.05, "falls short")])
def test_the_row_tells_the_median_error_and_what_was_not_found(
    capsys: pytest.CaptureFixture[str], off: float, verdict: str
) -> None:
    truth = [(0.2, 0.5), (0.6, 0.7)]
    told = [WordTime("a", begin + off, end + off) for begin, end in truth]
    doors_words.tell_of("somebody", [(truth, told), (truth, ())])
    row = parse("doors_words", capsys.readouterr().out.strip())
    assert row is not None
    assert row.verdict == verdict
    assert row.measured.startswith(f"{off * 1000:.0f} ms median")
    assert "in 1 of 2 sentences the words were not found" in row.measured
