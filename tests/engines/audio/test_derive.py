"""Speech with another pitch, pace and liveliness: what is asked for comes out, and the speaker stays who it is."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from speech import RATE, speech

from engines import registry
from engines.audio.derive import derive, measure, moved
from engines.base import SpeechRequest
from engines.errors import BadInput
from engines.metrics import similarity
from engines.metrics.further_texts import further
from engines.traits import PACE_TOLERANCE, PITCH_TOLERANCE, UNCHANGED, Reached, Traits

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def sounds() -> list[NDArray[np.float32]]:
    """A line by flite, and two by the embedded base's own voice."""
    base = registry.speaker("glow")
    model = base.load(None)
    said = []
    for text in further("en")[:2]:
        chunks = list(base.speak(model, SpeechRequest(text, seed=3)))
        assert {chunk.sample_rate for chunk in chunks} == {RATE}
        said.append(np.concatenate([chunk.samples for chunk in chunks]))
    return [speech("letter"), *said]


def embedded(sounds: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return similarity.mean_embedding([similarity.embed(sound) for sound in sounds])


@pytest.mark.long
@pytest.mark.parametrize("traits", [Traits(2, 1.08, 1.2), Traits(-3, 0.9, 0.7), Traits(12, 2)], ids=str)
def test_what_is_asked_for_comes_out(sounds: list[NDArray[np.float32]], traits: Traits) -> None:
    made = [derive(sound, RATE, traits) for sound in sounds]
    each = [measure(sound, one, RATE, traits) for sound, one in zip(sounds, made, strict=True)]
    for reached in each:
        assert abs(reached.pitch - traits.pitch) < PITCH_TOLERANCE
        assert abs(reached.pace / traits.pace - 1) < PACE_TOLERANCE
    typical = Reached.typical(each)
    assert not typical.misses(traits)
    if abs(traits.pitch) < 6:  # farther off, the tracker's own slips are a part of the spread
        assert typical.liveliness == pytest.approx(traits.liveliness, rel=0.15)
    for sound, one in zip(sounds, made, strict=True):
        assert one.dtype == np.float32
        assert len(one) == round(len(sound) / traits.pace)
        assert np.abs(one).max() < 0.9
        levels = [float(np.sqrt(np.mean(np.square(part)))) for part in (one, sound)]
        assert levels[0] <= levels[1] * 1.01
        assert levels[0] > levels[1] * 0.6, "where the peaks would be too high it is quieter"


@pytest.mark.long
def test_the_speaker_stays_who_it_is(sounds: list[NDArray[np.float32]]) -> None:
    """Analysing and synthesising alone costs next to no likeness, moving pitch little; playing it faster, which moves
    the mouth as well, makes another speaker of it."""
    traits = Traits(4, 1.08, 1.2)
    plain = [derive(sound, RATE, UNCHANGED) for sound in sounds]
    made = [derive(sound, RATE, traits) for sound in sounds]
    faster = [soxr.resample(sound, RATE, RATE / 2 ** (traits.pitch / 12)) for sound in sounds]
    assert similarity.cosine(embedded(plain), embedded(sounds)) > 0.93
    kept = similarity.cosine(embedded(made), embedded(plain))
    assert kept > 0.85
    assert kept > similarity.cosine(embedded(faster), embedded(plain)) + 0.05


def test_the_same_sound_gives_the_same(sounds: list[NDArray[np.float32]]) -> None:
    """So a clip that is made again after a kill is the same file."""
    one, other = (derive(sounds[0], RATE, Traits(2, 1.08, 1.2)) for _ in range(2))
    assert np.array_equal(one, other)


def test_pitch_moves_around_its_median_and_stays_where_nothing_is_voiced() -> None:
    f0 = np.array([0.0, 100.0, 200.0, 400.0, 0.0])
    assert moved(f0, Traits(12)).tolist() == pytest.approx([0.0, 200.0, 400.0, 800.0, 0.0])
    assert moved(f0, Traits(liveliness=0)).tolist() == pytest.approx([0.0, 200.0, 200.0, 200.0, 0.0])
    assert moved(f0, Traits(liveliness=2)).tolist() == pytest.approx([0.0, 50.0, 200.0, 800.0, 0.0])
    assert moved(np.zeros(3), Traits(12)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "sound", [np.zeros(RATE, np.float32), np.ones(RATE // 20, np.float32), np.zeros(0, np.float32)]
)
def test_silence_is_refused(sound: NDArray[np.float32]) -> None:
    with pytest.raises(BadInput, match="There is no speech in it"):
        derive(sound, RATE, Traits(2))


def test_what_has_no_voice_in_it_is_made_but_not_measured() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, RATE).astype(np.float32)
    made = derive(noise, RATE, Traits(2, 2))
    reached = measure(noise, made, RATE, Traits(2, 2))
    assert reached.pace == pytest.approx(2)
    assert math.isnan(Reached.typical([Reached(math.nan, 2, math.nan)]).pitch)


@pytest.mark.parametrize(
    ("trait", "value", "sentence"),
    [
        ("pitch", 12.5, "pitch must be a number of semitones from -12 to 12; 12.5 was given"),
        ("pitch", math.nan, "pitch must be a number of semitones"),
        ("pace", 0.49, "pace must be a number from 0.5 to 2"),
        ("pace", 2.01, "pace must be"),
        ("liveliness", -0.1, "liveliness must be a number from 0 to 3"),
        ("liveliness", 3.1, "liveliness must be"),
    ],
)
def test_nonsense_is_refused(trait: str, value: float, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        Traits(**{trait: value})
