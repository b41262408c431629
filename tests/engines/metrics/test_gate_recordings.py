"""The rule against what the recordings themselves score: nobody is asked to be better than the person."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from judged import BASE, PARENT, better

from engines.metrics import gate
from engines.metrics.findings import Found, sentence
from engines.metrics.gate import Outcome
from engines.metrics.rule import Rule
from engines.metrics.table import Metric

#: The recogniser does not follow the person.
BABBLE = replace(PARENT, wer=0.9, cer=0.8, similarity=0.95)


def test_a_voice_need_not_be_better_than_the_person() -> None:
    """The base learned in a studio; this person recorded in a kitchen. A faithful voice sounds of kitchen."""
    base = replace(BASE, dnsmos=3.3, wer=0.10)
    kitchen = replace(PARENT, dnsmos=2.4, wer=0.28, similarity=0.95)
    faithful = replace(PARENT, dnsmos=2.3, wer=0.32, similarity=0.85)
    assert not better(faithful, base, first=True).promote
    assert better(faithful, base, first=True, ceiling=kitchen).promote


@pytest.mark.parametrize("similarity", [0.95, 0.70])
def test_recordings_that_are_not_understood_themselves_are_warned_of(similarity: float) -> None:
    candidate, ceiling = replace(PARENT, similarity=similarity), replace(PARENT, wer=0.69)
    told = better(candidate, PARENT, ceiling=ceiling).sentences
    assert told[-1] == (
        "The recordings themselves score a WER of 0.690, so it says little here: compare the held-out clips' texts "
        "with what is said in them, or listen."
    )
    assert "recordings" not in " ".join(better(candidate, PARENT, ceiling=replace(PARENT, wer=0.3)).sentences)


def test_being_clearer_or_cleaner_than_the_recordings_is_no_merit_and_losing_it_is_no_loss() -> None:
    """Another speaker, clearer than the person, was trained away, as `make bench-verdict` planted it."""
    person = replace(PARENT, wer=0.49, dnsmos=2.4, similarity=0.95)
    stranger = replace(PARENT, wer=0.37, similarity=0.675, dnsmos=3.2, f0_semitones=4.0)
    own = replace(PARENT, wer=0.40, similarity=0.93, dnsmos=2.3, f0_semitones=0.5)
    mended = better(own, stranger, ceiling=person)
    assert mended.promote, mended.sentences
    assert not any(one.metric is Metric.WER and one.found is Found.GAINED for one in mended.findings)
    assert better(stranger, own, ceiling=person).outcome is Outcome.WORSE
    assert gate.balance(replace(own, wer=0.2), own, Rule(), person) == 0.0


def test_an_increment_that_loses_the_clearness_of_its_parent_is_a_persons_to_judge() -> None:
    noisy = replace(PARENT, wer=0.6, similarity=0.9)
    lost = better(replace(PARENT, wer=0.58, similarity=0.9), PARENT, ceiling=noisy)
    assert (lost.outcome, lost.promote) == (Outcome.UNDECIDED, False)
    assert lost.findings[0].found is Found.BEYOND_LIMIT


def test_where_the_recordings_are_not_understood_words_take_no_part_and_a_person_decides() -> None:
    clearer = replace(PARENT, similarity=0.9, wer=0.05)
    found = better(clearer, PARENT, ceiling=BABBLE)
    assert found.outcome is Outcome.UNDECIDED
    assert [one.found for one in found.findings] == [Found.NOT_UNDERSTOOD]
    assert "does not understand the recordings themselves (WER 0.900)" in sentence(found.findings[0])
    mumbled = better(replace(PARENT, similarity=0.9, wer=0.99), PARENT, ceiling=BABBLE)
    assert mumbled.score == found.score, "no word error changes the balance"
    assert not found.more_would_tell, "further lines are not understood either"


def test_where_further_recordings_say_that_the_person_is_understood_words_take_part() -> None:
    likelier = replace(PARENT, similarity=0.9)
    found = better(likelier, PARENT, ceiling=BABBLE, heard=True)
    assert found.outcome is Outcome.BETTER
    assert found.findings[-1].found is Found.UNCLEAR_RECORDINGS, "that these few are hard to follow is said"
    mumbled = better(replace(likelier, wer=0.99), PARENT, ceiling=BABBLE, heard=True)
    assert not mumbled.promote
    unheard = better(likelier, PARENT, ceiling=replace(PARENT, similarity=0.95), heard=False)
    assert [one.found for one in unheard.findings] == [Found.NOT_UNDERSTOOD]


def test_where_the_recordings_are_not_understood_the_rule_may_decide_without_words() -> None:
    rule = Rule(without_wer=True)
    found = better(replace(PARENT, similarity=0.9, wer=0.99), PARENT, rule, ceiling=BABBLE)
    assert found.outcome is Outcome.BETTER
    assert Found.NOT_UNDERSTOOD in {one.found for one in found.findings}
    less_like = better(replace(PARENT, similarity=0.6), PARENT, rule, ceiling=BABBLE)
    assert less_like.outcome is Outcome.WORSE
