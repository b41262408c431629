"""Cuts at pauses that may be a mouth closed inside a word: they move into the gap beside it, and no others do."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from speech import RATE, TEXTS, recording, speech

from engines.cutting.clips import CutClip, cut_recording
from engines.cutting.cued import Cue
from engines.cutting.edges import _gap, _moved, unsure
from engines.cutting.kept import Kept
from engines.cutting.pauses import Piece
from engines.cutting.power import Power
from engines.cutting.survey import Survey
from engines.cutting.vad import Span
from engines.glow.info import INFO
from engines.transcription.alignment import Aligner, Alignment
from engines.transcription.base import Transcript, Trust, Word

SPEECH = [Span(0.5, 3.0), Span(3.2, 6.0), Span(6.4, 9.0)]
PIECES = [Piece(0.4, 3.1, 2.5), Piece(3.1, 6.12, 2.8), Piece(6.28, 9.1, 2.6)]


@pytest.mark.unit
def test_cuts_at_short_pauses_and_in_speech_are_looked_at_and_no_others() -> None:
    (cut,) = unsure(PIECES, SPEECH, whole=True)
    assert (cut.place, cut.at, cut.heard) == (0, pytest.approx(3.1), Span(0.4, 6.12))
    assert unsure(PIECES, SPEECH, whole=False)[0].heard == Span(pytest.approx(0.4), pytest.approx(6.1))
    dip = [Span(0.5, 6.0), SPEECH[2]]
    assert [one.place for one in unsure(PIECES, dip, whole=True)] == [0]
    assert unsure([replace(PIECES[0], too_long=True), *PIECES[1:]], SPEECH, whole=True) == []
    assert unsure(PIECES[:1], SPEECH, whole=True) == unsure([], [], whole=True) == []


def laid(*words: tuple[float, float]) -> Alignment:
    return Alignment(tuple(Word("word", *times, 0.5) for times in words), -1.0, -2.0, 0.1)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("at", "first", "gap"),
    [
        (1.5, None, Span(1.0, 1.2)),  # in the second word, nearer to its begin
        (1.9, None, Span(2.0, 2.0)),  # nearer to its end
        (1.1, None, None),  # between two words
        (1.23, None, None),  # within what times may be wrong by
        (1.5, 1, Span(1.0, 1.2)),
        (1.5, 2, Span(2.0, 2.0)),  # texts say that the second piece begins with the third word
        (1.1, 2, Span(2.0, 2.0)),  # between words, but not between those
        (2.03, 2, None),
        (1.5, 0, None),  # one of them has no words
        (1.5, 3, None),
    ],
)
def test_a_cut_that_touches_a_word_should_be_in_the_gap_beside_it(
    at: float, first: int | None, gap: Span | None
) -> None:
    assert _gap(laid((0.2, 1.0), (1.2, 2.0), (2.0, 3.0)), at, first) == gap


@pytest.mark.unit
def test_both_neighbours_of_a_cut_move_and_no_length_is_broken() -> None:
    found = Survey(9.5, SPEECH, 1.0, Power.of(np.zeros(round(9.5 * RATE), np.float32)))
    one, other = _moved(*PIECES[:2], Span(2.5, 2.6), found, (0.8, 12.0))
    assert one.end == other.start == pytest.approx(2.55, abs=0.01)
    assert (one.start, other.end) == (PIECES[0].start, PIECES[1].end)
    assert one.speech + other.speech == pytest.approx(PIECES[0].speech + PIECES[1].speech)
    assert one.speech == pytest.approx(2.5 - (3.0 - one.end))
    apart = _moved(*PIECES[:2], Span(3.6, 4.4), found, (0.8, 12.0))
    assert apart[0].end == pytest.approx(3.72), "no more quiet is kept than elsewhere"
    assert apart[1].start == pytest.approx(4.28)
    for gap, lengths in ((Span(0.6, 0.7), (0.8, 12.0)), (Span(5.0, 5.1), (0.8, 4.0))):
        assert _moved(*PIECES[:2], gap, found, lengths) == tuple(PIECES[:2])


#: Words of the planted sentence as the second of two clips begins: "apples" belongs to the first.
SENTENCE = ("On Monday they sold bread and apples", "at the old market.")
#: So long that both do not fit into one clip.
TWO = replace(INFO, clip_seconds=(0.5, 2.6))


@dataclass(frozen=True)
class Planted:
    """A recording with a long closure in the midst of a word, where a clip must end."""

    path: Path
    sound: NDArray[np.float32]
    closure: Span
    words: tuple[Word, ...]  #: where each lies, closure and all
    seconds: float

    @property
    def cues(self) -> list[Cue]:
        """As though somebody had taken the closure for the end of the word."""
        middle = (self.closure.start + self.closure.end) / 2
        return [Cue(0.5, middle, SENTENCE[0]), Cue(middle, self.seconds - 0.5, SENTENCE[1])]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """In "apples": the lips stay closed for 0.16 s more."""
    sound, hush = speech("market")[: round(2.66 * RATE)], np.random.default_rng(3)
    closed, longer = round(1.44 * RATE), 0.16  # its quietest moment, 50 dB below the sentence

    def quiet(seconds: float) -> NDArray[np.float32]:
        return hush.normal(0, 1e-4, round(seconds * RATE)).astype(np.float32)

    whole = np.concatenate([quiet(0.5), sound[:closed], quiet(longer), sound[closed:], quiet(0.5)])
    path = tmp_path_factory.mktemp("planted") / "apples.flac"
    soundfile.write(path, whole, RATE, subtype="PCM_16")
    laid = Aligner().align(whole, " ".join(SENTENCE))
    assert laid is not None
    begin = 0.5 + closed / RATE
    return Planted(path, whole, Span(begin, begin + longer), laid.words, len(whole) / RATE)


def apples(made: Planted) -> Word:
    (word,) = (one for one in made.words if one.text == "apples")
    assert word.start < made.closure.start - 0.1 < made.closure.end + 0.1 < word.end
    return word


def test_a_cut_planted_inside_a_word_of_a_given_text_moves_behind_it(planted: Planted, tmp_path: Path) -> None:
    def cut(aligner: Aligner | None) -> list[CutClip]:
        text = " ".join(SENTENCE)
        return cut_recording(planted.path, text, "en", TWO, None, tmp_path, cues=planted.cues, aligner=aligner)

    by_sound, by_words = cut(None), cut(Aligner())
    for clips in (by_sound, by_words):
        assert [clip.text for clip in clips] == list(SENTENCE)
        assert clips[0].end == clips[1].start
        assert all(0.5 <= clip.seconds <= 2.6 for clip in clips)
    assert planted.closure.start - 0.05 < by_sound[0].end < planted.closure.end + 0.05, "so it would be without words"
    assert by_words[0].end == pytest.approx(apples(planted).end, abs=0.03)
    assert (by_words[0].start, by_words[1].end) == (by_sound[0].start, by_sound[1].end)
    assert sum(clip.facts.speech for clip in by_words) == pytest.approx(sum(clip.facts.speech for clip in by_sound))


def test_a_given_text_without_times_is_not_cut_inside_a_word_either(planted: Planted, tmp_path: Path) -> None:
    clips = cut_recording(planted.path, " ".join(SENTENCE), "en", TWO, None, tmp_path, aligner=Aligner())
    assert [clip.text for clip in clips] == ["On Monday they sold bread and", "apples at the old market."]
    assert clips[0].end == clips[1].start == pytest.approx(apples(planted).start, abs=0.03)


class Writes:
    """A strong recogniser that writes the words of the planted recording that are wholly in what it hears. It dies in
    place of hearing the `last`-th stretch of its life."""

    name = "whisper"
    trust: Trust = "high"
    language = "en"
    settings, earlier_settings = "scripted", ()

    def __init__(self, made: Planted, heard: Counter[bytes] | None = None, last: int = 0) -> None:
        self._made, self._last, self._times = made, last, 0
        self.heard = heard if heard is not None else Counter()

    def transcribe(self, samples: NDArray[np.float32]) -> Transcript:
        self._times += 1
        if self._times == self._last:
            raise KeyboardInterrupt
        self.heard[samples.tobytes()] += 1
        place = len(samples) // 2
        windows = np.lib.stride_tricks.sliding_window_view(self._made.sound, 64)
        begin = (int(np.abs(windows - samples[place : place + 64]).sum(axis=1).argmin()) - place) / RATE
        end = begin + len(samples) / RATE
        inside = [word for word in self._made.words if word.start > begin - 0.05 and word.end < end + 0.05]
        return Transcript(" ".join(word.text for word in inside), tuple(inside), self.name, self.trust, 0.9)

    def transcribe_many(
        self, clips: Sequence[NDArray[np.float32]], alive: Callable[[], None] | None = None
    ) -> list[Transcript]:
        return [self.transcribe(clip) for clip in clips]


def test_without_a_text_what_whisper_writes_around_the_cut_is_laid_and_the_word_stays_whole(
    planted: Planted, tmp_path: Path
) -> None:
    def cut(hears: Writes, kept: Kept | None = None) -> list[CutClip]:
        return cut_recording(planted.path, None, "en", TWO, hears, tmp_path, second=Aligner(), kept=kept)

    hears = Writes(planted)
    clips = cut(hears)
    assert [clip.text for clip in clips] == ["on monday they sold bread and", "apples at the old market"]
    assert clips[0].end == clips[1].start == pytest.approx(apples(planted).start, abs=0.03), "the nearer gap"
    assert hears.heard.total() == 3, "around the cut, and the two clips"
    alone = cut_recording(planted.path, None, "en", TWO, Writes(planted), tmp_path)
    assert planted.closure.start - 0.05 < alone[0].end < planted.closure.end + 0.05, "nobody looks without an aligner"
    for last in (1, 2, 3):
        heard: Counter[bytes] = Counter()
        folder = tmp_path / f"{last}"
        with pytest.raises(KeyboardInterrupt):
            cut(Writes(planted, heard, last), Kept(folder, "1" * 64))
        kept = Kept(folder, "1" * 64)
        assert cut(Writes(planted, heard), kept) == clips, "killed anywhere, the same clips"
        assert kept.found == (0 if last == 1 else 1)
        assert heard.total() <= 4


def test_cuts_that_touch_no_word_stay_and_their_clips_are_the_same_bytes(tmp_path: Path) -> None:
    """At pauses so short that they are looked at."""
    made = recording(tmp_path / "a.flac", ["letter", "harbour", "letter"], pause=0.15)
    cues = [Cue(*span, TEXTS[name]) for span, name in zip(made.spans, ("letter", "harbour", "letter"), strict=True)]
    short = replace(INFO, clip_seconds=(0.8, 4.0))
    clips = [
        cut_recording(made.path, made.text, "en", short, None, tmp_path, cues=cues, aligner=aligner)
        for aligner in (None, Aligner())
    ]
    assert len(clips[0]) == 3
    assert clips[0] == clips[1]
    assert all(clip.sha256 for clip in clips[0])
