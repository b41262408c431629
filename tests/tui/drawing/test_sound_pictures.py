"""Waveform and spectrogram, tested on the picture: tones stand where their frequency and their time are."""

from __future__ import annotations

import numpy as np
import pytest

from tui.drawing import mel, spectrogram, waveform
from tui.drawing.picture import Picture, over

pytestmark = pytest.mark.unit
RATE = 16_000


def tone(hertz: float, seconds: float, level: float = 0.5) -> bytes:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("<f4").tobytes()


def silence(seconds: float) -> bytes:
    return bytes(4 * int(seconds * RATE))


def test_a_waveform_is_loud_where_the_sound_is_and_has_its_time_below() -> None:
    envelope = waveform.Envelope()
    envelope.feed(silence(1) + tone(200, 1) + tone(200, 1, 0.25), RATE)
    assert waveform.draw(envelope, 3.0, 1.5, 35, 5).text.splitlines() == [
        "               ⣿⣿⣿⣿⣿│⣿⣿⣿⣿",
        "               ⣿⣿⣿⣿⣿│⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿",
        "     ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⣿⣿⣿⣿⣿│⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿",
        "               ⣿⣿⣿⣿⣿│⣿⣿⣿⣿",
        "     0                   2 s",
    ]


def test_a_sound_fed_in_pieces_has_the_same_outline() -> None:
    sound = tone(200, 0.5) + tone(200, 0.5, 0.1)
    whole, pieces = waveform.Envelope(), waveform.Envelope()
    whole.feed(sound, RATE)
    for end in range(4_000, len(sound) + 4_000, 4_000):
        pieces.feed(sound[:end], RATE)
    assert (pieces.least, pieces.greatest) == (whole.least, whole.greatest)


def test_what_is_still_coming_has_room_to_grow_and_is_seldom_drawn_anew() -> None:
    spans = [waveform.span(tenths / 10, False) for tenths in range(1, 100)]
    assert sorted(set(spans)) == [2.0, 5.0, 10.0]
    assert all(span > tenths / 10 for tenths, span in enumerate(spans, start=1))
    assert waveform.span(3.7, True) == 3.7


@pytest.mark.parametrize("hertz", [150, 440, 1_000, 3_000, 7_000])
def test_a_tone_is_brightest_in_the_band_of_its_frequency(hertz: float) -> None:
    bands = 24
    brightness = mel.spectrum(tone(hertz, 1), RATE, 1.0, 30, bands)
    expected = mel.mel(hertz) / mel.mel(RATE / 2) * (bands + 1) - 1
    assert abs(int(brightness[:, 15].argmax()) - expected) <= 1


def test_a_sound_is_bright_when_it_sounds_and_dark_before_and_after_it() -> None:
    brightness = mel.spectrum(silence(1) + tone(440, 1) + silence(1), RATE, 4.0, 40, 16).max(0)
    assert (brightness[:9] == 0).all()
    assert (brightness[11:19] > 0.9).all()
    assert (brightness[21:] < 0.1).all(), "also where no sound has come yet"


def test_silence_and_what_is_no_number_are_dark() -> None:
    assert not mel.spectrum(silence(1), RATE, 1.0, 10, 8).any()
    assert not mel.spectrum(np.full(RATE, np.nan, "<f4").tobytes(), RATE, 1.0, 10, 8).any()
    assert mel.spectrum(b"", RATE, 1.0, 10, 8).shape == (8, 10)


@pytest.mark.parametrize(("rate", "bands"), [(8_000, 12), (16_000, 40), (22_050, 80), (48_000, 96)])
def test_every_band_hears_something_and_all_count_the_same(rate: int, bands: int) -> None:
    weights = mel.filters(rate, 1024, bands)
    assert weights.shape == (bands, 513)
    assert weights.sum(1) == pytest.approx(np.ones(bands))


def test_half_blocks_show_two_bands_a_cell_and_shades_one() -> None:
    brightness = [[0.0, 0.5], [1.0, 0.0], [0.25, 1.0], [0.0, 0.0]]  # from the lowest band up
    halves = spectrogram.draw(brightness, RATE)
    assert [row[1:] for row in halves.rows] == [(("▀", "0/4"), ("▀", "0/15")), (("▀", "15/0"), ("▀", "0/8"))]
    assert spectrogram.draw(brightness, RATE, shades=True).text == "6000\n     ░█\n1000 █\n 300  ▒"


def test_a_line_over_a_picture_changes_nothing_else() -> None:
    picture = Picture(((("abc", "x"), ("de", "y")),))
    assert over(picture, 1, ("│", "cursor")).rows == ((("a", "x"), ("│", "cursor"), ("c", "x"), ("de", "y")),)
    assert over(picture, 3, ("│", "cursor")).text == "abc│e"
    assert over(picture, 9, ("│", "cursor")) == picture
