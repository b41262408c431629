"""Better, or not kept: the rule as a table."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from judged import BASE, PARENT, better

from engines.metrics import gate
from engines.metrics.findings import Finding, Found, sentence
from engines.metrics.gate import Outcome
from engines.metrics.rule import Rule
from engines.metrics.spread import Interval, Spread
from engines.metrics.summary import Summary
from engines.metrics.table import METRICS, Metric

NAN = math.nan


@pytest.mark.parametrize(
    ("changes", "promoted"),
    [
        # Clear cases
        ({"similarity": 0.84, "wer": 0.18, "held_out_loss": 1.9}, True),
        ({"similarity": 0.70}, False),
        ({"wer": 0.40}, False),
        # A loss does not tell how a voice sounds, neither way
        ({"held_out_loss": 2.2, "similarity": 0.84}, True),
        ({"held_out_loss": 0.5}, False),
        ({"dnsmos": 2.4}, False),
        # No change is no gain
        ({}, False),
        # A gain in one metric pays for a small loss in another, not for a large one
        ({"similarity": 0.86, "wer": 0.21}, True),
        ({"similarity": 0.95, "wer": 0.35}, False),
        ({"wer": 0.10, "similarity": 0.79}, True),
        ({"wer": 0.10, "similarity": 0.75}, False),
        # Loss alone never promotes a voice that mumbles
        ({"held_out_loss": 0.5, "wer": 0.33}, False),
        # Pace
        ({"similarity": 0.90, "duration_ratio": 0.5}, False),
        ({"similarity": 0.90, "duration_ratio": 2.0}, False),
        # What is missing or no number never promotes, however good the rest
        ({"similarity": NAN, "wer": 0.0}, False),
        ({"similarity": None, "wer": 0.0}, False),
        ({"wer": NAN, "similarity": 0.95}, False),
        ({"wer": None, "similarity": 0.95}, False),
        ({"held_out_loss": NAN, "similarity": 0.95}, False),
        ({"held_out_loss": math.inf, "similarity": 0.95}, False),
        ({"held_out_loss": None, "similarity": 0.95}, False),
        ({"dnsmos": NAN, "similarity": 0.95}, False),
        ({"dnsmos": None, "similarity": 0.95}, False),
        ({"duration_ratio": NAN, "similarity": 0.95}, False),
        ({"cer": NAN, "similarity": 0.95}, False),
        # Lines that could not be spoken
        ({"lines": 19, "failed": 1, "similarity": 0.95}, True),
        ({"lines": 15, "failed": 5, "similarity": 0.95}, False),
        ({"lines": 0, "failed": 20, "similarity": None, "wer": 1.0}, False),
        # Scored on other lines, or by another recogniser
        ({"lines": 12, "similarity": 0.95}, False),
        ({"recogniser": "pocketsphinx", "trust": "low", "similarity": 0.95}, False),
    ],
)
def test_an_increment(changes: dict[str, Any], promoted: bool) -> None:
    verdict = better(replace(PARENT, **changes), PARENT)
    assert verdict.promote is promoted, verdict.sentences
    assert verdict.sentences, "there is always a reason"


@pytest.mark.parametrize(
    ("changes", "promoted"),
    [
        ({"similarity": 0.75, "wer": 0.22, "held_out_loss": 2.2, "f0_semitones": 0.5}, True),
        # It may be harder to understand than the base, but not badly
        ({"similarity": 0.75, "wer": 0.30, "held_out_loss": 2.2, "f0_semitones": 0.5}, True),
        ({"similarity": 0.90, "wer": 0.60, "held_out_loss": 2.2, "f0_semitones": 0.5}, False),
        # It must sound more like the person
        ({"similarity": 0.51, "wer": 0.10, "held_out_loss": 2.2}, False),
        ({"similarity": 0.45, "wer": 0.10, "held_out_loss": 1.0}, False),
    ],
)
def test_a_first_training(changes: dict[str, Any], promoted: bool) -> None:
    verdict = better(replace(BASE, **changes), BASE, first=True)
    assert verdict.promote is promoted, verdict.sentences


def test_a_base_without_a_held_out_loss_can_be_compared_with() -> None:
    assert better(replace(PARENT, f0_semitones=0.2), replace(BASE, held_out_loss=None), first=True).promote


@pytest.mark.parametrize(("lines", "promoted"), [(4, True), (50, False)])
def test_a_weak_recogniser_and_few_lines_leave_more_room(lines: int, promoted: bool) -> None:
    parent = replace(PARENT, lines=lines, recogniser="pocketsphinx", trust="low", wer=0.30)
    assert better(replace(parent, wer=0.38, similarity=0.9), parent).promote is promoted


def test_without_a_recogniser_a_person_decides_unless_told_otherwise() -> None:
    parent = replace(PARENT, wer=None, cer=None, recogniser="", trust="")
    candidate = replace(parent, similarity=0.9)
    refused = better(candidate, parent)
    assert not refused.promote
    assert "without_wer" in " ".join(refused.sentences)
    assert better(candidate, parent, Rule(without_wer=True)).promote
    # A metric that only the candidate lacks is broken, not absent
    assert not better(candidate, replace(parent, wer=0.2), Rule(without_wer=True)).promote


def test_speech_that_no_voice_can_be_heard_in_is_a_persons_to_judge_unless_told_otherwise() -> None:
    parent = replace(PARENT, similarity=None)
    candidate = replace(parent, wer=0.0, held_out_loss=1.0)
    refused = better(candidate, parent)
    assert not refused.promote
    assert "without_similarity" in " ".join(refused.sentences)
    assert better(candidate, parent, Rule(without_similarity=True)).promote
    assert better(replace(candidate, similarity=0.8), parent, Rule(without_similarity=True)).promote
    # What the parent has, the candidate must have
    assert not better(candidate, PARENT, Rule(without_similarity=True)).promote
    assert not better(replace(candidate, similarity=math.nan), parent, Rule(without_similarity=True)).promote


def test_the_table_says_what_was_asked() -> None:
    ceiling = replace(PARENT, similarity=0.95, wer=0.15)
    rows = {row.metric: row for row in better(replace(PARENT, wer=0.5), PARENT, ceiling=ceiling).rows}
    assert set(rows) == set(Metric)
    wer = rows[Metric.WER]
    assert (wer.parent, wer.candidate, wer.ceiling, wer.ok) == (0.20, 0.5, 0.15, False)
    assert wer.limit is not None
    assert 0.2 < wer.limit < 0.3
    assert rows[Metric.SIMILARITY].ok


def test_the_sentences_name_the_numbers() -> None:
    sentences = better(replace(PARENT, similarity=0.70), PARENT).sentences
    assert sentences == ("Its similarity is 0.700, its parent's 0.800; it needed at least 0.780.",)


def test_what_got_worse_within_the_rule_is_said_beside_what_got_better() -> None:
    verdict = better(replace(PARENT, similarity=0.95, wer=0.22, cer=0.11, held_out_loss=2.01), PARENT)
    assert verdict.promote
    assert verdict.sentences[:3] == (
        "Its similarity went from 0.800 to 0.950.",
        "Its WER got worse, from 0.200 to 0.220, which the voice's rule allows.",
        "Its CER got worse, from 0.100 to 0.110.",
    )


def test_what_a_person_would_not_see_to_differ_is_no_loss() -> None:
    found = better(replace(PARENT, similarity=0.95, wer=0.20001), PARENT).findings
    assert Found.LOST not in {one.found for one in found}


def test_what_lies_within_its_interval_got_neither_better_nor_worse() -> None:
    """An F0 spread of 0.291 after 0.298 on a dozen lines is no change that anybody can tell."""
    candidate = replace(PARENT, similarity=0.95, wer=0.22, cer=0.09)
    sure = {
        Metric.SIMILARITY: Interval(0.1, 0.2),
        Metric.WER: Interval(-0.03, 0.07),
        Metric.CER: Interval(-0.02, 0.001),
    }
    spread = Spread(12, 1, Interval(1.0, 2.0), sure)
    verdict = gate.better(candidate, PARENT, spread=spread)
    changed = {(one.found, one.metric) for one in verdict.findings if one.found in (Found.LOST, Found.GAINED)}
    assert verdict.promote
    assert changed == {(Found.GAINED, Metric.SIMILARITY)}
    assert not any("WER" in sentence for sentence in verdict.sentences)


def test_what_is_said_of_a_metric_once_is_not_said_again_by_its_row() -> None:
    """Findings are values: which metric they are of is not looked up in sentences."""
    found = better(replace(PARENT, held_out_loss=None, wer=math.nan, similarity=0.95), PARENT).findings
    assert found == (Finding(Found.NOT_MEASURED, Metric.WER), Finding(Found.NOT_MEASURED, Metric.HELD_OUT_LOSS))


@pytest.mark.parametrize(
    ("changes", "reach", "outcome"),
    [
        ({"similarity": 0.9}, 0.5, Outcome.BETTER),
        ({"similarity": 0.9}, 3.0, Outcome.UNDECIDED),
        ({"similarity": 0.79, "wer": 0.22}, 0.1, Outcome.WORSE),
        ({"similarity": 0.79, "wer": 0.22}, 3.0, Outcome.UNDECIDED),
        ({"similarity": 0.7}, 9.0, Outcome.WORSE),  # surely beyond a limit
        ({}, 0.0, Outcome.UNDECIDED),  # the same
        ({"wer": None}, 0.0, Outcome.UNDECIDED),  # a person must listen
        ({"lines": 10, "failed": 10}, 0.0, Outcome.WORSE),
        ({"lines": 0, "failed": 20}, 0.0, Outcome.BROKEN),
        ({"held_out_loss": NAN}, 0.0, Outcome.BROKEN),
    ],
)
def test_a_candidate_is_better_worse_undecided_or_broken(
    changes: dict[str, Any], reach: float, outcome: Outcome
) -> None:
    verdict = better(replace(PARENT, **changes), PARENT, reach=reach)
    assert verdict.outcome is outcome, verdict.sentences


def test_a_limit_that_is_perhaps_broken_leaves_it_undecided() -> None:
    candidate = replace(PARENT, similarity=0.95, wer=0.26)
    wide = Spread(20, 1, Interval(0.5, 1.5), {Metric.WER: Interval(-0.05, 0.17)})
    verdict = gate.better(candidate, PARENT, spread=wide)
    assert (verdict.outcome, verdict.more_would_tell) == (Outcome.UNDECIDED, True)
    assert verdict.sentences[0] == (
        "Its WER is 0.260, its parent's 0.200; it needed at most 0.238; 20 lines do not make that sure."
    )


@pytest.mark.parametrize(("reach", "outcome"), [(0.5, Outcome.UNDECIDED), (9.0, Outcome.WORSE)])
def test_a_limit_that_is_surely_broken_holds_back_what_is_surely_better_and_does_not_make_it_worse(
    reach: float, outcome: Outcome
) -> None:
    """A voice after sixty steps against the same after four, as `make bench-verdict` planted it: much more like the
    person, but as noisy as the recordings, which the base is not."""
    started = replace(PARENT, similarity=0.62, wer=0.43, dnsmos=3.04, f0_semitones=7.2)
    trained = replace(PARENT, similarity=0.88, wer=0.29, dnsmos=2.35, f0_semitones=1.3)
    verdict = better(trained, started, reach=reach)
    assert (verdict.outcome, verdict.promote) == (outcome, False)
    assert verdict.sentences[0] == "Its DNSMOS is 2.350, its parent's 3.040; it needed at least 2.640."
    said = any(one.found is Found.BALANCE for one in verdict.findings)
    assert said is (outcome is Outcome.UNDECIDED)


def test_undecided_says_how_sure_it_is_and_what_would_tell() -> None:
    verdict = better(replace(PARENT, similarity=0.83), PARENT, reach=1.2)
    assert verdict.more_would_tell
    assert verdict.sentences[0] == (
        "On 20 lines its score is +0.60 (-0.60 to +1.80); to be better it must surely be above 0. "
        "About 80 lines would tell. Or listen to both."
    )
    assert "too few lines" in gate.better(replace(PARENT, similarity=0.83), PARENT, spread=Spread(1)).sentences[0]


def test_a_loss_that_rose_is_said_beside_a_voice_that_is_better() -> None:
    verdict = better(replace(PARENT, similarity=0.9, held_out_loss=2.5), PARENT)
    assert verdict.promote
    assert verdict.sentences[-1] == (
        "Its held-out loss rose from 2.0000 to 2.5000: listen whether it learned its clips by heart."
    )


@pytest.mark.parametrize("kind", Found)
@pytest.mark.parametrize("metric", Metric)
def test_each_finding_of_each_metric_has_a_sentence_and_survives_json(kind: Found, metric: Metric) -> None:
    one = Finding(
        kind, metric, 0.0, 0.5, 0.25, count=3, of=4, by="whisper", parent_by="pocketsphinx", low=-0.5, high=0.5
    )
    assert sentence(one).endswith((".", ")."))
    assert Finding.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_finding_of_a_newer_myna_is_passed_over() -> None:
    assert Finding.from_json({"found": "something new"}) is None
    assert Finding.from_json({"found": "gained", "metric": "charm"}) is None


def test_the_table_of_metrics_describes_each_number_of_a_summary() -> None:
    assert set(METRICS) == set(Metric)
    assert {str(metric) for metric in Metric} < set(Summary.__dataclass_fields__)
    assert all(info.title and info.meaning.endswith(".") for info in METRICS.values())


NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True, width=32)
SUMMARIES = st.builds(
    Summary,
    lines=st.integers(0, 50),
    failed=st.integers(0, 5),
    held_out_loss=NUMBERS,
    wer=NUMBERS,
    cer=NUMBERS,
    similarity=NUMBERS,
    dnsmos=NUMBERS,
    duration_ratio=NUMBERS,
    f0_semitones=NUMBERS,
    recogniser=st.sampled_from(["", "whisper"]),
    trust=st.sampled_from(["", "high", "low"]),
)


@given(SUMMARIES, SUMMARIES, st.booleans(), st.none() | SUMMARIES)
def test_whatever_the_numbers_there_is_a_verdict_and_never_a_promotion_on_broken_ones(
    candidate: Summary, parent: Summary, first: bool, ceiling: Summary | None
) -> None:
    verdict = better(candidate, parent, first=first, ceiling=ceiling)
    assert verdict.sentences
    if verdict.promote:
        measured = (candidate.wer, candidate.similarity, parent.wer, parent.similarity)
        assert all(value is not None and math.isfinite(value) for value in measured)
        assert verdict.score is not None
        assert verdict.score > 0


@given(SUMMARIES)
def test_nothing_is_better_than_itself(summary: Summary) -> None:
    assert not better(summary, summary).promote


def test_a_summary_survives_json() -> None:
    assert Summary.from_json(PARENT.to_json() | {"of a newer Myna": 1}) == PARENT


def test_the_gate_is_light() -> None:
    code = "import sys, engines.metrics.gate; print([m for m in ('torch', 'numpy', 'librosa') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
