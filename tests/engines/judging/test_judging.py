"""Verdicts on clips from their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from good_clip import FACTS, GOOD

from engines.errors import BadInput
from engines.judging.limits import LIMITS, SETTING_OF, Limits
from engines.judging.quality import Quality
from engines.judging.reasons import REASONS, Reason
from engines.judging.sentences import say
from engines.judging.verdict import Heard, Verdict, broken, judge
from engines.judging.voice import judge as beside
from engines.judging.voice import pace_limits
from engines.judging.voice_clip import VoiceClip, packed, unpacked

pytestmark = pytest.mark.unit

LENGTHS = (1.0, 11.6)


def clip(id: int, **values: object) -> VoiceClip:
    return replace(VoiceClip(id, f"{id:064x}", f"text {id}", 3.0, 0.06, b"", b""), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "quality", "looser"),
    [
        (Reason.CLIPPED, {"clipped_share": 0.02}, {"clipped": 0.05}),
        (Reason.NOISY, {"snr_db": 7.0}, {"noisy": 5.0}),
        (Reason.MUSIC, {"tonal_db": -15.0}, {"music": -10.0}),
        (Reason.REVERBERANT, {"rt60": 0.7}, {"reverberant": 0.8}),
        (Reason.NARROW_BAND, {"bandwidth_hz": 4_000.0}, {"narrow_band": 3_000.0}),
        (Reason.CUT_OFF, {"edge_db": -1.0}, {"cut_off": 3.0}),
    ],
)
def test_a_measure_beyond_its_limit_drops_a_clip_and_a_looser_limit_keeps_it(
    reason: Reason, quality: dict[str, float], looser: dict[str, float]
) -> None:
    facts = replace(FACTS, quality=replace(GOOD, **quality))
    found = judge(facts, LENGTHS, "en", Limits())
    (measured,) = quality.values()
    assert (found.reason, found.measured, found.limit) == (reason, measured, getattr(Limits(), SETTING_OF[reason]))
    assert say(found, facts).endswith(".")
    assert judge(facts, LENGTHS, "en", Limits(**looser)).kept  # type: ignore[arg-type]
    assert judge(FACTS, LENGTHS, "en", Limits()).kept


def test_a_clip_in_another_language_is_dropped_and_the_likeliest_is_named() -> None:
    heard = Heard("hyvää huomenta", "high", 0.9, "fi")
    finnish = replace(FACTS, text_given=False, heard=heard, quality=replace(GOOD, language_probability=0.02))
    found = judge(finnish, LENGTHS, "en", Limits())
    assert (found.reason, found.measured, found.limit) == (Reason.WRONG_LANGUAGE, 0.02, Limits().wrong_language)
    assert "most likely “fi”" in say(found, finnish)
    assert judge(finnish, LENGTHS, "en", Limits(wrong_language=0.0)).kept
    given = replace(finnish, text_given=True, cer=0.0)
    assert judge(given, LENGTHS, "en", Limits()).reason is Reason.WRONG_LANGUAGE, "whoever wrote the text"
    unsure = replace(finnish, quality=replace(GOOD, language_probability=0.2))
    assert judge(unsure, LENGTHS, "en", Limits()).kept, "a short clip's language is hardly told"


def test_what_was_not_measured_drops_nothing() -> None:
    old = Quality.of({"rms_db": -23.0, "peak": 0.5, "snr_db": 40.0, "clipped_share": 0.0, "chars_per_second": 14.0})
    assert judge(replace(FACTS, quality=old), LENGTHS, "en", Limits()).kept


def test_numbers_of_a_clip_come_back_as_they_were() -> None:
    assert Quality.of(GOOD.numbers) == GOOD
    assert GOOD.numbers["seconds_per_char"] == pytest.approx(1 / 14)


def test_all_that_is_wrong_is_found_gravest_first() -> None:
    heard = Heard("something else", "high", 0.9)
    facts = replace(FACTS, seconds=0.5, heard=heard, cer=0.8, quality=replace(GOOD, snr_db=3.0))
    assert [one.reason for one in broken(facts, LENGTHS, "en", Limits())] == [
        Reason.TOO_SHORT, Reason.NOISY, Reason.DISAGREE,
    ]  # fmt: skip


def test_a_voice_may_want_other_lengths_but_no_longer_ones_than_its_engine() -> None:
    short, long = replace(FACTS, seconds=1.5), replace(FACTS, seconds=12.0)
    assert judge(short, LENGTHS, "en", Limits(too_short=2.0)).reason is Reason.TOO_SHORT
    assert judge(long, LENGTHS, "en", Limits(too_long=20.0)).reason is Reason.TOO_LONG


def test_what_two_recognisers_do_not_both_hear_is_only_dropped_where_a_limit_is_set() -> None:
    heard = Heard("hello there", "high", 0.95)
    facts = replace(FACTS, text_given=False, heard=heard, quality=replace(GOOD, second_wer=1.0))
    assert judge(facts, LENGTHS, "en", Limits()).kept
    dropped = judge(facts, LENGTHS, "en", Limits(recognisers_disagree=0.4))
    assert dropped == Verdict(Reason.RECOGNISERS_DISAGREE, 1.0, 0.4)
    assert say(dropped, facts) == "A second recogniser does not hear 100% of its words; 40% are allowed."
    assert judge(replace(facts, text_given=True), LENGTHS, "en", Limits(recognisers_disagree=0.4)).kept


def test_one_of_two_equal_sounds_is_dropped_and_the_held_out_one_stays() -> None:
    clips = [clip(1, sha256="a"), clip(2, sha256="a", first=True), clip(3)]
    assert {id: one.reason for id, one in beside(clips, Limits()).items()} == {1: Reason.DUPLICATE}
    assert beside(clips, Limits(duplicates=False)) == {}


def test_a_pace_beyond_the_quartiles_is_odd() -> None:
    clips = [clip(n, seconds_per_char=0.05 + 0.001 * (n % 20)) for n in range(40)]
    odd = [clip(40, seconds_per_char=0.15), clip(41, seconds_per_char=0.02)]
    found = beside([*clips, *odd], Limits())
    assert {id: one.reason for id, one in found.items()} == {40: Reason.ODD_PACE, 41: Reason.ODD_PACE}
    assert say(found[40], FACTS).startswith("It is spoken oddly slowly")
    assert say(found[41], FACTS).startswith("It is spoken oddly fast")
    assert pace_limits(clips[:10], 1.5) is None  # too few to tell
    assert beside([*clips, *odd], Limits(odd_pace=0)) == {}


def test_strangers_are_found_and_do_not_move_the_voice() -> None:
    def speaker(n: int, of: int) -> bytes:
        return packed([10.0 if place == of else float((n * place) % 3) / 2 for place in range(16)])

    clips = [clip(n, voiceprint=speaker(n, 0)) for n in range(20)]
    strangers = [clip(n, voiceprint=speaker(n, 5)) for n in range(20, 28)]
    found = beside([*clips, *strangers], Limits())
    assert {id: one.reason for id, one in found.items()} == dict.fromkeys(range(20, 28), Reason.OTHER_SPEAKER)
    assert sum(value * value for value in unpacked(clips[0].voiceprint)) == pytest.approx(1.0)


def test_a_weak_recogniser_that_follows_a_voice_tells_its_wrong_texts() -> None:
    clips = [clip(n, cer=0.2 + 0.01 * (n % 8)) for n in range(20)]
    wrong = clip(20, cer=0.62)
    assert {id: one.reason for id, one in beside([*clips, wrong], Limits()).items()} == {20: Reason.DISAGREE}
    hardly = [clip(n, cer=0.55) for n in range(20)]
    assert beside([*hardly, wrong], Limits()) == {}


def test_every_limit_is_a_declared_setting_and_every_reason_has_a_meaning() -> None:
    assert set(SETTING_OF.values()) <= LIMITS.keys()
    assert REASONS.keys() == set(Reason)


@pytest.mark.parametrize(
    ("given", "named"),
    [({"noizy": "3"}, "noisy"), ({"noisy": "loud"}, "noisy"), ({"too_long": "2", "too_short": "3"}, "too_short")],
)
def test_a_limit_that_cannot_be_is_refused_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(BadInput) as refused:
        Limits.read({}, given)
    assert named in f"{refused.value} {refused.value.hint}"


def test_limits_come_from_the_table_and_as_texts() -> None:
    assert Limits.read({"noisy": 12}, {"disagree": "0.3,0.7"}) == Limits(noisy=12, disagree=(0.3, 0.7))
