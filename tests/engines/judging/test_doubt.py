"""How doubtful clips are, from their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from good_clip import FACTS, GOOD

from engines.judging.doubt import DOUBTFUL, Doubt, Sign, Usual, nearness, of_dropped, of_kept, total, usual
from engines.judging.doubt_sentences import say_doubt, title
from engines.judging.limits import Limits
from engines.judging.reasons import Reason
from engines.judging.speakers import speakers
from engines.judging.verdict import Facts, Heard, Verdict
from engines.judging.voice import judge as beside
from engines.judging.voice import usual_overlap
from engines.judging.voice_clip import VoiceClip, packed

pytestmark = pytest.mark.unit

CLIP = VoiceClip(1, "1", "hello there", 4.0, 1 / 14, b"", b"")
NOBODY = Usual({}, None, 0.02, None, None, overlap=0.0, weak_cer=0.2, aligned=True)


def signs(facts: Facts, voice: Usual = NOBODY, limits: Limits | None = None) -> dict[Doubt, float]:
    return {sign.doubt: sign.weight for sign in of_kept(CLIP, facts, voice, limits or Limits())}


def given(fit: float | None = None, heard: Heard | None = None, cer: float | None = None) -> Facts:
    return replace(FACTS, heard=heard, cer=cer, quality=replace(GOOD, text_fit=fit, cer=cer))


def test_a_good_clip_is_not_doubted() -> None:
    assert signs(FACTS) == {}
    assert signs(given(fit=-1.0)) == {}
    assert total([]) == 0.0


def test_a_text_that_lies_badly_is_doubted_the_more_the_worse_it_lies() -> None:
    weights = [signs(given(fit=fit)).get(Doubt.POOR_FIT, 0.0) for fit in (-1.3, -1.6, -2.0, -2.6, -4.5)]
    assert weights[0] == 0.0
    assert weights == sorted(weights)
    assert weights[2] >= DOUBTFUL
    assert weights[4] == 1.0


def test_a_text_that_could_not_be_laid_is_doubted_where_texts_were_laid() -> None:
    heard = Heard("something", "low", 0.5)
    assert Doubt.NO_FIT in signs(given(heard=heard, cer=0.1))
    assert Doubt.NO_FIT not in signs(given(heard=heard, cer=0.1), replace(NOBODY, aligned=False))
    assert Doubt.WORD_FIT in signs(given(fit=-1.2, heard=heard, cer=0.1)), "it fits, and was listened to all the same"


def test_a_strong_recogniser_tells_more_than_how_a_text_lies() -> None:
    assert signs(given(fit=-4.0, heard=Heard("hello there", "high", 0.9), cer=0.0)) == {}
    assert signs(given(fit=-4.0, heard=Heard("hello there", "low", 0.9), cer=0.0)) == {Doubt.POOR_FIT: 1.0}


def test_text_and_what_was_heard_differ_by_trust() -> None:
    strong, weak = Heard("yellow bear", "high", 0.9), Heard("yellow bear", "low", 0.5)
    assert (
        signs(given(heard=strong, cer=0.2))[Doubt.DISAGREE]
        > signs(given(fit=-1.0, heard=weak, cer=0.3))[Doubt.DISAGREE]
    ), "a fifth of the letters is much for a strong one, and little for a weak one"


def test_a_text_that_a_recogniser_wrote_is_doubted_by_its_confidence() -> None:
    def doubt(confidence: float) -> float:
        facts = replace(FACTS, text_given=False, heard=Heard("hello", "high", confidence))
        return signs(facts).get(Doubt.NOT_UNDERSTOOD, 0.0)

    assert doubt(0.9) == 0.0
    assert 0 < doubt(0.5) < doubt(0.36)
    weak = replace(FACTS, text_given=False, heard=Heard("hello", "low", 0.7))
    assert signs(weak)[Doubt.NOT_UNDERSTOOD] >= DOUBTFUL, "a weak one is sure of wrong words, too"


def test_a_text_that_whisper_wrote_is_doubted_by_its_least_sure_word() -> None:
    heard = Heard("hello there", "high", 0.9, least_sure="there")

    def doubted(sure: float | None, given: bool = False) -> list[Sign]:
        facts = replace(FACTS, text_given=given, heard=heard, quality=replace(GOOD, word_confidence=sure))
        return of_kept(CLIP, facts, NOBODY, Limits())

    assert doubted(0.4) == doubted(None) == []
    assert doubted(0.1, given=True) == [], "somebody gave the text: how it differs tells more"
    (sign,) = doubted(0.1)
    assert (sign.doubt, sign.measured, sign.word) == (Doubt.UNSURE_WORD, 0.1, "there")
    assert sign.weight >= DOUBTFUL
    assert say_doubt(sign, kept=True) == "The recogniser was only 10% sure of “there”; below 30% it may be a guess."
    assert title(sign, kept=True) == "a word is a guess"
    assert "sure of one word;" in say_doubt(replace(sign, word=""), kept=True)
    weights = [sum(one.weight for one in doubted(sure)) for sure in (0.25, 0.15, 0.05, 0.0)]
    assert weights == sorted(weights)
    assert weights[-1] == weights[-2] == 0.5


@pytest.mark.parametrize(
    ("doubt", "quality", "off"),
    [
        (Doubt.NOISY, {"snr_db": 10.5}, {"noisy": 0.0}),
        (Doubt.MUSIC, {"tonal_db": -26.5}, {"music": 100.0}),
        (Doubt.REVERBERANT, {"rt60": 0.47}, {"reverberant": 0.0}),
        (Doubt.NARROW_BAND, {"bandwidth_hz": 5_100.0}, {"narrow_band": 0.0}),
        (Doubt.CUT_OFF, {"edge_db": -6.5}, {"cut_off": 100.0}),
        (Doubt.CLIPPED, {"clipped_share": 0.0029}, {"clipped": 1.0}),
    ],
)
def test_a_measure_near_its_limit_is_doubted_unless_nothing_is_dropped_for_it(
    doubt: Doubt, quality: dict[str, float], off: dict[str, float]
) -> None:
    facts = replace(FACTS, quality=replace(GOOD, **quality))
    assert signs(facts)[doubt] >= DOUBTFUL
    assert signs(facts, limits=Limits(**off)) == {}  # type: ignore[arg-type]


def test_two_at_once_are_doubted_though_nothing_is_dropped_for_it_unless_somebody_asks() -> None:
    clip = replace(CLIP, overlap=0.3)
    (sign,) = of_kept(clip, FACTS, NOBODY, Limits())
    assert (sign.doubt, sign.measured) == (Doubt.OVERLAP, 0.3)
    assert sign.weight >= DOUBTFUL
    assert say_doubt(sign, kept=True) == "Somebody else seems to speak at the same time, in 30% of it."
    assert of_kept(replace(CLIP, overlap=0.1), FACTS, NOBODY, Limits()) == []
    assert beside([clip], Limits()) == {}
    assert beside([clip], Limits(overlap=0.25)) == {1: Verdict(Reason.OVERLAP, 0.3, 0.25)}


def test_two_at_once_are_told_by_what_is_usual_of_the_voice() -> None:
    def clips(*shares: float | None) -> list[VoiceClip]:
        return [replace(CLIP, id=n, sha256=f"{n}", text=f"text {n}", overlap=one) for n, one in enumerate(shares)]

    taken_for_two = clips(*(0.18 + 0.01 * (n % 5) for n in range(9)), None, 0.5)
    voice = usual(taken_for_two, taken_for_two, Limits(), None, aligned=False)
    assert voice.overlap == pytest.approx(0.2, abs=0.01)
    assert [clip.id for clip in taken_for_two if of_kept(clip, FACTS, voice, Limits())] == [10]
    limits = Limits(overlap=0.2, near_duplicate=1)
    assert {id: one.reason for id, one in beside(taken_for_two, limits).items()} == {10: Reason.OVERLAP}
    assert usual_overlap(clips(*(0.3 for _ in range(7)))) == 0.0, "too few to tell"
    assert usual_overlap(clips(*(0.7 for _ in range(9)))) == 0.3, "people at one table, not how the voice sounds"


def test_who_sounds_or_speaks_otherwise_than_the_rest_of_the_voice_is_doubted() -> None:
    def one(id: int, turn: float, pace: float) -> VoiceClip:
        return VoiceClip(id, f"{id}", f"text {id}", 4.0, pace, packed([1.0, turn, 0.0]), b"")

    clips = [one(n, 0.02 * (n % 5), 0.06 + 0.0005 * (n % 20)) for n in range(40)]
    stranger, slow = one(40, 0.6, 0.065), one(41, 0.0, 0.0785)
    every = [*clips, stranger, slow]
    voice = usual(every, every, Limits(), speakers(every).own, aligned=False)
    found = {
        clip.id: [sign.doubt for sign in of_kept(clip, FACTS, voice, Limits())] for clip in (clips[3], stranger, slow)
    }
    assert found == {3: [], 40: [Doubt.OTHER_SPEAKER], 41: [Doubt.ODD_PACE]}


def test_what_was_dropped_narrowly_is_doubted_unless_something_else_is_wrong_with_it() -> None:
    narrow, far, sure = (
        Verdict(Reason.NOISY, 9.5, 10.0),
        Verdict(Reason.REVERBERANT, 0.9, 0.48),
        Verdict(Reason.SILENT),
    )
    (sign,) = of_dropped([narrow])
    assert (sign.doubt, sign.measured, sign.limit) == (Doubt.NOISY, 9.5, 10.0)
    assert sign.weight >= DOUBTFUL
    for others in ([far], [narrow, far], [sure], [Verdict(Reason.DUPLICATE)], [Verdict(Reason.TOO_SHORT, 0.99, 1.0)]):
        assert of_dropped(others) == []


def test_nearness_is_one_at_the_limit_and_falls_on_both_sides() -> None:
    near = [nearness(Verdict(Reason.NOISY, snr, 10.0)) for snr in (6.0, 9.0, 10.0, 11.0, 14.0)]
    assert near == [0.0, pytest.approx(2 / 3), 1.0, pytest.approx(2 / 3), 0.0]
    assert nearness(Verdict(Reason.DISAGREE, 36.0, 35.0)) > 0.5, "letters a second"


def test_several_signs_count_together() -> None:
    both = [Sign(Doubt.NOISY, 0.4), Sign(Doubt.ODD_PACE, 0.5)]
    assert total(both) == pytest.approx(0.7)


def test_what_a_second_recogniser_does_not_hear_comes_in_front_of_what_both_hear() -> None:
    def doubt(wer: float | None) -> float:
        sure = Heard("hello there", "high", 0.95)
        facts = replace(FACTS, text_given=False, heard=sure, quality=replace(GOOD, second_wer=wer))
        return signs(facts).get(Doubt.RECOGNISERS_DISAGREE, 0.0)

    assert doubt(None) == doubt(0.0) == doubt(0.09) == 0.0
    assert DOUBTFUL <= doubt(0.18) < doubt(0.3) < doubt(1.0)


def test_a_language_that_is_hardly_the_voices_is_doubted_before_it_is_dropped() -> None:
    def doubt(probability: float | None) -> float:
        facts = replace(FACTS, quality=replace(GOOD, language_probability=probability))
        return signs(facts).get(Doubt.WRONG_LANGUAGE, 0.0)

    assert doubt(None) == doubt(1.0) == doubt(0.5) == 0.0
    assert 0 < doubt(0.4) < DOUBTFUL < doubt(0.2) < doubt(0.1)


@pytest.mark.parametrize("doubt", list(Doubt))
def test_every_doubt_has_words(doubt: Doubt) -> None:
    sign = Sign(doubt, 0.5, 0.4, 0.5)
    for kept in (True, False):
        assert say_doubt(sign, kept=kept).endswith(".")
        assert len(title(sign, kept=kept)) <= 20, "a column of the dashboard"
