"""Pieces of a recording whose text was laid under all of it before it is cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from engines.cutting.pauses import choose_pieces
from engines.cutting.power import Power
from engines.cutting.vad import SAMPLE_RATE, Span
from engines.cutting.worded import worded_pieces
from engines.transcription.alignment import Alignment
from engines.transcription.base import Word

pytestmark = pytest.mark.unit

LENGTHS = (1.0, 12.0)
#: Stretches of two seconds with pauses of half a second between them.
SPEECH = [Span(1 + 2.5 * n, 3 + 2.5 * n) for n in range(8)]


def power(speech: Sequence[Span]) -> Power:
    """Of noise where somebody speaks."""
    samples = np.zeros(round((speech[-1].end + 1) * SAMPLE_RATE), np.float32)
    for span in speech:
        inside = slice(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE))
        samples[inside] = np.random.default_rng(0).normal(0, 0.1, inside.stop - inside.start)
    return Power.of(samples)


def laid(words: Sequence[tuple[str, float, float]], *, fit: float = -1.0, sure: float = 0.5) -> Alignment:
    return Alignment(tuple(Word(text, start, end, sure) for text, start, end in words), fit, -2.0, 0.1)


def spoken(text: str, speech: Sequence[Span] = SPEECH) -> Alignment:
    """As many words of a text in each stretch."""
    words = [word.strip(".,–").lower() for word in text.split() if word.strip(".,–")]
    many, found = len(words) // len(speech), []
    for place, span in enumerate(speech):
        step = span.seconds / many
        for n, word in enumerate(words[place * many : (place + 1) * many]):
            found.append((word, span.start + n * step, span.start + (n + 1) * step))
    return laid(found)


def pieces(text: str, found: Alignment, speech: Sequence[Span] = SPEECH) -> list[tuple[Span, str]]:
    told = worded_pieces(text, found, "en", speech, power(speech), LENGTHS)
    assert told is not None
    return [(Span(piece.start, piece.end), words) for piece, words in told]


#: Sentences end behind the third, the fifth and the eighth stretch.
THREE = (
    "anchor basket candle dinner engine flower. garden hammer island jacket. kettle ladder market needle orange pencil."
)


def test_cuts_are_at_the_ends_of_sentences_though_pauses_are_alike() -> None:
    found = pieces(THREE, spoken(THREE))
    assert [words for _, words in found] == [f"{part.strip()}." for part in THREE.split(".")[:-1]]
    without = choose_pieces(SPEECH, power(SPEECH), *LENGTHS)
    ends = [round(piece.end, 3) for piece in without]
    assert ends != [round(span.end, 3) for span, _ in found], "by pauses alone the cuts would be elsewhere"


@pytest.mark.parametrize("place", [6, 8])
def test_a_comma_is_a_better_place_than_none(place: int) -> None:
    words = THREE.replace(".", "").split()[:14]
    parts = [" ".join(words[:place]) + ",", " ".join(words[place:])]
    assert [words for _, words in pieces(" ".join(parts), spoken(" ".join(parts), SPEECH[:7]), SPEECH[:7])] == parts


def test_every_word_is_in_one_piece_as_it_is_written() -> None:
    text = THREE.replace("island jacket", "island – jacket")
    found = pieces(text, spoken(text))
    assert " ".join(words for _, words in found) == text
    for (span, _), (after, _) in itertools.pairwise(found):
        assert span.end <= after.start + 1e-9


def test_no_cut_is_in_a_pause_that_a_word_goes_on_behind() -> None:
    """However long the closure is: the second pause is a worse place, and the only one between words."""
    speech = [Span(1.0, 4.0), Span(4.45, 8.0), Span(8.25, 11.0)]
    text = "anchor basket seventeen candle dinner engine flower garden hammer"

    def cut(end: float, start: float) -> list[str]:
        words = [
            ("anchor", 1.0, 2.1), ("basket", 2.1, 3.2), ("seventeen", 3.4, end), ("candle", start, 5.5),
            ("dinner", 5.5, 6.6), ("engine", 6.6, 7.7), ("flower", 8.25, 9.2), ("garden", 9.2, 10.2),
            ("hammer", 10.2, 11.0),
        ]  # fmt: skip
        told = worded_pieces(text, laid(words), "en", speech, power(speech), (1.0, 7.5))
        assert told is not None
        return [words for _, words in told]

    assert cut(4.8, 4.9) == ["anchor basket seventeen candle dinner engine", "flower garden hammer"]
    without = ["anchor basket seventeen", "candle dinner engine flower garden hammer"]
    assert cut(4.0, 4.45) == without, "without the word, it would be the first"


@pytest.mark.parametrize(("seconds", "trusted"), [(0.2, True), (0.6, False)])
def test_a_breath_goes_to_its_neighbour_and_speech_without_words_is_left_to_who_hears(
    seconds: float, trusted: bool
) -> None:
    speech = [*SPEECH, Span(21.2, 21.2 + seconds)]
    told = worded_pieces(THREE, spoken(THREE), "en", speech, power(speech), LENGTHS)
    assert (told is not None) is trusted
    if told is not None:
        assert told[-1][0].end >= 21.2 + seconds
        assert told[-1][1].endswith("pencil.")


@pytest.mark.parametrize("stretched", [True, False])
def test_a_sentence_that_is_missing_in_the_text_is_left_to_who_hears(stretched: bool) -> None:
    """It is taken for silence; or one short word is stretched over it."""
    names = THREE.replace(".", "").split() * 2
    begins = [1 + 2.5 * (n // 4) + n % 4 / 2 for n in range(32)]
    words = [(name, begin, begin + 0.5) for name, begin in zip(names, begins, strict=True)]
    text = [word for word, *_ in words]
    whole = laid(words)
    assert worded_pieces(" ".join(text), whole, "en", SPEECH, power(SPEECH), LENGTHS) is not None
    begin, end = whole.words[12].start, whole.words[15].end if stretched else whole.words[12].start + 0.1
    short = Word(names[12], begin, end, 0.01 if stretched else 0.5)
    fewer = replace(whole, words=(*whole.words[:12], short, *whole.words[16:]))
    rest = " ".join([*text[:13], *text[16:]])
    assert worded_pieces(rest, fewer, "en", SPEECH, power(SPEECH), LENGTHS) is None


def test_a_text_that_does_not_lie_well_is_left_to_who_hears() -> None:
    found = spoken(THREE)
    badly = Alignment(found.words, -2.5, -3.0, 0.1)
    wrong = Alignment((*found.words[:14], *(Word(w.text, w.start, w.end, 0.01) for w in found.words[14:])), -1.0, -3, 0)
    fewer = Alignment(found.words[1:], -1.0, -2.0, 0.1)
    for one in (badly, wrong, fewer):
        assert worded_pieces(THREE, one, "en", SPEECH, power(SPEECH), LENGTHS) is None
