"""The planted trials of `make bench-verdict`: what the table says of them, and how equal pairs are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import planted_sound, run, synthesisers
from benchmarks.planted_trials import NO_VERSION, THE_SAME, Aim, Trial, read, tell

pytestmark = pytest.mark.unit


def told(trials: list[Trial], capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """(measured, holds or falls short) of each bar."""
    tell(trials)
    rows = (run.parse("verdict_planted", line) for line in capsys.readouterr().out.splitlines())
    return {row.name: (row.measured, row.verdict) for row in rows if row is not None}


def regression(outcome: str, named: bool | None = True, seconds: float = 40.0, rounds: int = 1) -> Trial:
    return Trial("a voice", Aim.REGRESSION, "clipped", outcome, named, seconds, rounds)


def test_a_regression_that_was_promoted_is_never_within_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert told([regression("worse")] * 100, capsys)["planted regressions promoted"] == ("0 of 100", "holds")
    bars = told([*[regression("worse")] * 99, regression("better")], capsys)
    assert bars["planted regressions promoted"] == ("1 of 100", "falls short")


def test_what_was_never_judged_counts_as_not_promoted_but_names_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bars = told([*[regression("worse")] * 8, regression("worse", named=False), regression(NO_VERSION, None)], capsys)
    assert bars["planted regressions promoted"][0] == "0 of 10"
    assert bars["the reason names the fault"] == ("8 of 9: 89%", "falls short")


def test_few_trials_hold_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert told([regression("worse")] * 99, capsys)["planted regressions promoted"] == ("0 of 99", "falls short")


def test_clear_cases_cost_what_one_round_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    once, thrice = regression("worse"), regression("worse", seconds=280, rounds=4)
    name = "spoken for a regression that is decided"
    assert told([once, once, thrice], capsys)[name] == ("40 s in the median; 2 of 3 in one round", "holds")
    assert told([once, thrice, thrice], capsys)[name][1] == "falls short"


def test_what_all_verdicts_cost_is_told_beside_one_round_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    once, close = regression("worse"), regression("undecided", seconds=240, rounds=4)
    never = regression(NO_VERSION, None, seconds=0, rounds=0)
    tell([once, once, close, never, Trial("a voice", Aim.CHOICE, "clean", "undecided", None, 99, 4)])
    said = capsys.readouterr().out.splitlines()
    assert "# all verdicts: 320 s spoken; one round of each is 120 s: x 2.7" in said
    assert "# those that decide: 80 s spoken; one round of each is 80 s: x 1.0" in said


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["better"] * 27 + ["undecided"] * 3, "holds"),
        (["better"] * 26 + ["undecided"] * 4, "falls short"),
        (["better"] * 99 + ["worse"], "falls short"),
        (["better"] * 29, "falls short"),
    ],
)
def test_an_improvement_may_be_undecided_now_and_then_and_never_worse(
    outcomes: list[str], verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [Trial("a voice", Aim.IMPROVEMENT, "more data", outcome, None) for outcome in outcomes]
    assert told(trials, capsys)["planted improvements called better"][1] == verdict


def test_equal_pairs_may_be_told_apart_one_time_in_twenty(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [Trial("a voice", Aim.EQUAL, "seeds", outcome, None, 280) for outcome in ["worse"] * 3 + ["undecided"] * 57]
    name = "equal pairs told apart"
    assert told(pairs, capsys)[name] == ("3 of 60: 5%", "holds")
    assert told(pairs[:-1], capsys)[name][1] == "falls short"
    assert told(pairs[-49:], capsys)[name] == ("0 of 49: 0%", "falls short")


def test_a_checkpoint_chosen_by_speaking_must_not_be_behind_the_best_by_loss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "checkpoint by speaking at least as good as by loss"
    same = Trial("a voice", Aim.CHOICE, "clean", THE_SAME, None)
    ahead = Trial("a voice", Aim.CHOICE, "noisy", "undecided", None, score=0.2)
    behind = Trial("a voice", Aim.CHOICE, "clipped", "undecided", None, score=-0.1)
    assert told([same, ahead], capsys)[name][1] == "holds"
    assert told([same, ahead, behind], capsys)[name][1] == "falls short"


def test_trials_are_kept_line_by_line(tmp_path: Path) -> None:
    trials = [regression("worse"), Trial("a voice", Aim.EQUAL, "seeds", "undecided", None, 12.5, 4, -0.25, "Unsure.")]
    kept = tmp_path / "trials.jsonl"
    kept.write_text("".join(one.line() + "\n" for one in trials), encoding="utf-8")
    assert read(kept) == trials


def test_an_equal_pair_has_two_sides_of_different_seeds_and_comes_once() -> None:
    pairs = planted_sound._pairs(4, 18)
    assert all(len({*first, *second}) == 6 for first, second in pairs)
    assert len({frozenset(pair) for pair in pairs}) == 18
    assert planted_sound._pairs(4, 18) == pairs


def test_nothing_is_tried_on_voices_that_figures_are_of() -> None:
    assert not set(planted_sound.TUNING) & set(planted_sound.REPORTING)
    names = [{voice.name for voice in some} for some in (synthesisers.TUNING, synthesisers.REPORTING)]
    assert not names[0] & names[1]
