"""Where to cut: pieces within the engine's length, at the best pauses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engines.cutting.pauses import MARGIN, Piece, choose_pieces
from engines.cutting.power import Power
from engines.cutting.vad import SAMPLE_RATE, WINDOW, Span, speech_spans


def sound(spans: list[Span], tail: float = 0.5) -> NDArray[np.float32]:
    """Noise where there is speech, silence elsewhere."""
    samples = np.zeros(round((spans[-1].end + tail) * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(0)
    for span in spans:
        a, b = round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE)
        samples[a:b] = noise.normal(0, 0.1, b - a)
    return samples


def laid_out(lengths: list[float], pauses: list[float]) -> list[Span]:
    spans, at = [], 0.5
    for length, pause in zip(lengths, pauses, strict=True):
        spans.append(Span(at, at + length))
        at += length + pause
    return spans


def held_by(pieces: list[Piece], spans: list[Span]) -> list[list[int]]:
    return [[i for i, s in enumerate(spans) if p.start <= s.start + 1e-6 and s.end <= p.end + 1e-6] for p in pieces]


def test_the_longer_pause_is_cut_at() -> None:
    spans = laid_out([3.0, 3.0, 3.0], [0.15, 0.8, 0.5])
    assert held_by(choose_pieces(spans, Power.of(sound(spans)), 0.8, 7.0), spans) == [[0, 1], [2]]


def test_a_short_word_is_joined_to_its_neighbour_rather_than_lost() -> None:
    spans = laid_out([3.0, 0.3, 3.0], [0.4, 0.9, 0.5])
    assert held_by(choose_pieces(spans, Power.of(sound(spans)), 0.8, 6.0), spans) == [[0, 1], [2]]


def test_margins_stay_within_the_pause_and_the_recording() -> None:
    spans = [Span(0.0, 2.0), Span(2.1, 4.0)]
    first, second = choose_pieces(spans, Power.of(sound(spans, tail=0.0)), 0.8, 3.0)
    assert first.start == 0.0
    assert 2.0 <= first.end <= second.start <= 2.1
    assert second.end == pytest.approx(4.0)


def test_a_stretch_without_a_pause_is_cut_at_a_dip_in_it() -> None:
    spans = [Span(0.5, 8.5)]
    samples = sound(spans)
    samples[round(4.0 * SAMPLE_RATE) : round(4.1 * SAMPLE_RATE)] = 0
    pieces = choose_pieces(spans, Power.of(samples), 0.8, 5.0)
    assert len(pieces) == 2
    assert 4.0 <= pieces[0].end <= pieces[1].start <= 4.1
    assert not any(piece.too_long for piece in pieces)


def test_a_dip_as_short_as_a_consonant_is_not_cut_at() -> None:
    spans = [Span(0.5, 8.5)]
    samples = sound(spans)
    samples[round(4.0 * SAMPLE_RATE) : round(4.05 * SAMPLE_RATE)] = 0
    (piece,) = choose_pieces(spans, Power.of(samples), 0.8, 5.0)
    assert piece.too_long


@settings(max_examples=60, deadline=None)
@example([(1.625, 0.1953125), (3.9375, 1.0)])  # what sounds on at its edges made it longer than a clip may be
@given(st.lists(st.tuples(st.floats(0.1, 9.0), st.floats(0.1, 3.0)), min_size=1, max_size=25))
def test_every_stretch_of_speech_is_in_exactly_one_piece(parts: list[tuple[float, float]]) -> None:
    spans = laid_out([length for length, _ in parts], [pause for _, pause in parts])
    pieces = choose_pieces(spans, Power.of(sound(spans)), 0.8, 6.0)
    assert sorted(i for held in held_by(pieces, spans) for i in held) == list(range(len(spans)))
    for piece, following in itertools.pairwise(pieces):
        assert piece.end <= following.start + 1e-9
    for piece in pieces:
        assert piece.too_long or piece.end - piece.start <= 6.0 + 1e-6
        assert piece.speech > 0


def test_a_closed_mouth_inside_a_word_is_no_pause() -> None:
    windows = [1.0] * 20 + [0.1] * 2 + [1.0] * 20 + [0.1] * 4 + [1.0] * 20 + [0.0] * 10
    spans = speech_spans(np.array(windows, np.float32))
    step = WINDOW / SAMPLE_RATE
    assert [(round(s.start / step), round(s.end / step)) for s in spans] == [(0, 42), (46, 66)]


def test_a_click_is_no_speech() -> None:
    assert speech_spans(np.array([0.0] * 10 + [0.9] + [0.0] * 10, np.float32)) == []
    assert speech_spans(np.zeros(0, np.float32)) == []
    assert MARGIN < 0.2


def test_a_sound_that_the_speech_model_noticed_late_is_not_cut() -> None:
    sounds = [Span(0.3, 3.0), Span(3.8, 7.0)]
    noticed = [Span(0.55, 2.8), Span(4.0, 6.9)]
    first, second = choose_pieces(noticed, Power.of(sound(sounds)), 0.8, 5.0)
    assert first.start <= 0.3
    assert 3.0 <= first.end <= second.start <= 3.8
    assert second.end >= 7.0


def test_steady_noise_is_not_taken_for_a_sound_that_goes_on() -> None:
    spans = [Span(1.0, 3.0), Span(4.5, 6.5)]
    samples = sound(spans, tail=1.5)
    samples += np.random.default_rng(1).normal(0, 0.1 * 10 ** (-15 / 20), len(samples)).astype(np.float32)
    first, second = choose_pieces(spans, Power.of(samples), 0.8, 4.0)
    assert first.start == pytest.approx(1.0 - MARGIN, abs=0.05)
    assert first.end == pytest.approx(3.0 + MARGIN, abs=0.05)
    assert second.start == pytest.approx(4.5 - MARGIN, abs=0.05)
