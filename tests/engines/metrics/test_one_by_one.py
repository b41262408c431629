"""Better by its measures, each looked at by itself, where the balance alone does not tell."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from judged import PARENT

from engines.metrics import gate, intervals, one_by_one
from engines.metrics.findings import Found
from engines.metrics.gate import Outcome
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, SpokenLine, summarise
from engines.metrics.spread import Interval, Spread
from engines.metrics.summary import Summary
from engines.metrics.table import Metric

#: As noisy as a weak recogniser is: the balance lies on both sides of nothing.
BALANCE = Interval(-1.0, 1.6)
SURE = {
    Metric.SIMILARITY: Interval(0.01, 0.02),
    Metric.WER: Interval(-0.02, 0.02),
    Metric.DNSMOS: Interval(-0.1, 0.1),
}
CANDIDATE = replace(PARENT, similarity=0.815)


def verdict(candidate: Summary, sure: dict[Metric, Interval], together: dict[Metric, Interval]) -> gate.Verdict:
    return gate.better(candidate, PARENT, spread=Spread(20, 3, BALANCE, sure, together))


def test_a_measure_that_surely_got_better_where_nothing_else_can_be_told_apart_is_better() -> None:
    found = verdict(CANDIDATE, SURE, {Metric.SIMILARITY: Interval(0.005, 0.025)})
    assert found.outcome is Outcome.BETTER
    assert [one.found for one in found.findings] == [Found.GAINED, Found.ONE_BY_ONE, Found.BALANCE]


@pytest.mark.parametrize(
    ("changed", "together"),
    [
        # it is sure by itself, but not as one of several that were looked at
        ({}, {Metric.SIMILARITY: Interval(-0.001, 0.031)}),
        # word errors may have risen by more than the rule allows
        ({Metric.WER: Interval(-0.02, 0.05)}, {Metric.SIMILARITY: Interval(0.005, 0.025)}),
        # something surely got worse, though it has no limit
        ({Metric.F0_SPREAD: Interval(0.1, 0.3)}, {Metric.SIMILARITY: Interval(0.005, 0.025)}),
        # how sure a limit is kept is not known
        ({Metric.DNSMOS: None}, {Metric.SIMILARITY: Interval(0.005, 0.025)}),
    ],
)
def test_anything_that_may_have_got_worse_leaves_it_undecided(
    changed: dict[Metric, Interval | None], together: dict[Metric, Interval]
) -> None:
    sure = {name: one for name, one in {**SURE, **changed}.items() if one is not None}
    both = replace(PARENT, f0_spread=0.5)
    candidate = replace(CANDIDATE, f0_spread=0.7) if Metric.F0_SPREAD in sure else CANDIDATE
    found = gate.better(
        candidate, both if Metric.F0_SPREAD in sure else PARENT, spread=Spread(20, 3, BALANCE, sure, together)
    )
    assert found.outcome is Outcome.UNDECIDED


def test_a_balance_below_what_it_must_be_is_no_matter_of_measures() -> None:
    wordy = replace(CANDIDATE, wer=0.23)
    found = verdict(wordy, SURE, {Metric.SIMILARITY: Interval(0.005, 0.025)})
    assert (found.score or 0.0) < 0
    assert found.outcome is Outcome.UNDECIDED


@pytest.mark.long
def test_equals_are_told_apart_no_more_often_than_the_rule_says() -> None:
    """Lines with the spread of real ones, drawn from one population for both sides, judged in one look."""
    draw, rule, wrong, trials = random.Random(11), Rule(), 0, 200
    recordings = Summary(10, wer=0.2, similarity=0.95, dnsmos=3.0, f0_semitones=0.0, f0_spread=0.1)

    def line(text: int) -> list[LineScores]:
        return [
            LineScores(
                SpokenLine(str(text), Path("x.wav"), None),
                wer=max(0.0, draw.gauss(0.3, 0.15)),
                similarity=draw.gauss(0.9, 0.02),
                dnsmos=draw.gauss(3, 0.2),
                duration_ratio=draw.lognormvariate(0, 0.03),
                pause_share=abs(draw.gauss(0, 0.03)),
                f0_semitones=abs(draw.gauss(0, 0.4)),
                f0_spread=abs(draw.gauss(0.5, 0.2)),
                seconds=3.0,
                words=8,
                chars=40,
            )
        ]

    for _ in range(trials):
        sides = [[line(text) for text in range(12)] for _ in range(2)]
        summaries = [summarise([take for takes in side for take in takes], "pocketsphinx", "low") for side in sides]
        spread = intervals.paired(
            *sides,
            lambda lines: summarise(lines, "pocketsphinx", "low"),
            lambda mine, theirs: gate.balance(mine, theirs, rule, recordings),
            rule.confidence,
            one_by_one.COUNTED,
        )
        found = gate.better(*summaries, rule, spread=spread, ceiling=recordings)
        wrong += found.outcome in (Outcome.BETTER, Outcome.WORSE)
    assert wrong / trials <= 0.08, f"{wrong} of {trials}; five in a hundred are expected, eight are three errors away"
