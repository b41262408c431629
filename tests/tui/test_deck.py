"""The deck: what is played, sample by sample, whatever a person does meanwhile."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.deck import Deck
from tui.track import Track

pytestmark = pytest.mark.unit
RATE = 1000  #: Hz, so that a sample is a millisecond


def track(first: float, count: int, rate: int = RATE, *, whole: bool = True) -> Track:
    """Samples first, first + 1, …"""
    made = Track(whole=whole)
    made.add(array("f", [first + step for step in range(count)]).tobytes(), rate)
    return made


def deck(**tracks: Track) -> Deck:
    made = Deck()
    made.load(tracks)
    return made


def heard(deck: Deck, count: int) -> list[float]:
    return list(array("f", deck.fill(count)[0]))


def test_it_plays_to_the_end_once_and_then_is_silent() -> None:
    played = deck(a=track(1, 5))
    assert heard(played, 2) == [0, 0], "nothing is played before play"
    played.play()
    assert heard(played, 3) == [1, 2, 3]
    assert (played.position, played.playing) == (0.003, True)
    assert played.fill(4) == (array("f", [4, 5, 0, 0]).tobytes(), False)
    assert (played.playing, played.at_end, played.underruns) == (False, True, 0)
    played.play()
    assert heard(played, 2) == [1, 2], "play at the end begins again"


def test_a_loop_has_no_gap() -> None:
    played = deck(a=track(1, 3))
    played.looping = True
    played.play()
    assert heard(played, 8) == [1, 2, 3, 1, 2, 3, 1, 2]
    assert heard(played, 2) == [3, 1]


def test_the_other_track_goes_on_at_the_same_position() -> None:
    played = deck(a=track(1, 10), b=track(101, 10))
    played.play()
    assert heard(played, 4) == [1, 2, 3, 4]
    played.switch("b")
    assert heard(played, 2) == [105, 106]
    played.switch("a")
    assert heard(played, 2) == [7, 8]


def test_the_same_position_is_the_same_second_whatever_the_rate() -> None:
    played = deck(a=track(0, 10), b=track(0, 20, 2 * RATE), c=track(0, 2))
    played.play()
    heard(played, 4)
    played.switch("b")
    assert (played.position, heard(played, 2)) == (0.004, [8, 9])
    played.switch("c")
    assert played.position == 0.002, "a shorter one is at its end"
    played.switch("nobody")
    assert played.chosen == "c"


def test_seeking_stays_within_the_track() -> None:
    played = deck(a=track(1, 10))
    played.seek(0.005)
    played.play()
    assert heard(played, 1) == [6]
    played.seek(-3)
    assert heard(played, 1) == [1]
    played.seek(99)
    assert played.position == 0.01


def test_pausing_plays_again_what_was_not_heard() -> None:
    played = deck(a=track(1, 10))
    played.play()
    heard(played, 6)
    played.pause(unheard=0.002)
    assert heard(played, 3) == [0, 0, 0]
    played.play()
    assert heard(played, 2) == [5, 6]


def test_speech_that_comes_too_late_is_counted_once_a_gap_and_goes_on_where_it_stopped() -> None:
    coming = track(1, 3, whole=False)
    played = deck(a=coming)
    played.play()
    assert heard(played, 2) == [1, 2]
    assert heard(played, 2) == [3, 0]
    assert heard(played, 2) == [0, 0]
    assert played.underruns == 1
    coming.add(array("f", [4, 5]).tobytes(), RATE)
    assert heard(played, 3) == [4, 5, 0]
    assert played.underruns == 2
    coming.whole = True
    assert heard(played, 1) == [0]
    assert (played.underruns, played.playing) == (2, False)


def test_waiting_for_the_first_sound_is_no_underrun() -> None:
    played = deck(a=Track())
    played.play()
    assert heard(played, 4) == [0, 0, 0, 0]
    assert (played.underruns, played.playing) == (0, True)


@given(
    st.lists(
        st.one_of(
            st.integers(1, 7).map(lambda count: ("fill", count)), st.integers(1, 5).map(lambda count: ("add", count))
        ),
        max_size=40,
    )
)
def test_every_sample_is_heard_once_and_in_order_however_it_comes(moves: list[tuple[str, int]]) -> None:
    coming = Track(rate=RATE)
    played = deck(a=coming)
    played.play()
    given_so_far, sounds = 0, []
    for what, count in moves:
        if what == "fill":
            sounds += [sample for sample in heard(played, count) if sample]
        else:
            coming.add(array("f", range(given_so_far + 1, given_so_far + count + 1)).tobytes(), RATE)
            given_so_far += count
    coming.whole = True
    sounds += [sample for sample in heard(played, 500) if sample]
    assert sounds == [float(number) for number in range(1, given_so_far + 1)]
