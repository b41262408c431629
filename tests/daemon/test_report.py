"""A version's report as a person reads it."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from daemon.kinds.evaluate.report import curves_svg, markdown, sparkline

pytestmark = pytest.mark.unit


SPREAD = {
    "lines": 12,
    "takes": 2,
    "balance": {"low": -4.2, "high": -1.0},
    "metrics": {"wer": {"low": 0.08, "high": 0.22}},
}


def details(**changed: Any) -> dict[str, Any]:
    summary = {"similarity": 0.8, "wer": 0.25, "lines": 1, "failed": 0}
    made: dict[str, Any] = {
        "lineage": {
            "voice": "anna",
            "version": 3,
            "engine": "glow",
            "kind": "full",
            "against": 2,
            "ancestors": [2, 1],
            "run": 9,
            "steps": 150,
            "best_step": 120,
            "licence": "Apache-2.0",
            "created": "2026-01-01",
            "size": 20_000_000,
            "settings": {"learning_rate": 3e-4},
            "dataset": {
                "number": 4,
                "clips": 40,
                "new_clips": 6,
                "seconds": 160.0,
                "held_out": 5,
                "held_out_seconds": 20.0,
                "dropped": {"too-short": 2, "silent": 0},
            },
            "training": {"seconds": 61.0, "machine": "CPU", "ended": "All 150 steps done."},
            "curves": {"train/loss": [[step, 10.0 / step] for step in range(1, 151)], "held_out/loss": []},
        },
        "verdict": {
            "outcome": "worse",
            "better": False,
            "reasons": ["Its WER is 0.250, its parent's 0.100; it needed at most 0.120."],
            "score": None,
        },
        "table": [{"metric": "wer", "candidate": 0.25, "limit": 0.12, "ok": False}],
        "summaries": {
            "candidate": summary,
            "parent": {**summary, "wer": 0.1},
            "recordings": {**summary, "similarity": None},
        },
        "recogniser": "Words are heard by somebody.",
        "lines": [
            {
                "text": "A line | with a bar",
                "recording": "samples/anna/recordings/x.wav",
                "spoken": "",
                "spoken_by_parent": "",
                "scores": {"error": "It is silent."},
                "parent_scores": {"wer": 0.1, "similarity": 0.8},
                "recording_scores": {},
            }
        ],
        "spread": SPREAD,
        "cost": {"scoring_seconds": 12.0, "machine": "CPU", "rounds": 3, "lines_spoken": 48, "seconds_spoken": 140.4},
    }
    return {**made, **changed}


def test_it_tells_where_a_version_comes_from_what_it_scored_and_why_it_was_kept() -> None:
    text = markdown(details())
    for told in (
        "# anna@3",
        "**Worse than @2.** Its WER is 0.250",
        "base of glow → @1 → @2 → @3",
        "#4: 40 clips (6 new), 160 s; held out 5 clips, 20 s",
        "| dropped clips | 2 too-short |",
        "| WER | 0.100 | 0.250 | 0.250 | lower |",
        "| WER | 0.250 | 0.120 | **no** |",
        "150 steps, best at 120, 61 s",
        "12 lines, 2 takes at most of each; 140 s spoken in 3 rounds.",
        "| WER | +0.080 | +0.220 |",
        "| score | -4.20 | -1.00 |",
        "| learning_rate | 0.0003 |",
        "It is silent.",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("better", "**Better than @2.**"),
        ("undecided", "**Undecided whether it is better than @2.**"),
        ("broken", "**It does not speak.**"),
    ],
)
def test_it_begins_with_what_the_scores_say(outcome: str, said: str) -> None:
    assert said in markdown(details(verdict={**details()["verdict"], "outcome": outcome}))


@pytest.mark.parametrize(
    ("sure", "said"),
    [((0.12, 1.3), "+0.12 to +1.30"), ((None, None), "too few lines to say how sure")],
)
def test_the_base_that_only_imitates_has_a_column_and_a_sentence(
    sure: tuple[float | None, float | None], said: str
) -> None:
    made = details(beside_base={"score": 0.7, "low": sure[0], "high": sure[1]})
    made["summaries"]["base"] = {"similarity": 0.7, "wer": 0.2}
    text = markdown(made)
    assert "| metric | @2 | candidate | the base (plain cloning) | recordings | better is |" in text
    assert "| WER | 0.100 | 0.250 | 0.200 | 0.250 | lower |" in text
    assert f"Beside the base (plain cloning) its score is +0.70 ({said}); above 0 it sounds better." in text


@pytest.mark.parametrize("nothing", [{}, {"beside_base": {"score": None, "low": None, "high": None}}])
def test_without_a_third_side_nothing_is_said_of_one(nothing: dict[str, Any]) -> None:
    """Nor where the score could not be drawn up, nor in a report of before."""
    assert "plain cloning" not in markdown(details(**nothing))


def test_too_few_lines_are_said_to_be() -> None:
    one = {"lines": 1, "takes": 1, "balance": None, "metrics": {}}
    assert "1 lines" not in markdown(details(spread=one))
    assert "too few to say how sure" in markdown(details(spread=one))


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    (row,) = [line for line in markdown(details()).splitlines() if line.startswith("| A line")]
    assert "A line \\| with a bar" in row


def test_what_was_not_measured_is_a_dash() -> None:
    assert "| similarity | 0.800 | 0.800 | – | higher |" in markdown(details())


def test_a_falling_curve_falls() -> None:
    bars = sparkline([10.0 / step for step in range(1, 100)], width=5)
    assert len(bars) == 5
    assert list(bars) == sorted(bars, reverse=True)
    assert sparkline([1.0, math.nan, 1.0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    "curves", [{"train/loss": [[1, 2.0], [2, 1.0]]}, {"train/loss": [[0, 1.0]]}, {"train/loss": []}, {}]
)
def test_curves_are_drawn_whatever_there_is_of_them(curves: dict[str, Any]) -> None:
    drawn = curves_svg({"lineage": {"curves": curves}})
    assert ElementTree.fromstring(drawn).tag.endswith("svg")


def trained(**changed: Any) -> dict[str, Any]:
    """The lineage of a version whose training was measured three times after its start."""
    rows = [
        {"step": 0, "held_out": {"loss": 4.0, "text_ce": 0.05, "mel_ce": 3.99}, "train": {}},
        {"step": 500, "held_out": {"loss": 3.2, "text_ce": 0.04, "mel_ce": 3.19}, "train": {"loss": 3.0}},
        {"step": 1000, "held_out": {"loss": 3.0, "text_ce": 0.03, "mel_ce": 2.99}, "train": {"loss": 2.5}},
        {"step": 1500, "held_out": {"loss": 3.1, "text_ce": 0.03, "mel_ce": 3.09}, "train": {"loss": 2.0}},
    ]
    told = {
        "ended": "No gain since step 1000; stopped at step 1500.",
        "start_losses": rows[0]["held_out"],
        "base_losses": {},
    }
    return {**details()["lineage"], "parent": 0, "best_step": 1000, "evaluations": rows, "training": told, **changed}


def test_a_training_is_told_as_users_of_xtts_tell_theirs() -> None:
    text = markdown(details(lineage=trained()))
    for told in (
        "Best at step 1000: held-out loss 3 (text CE 0.03, mel CE 2.99), 25.0 % better than the base.",
        "No gain since step 1000; stopped at step 1500.",
        "Held-out loss lay 0.5 above training loss at the best step, 1.1 above it at the end.",
        "| step | held-out loss | text CE | mel CE | against the base | training loss | gap |",
        "| 0 | 4.0000 | 0.0500 | 3.9900 |  | – | – |",
        "| 500 | 3.2000 | 0.0400 | 3.1900 | 20.0 % better | 3.0000 | +0.2000 |",
        "| **1000** | 3.0000 | 0.0300 | 2.9900 | 25.0 % better | 2.5000 | +0.5000 |",
    ):
        assert told in text


def test_a_training_that_learned_its_clips_by_heart_says_since_when_and_by_how_much() -> None:
    """One measurement above the best is none: it takes a rise that is surely one."""
    assert "by heart" not in markdown(details(lineage=trained()))
    more = [
        {"step": step, "held_out": {"loss": 3.0 + (step - 1000) / 5000}, "train": {"loss": 2.5 - (step - 1000) / 4000}}
        for step in range(1500, 5001, 500)
    ]
    rows = [*trained()["evaluations"][:3], *more]
    text = markdown(details(lineage=trained(evaluations=rows)))
    assert "From step 1000 on it learned its clips by heart: held-out loss rose by 19.4 % while" in text
    assert "Fewer steps, or more recordings, do better." in text


def test_what_of_its_sound_is_a_versions_own_is_told_where_it_is_known() -> None:
    assert "| sound |" not in markdown(details(lineage=trained()))
    told = {**trained()["training"], "sound": {"vocoder": True, "bands": True}}
    text = markdown(details(lineage=trained(training=told)))
    assert "| sound | its own vocoder, and bands scaled to the recordings |" in text


def test_an_increment_is_compared_with_its_parent_and_with_the_base() -> None:
    told = {**trained()["training"], "base_losses": {"loss": 6.0}}
    text = markdown(details(lineage=trained(parent=2, training=told)))
    assert "50.0 % better than the base and 25.0 % better than @2." in text
    assert "| against the base | against @2 |" in text


def test_an_averaged_increment_is_compared_with_the_base_that_it_began_from_and_not_with_its_parent() -> None:
    text = markdown(details(lineage=trained(parent=2, settings={"parent_share": 0.5})))
    assert "25.0 % better than the base." in text
    assert "better than @2" not in text
    assert "What spoke is averaged with @2, its parent; held-out losses are from before that" in text
    assert "full, from the base, averaged with @2" in text


def test_a_training_that_never_beat_what_it_began_from_says_so() -> None:
    text = markdown(details(lineage=trained(best_step=0)))
    assert "Best at step 0: held-out loss 4 (text CE 0.05, mel CE 3.99). No gain" in text


def test_losses_below_zero_are_compared_by_their_size() -> None:
    rows = [{"step": 0, "held_out": {"loss": -1.0}, "train": {}}, {"step": 9, "held_out": {"loss": -1.5}, "train": {}}]
    told = {"ended": "All 9 steps done.", "start_losses": {"loss": -1.0}}
    assert "50.0 % better than the base." in markdown(
        details(lineage=trained(evaluations=rows, best_step=9, training=told))
    )


def test_a_loss_that_crosses_zero_is_told_by_how_much_and_not_in_percent() -> None:
    rows = [{"step": 0, "held_out": {"loss": 0.5}, "train": {}}, {"step": 9, "held_out": {"loss": -0.265}, "train": {}}]
    told = {"ended": "All 9 steps done.", "start_losses": {"loss": 0.5}}
    text = markdown(details(lineage=trained(evaluations=rows, best_step=9, training=told)))
    assert "0.765 better than the base." in text
    assert "% better" not in text


def test_a_long_run_is_told_in_a_table_that_can_be_read() -> None:
    rows = [{"step": step, "held_out": {"loss": 4.0 - step / 1e4}, "train": {}} for step in range(0, 10_001, 10)]
    text = markdown(details(lineage=trained(evaluations=rows, best_step=9_990)))
    lines = [line for line in text.splitlines() if "% better |" in line]
    assert 20 <= len(lines) <= 45
    assert "| **9990** |" in text
    assert "| 10000 |" in text


def test_a_derived_voice_says_what_it_is_made_from_and_that_nobody_recorded_it() -> None:
    made = {"voice": "anna", "pitch": 2.0, "pace": 1.08, "liveliness": 1.2, "reached": {"pitch": 1.9, "pace": 1.08}}
    text = markdown(details(lineage={**details()["lineage"], "derivation": made}))
    assert (
        "| derived | from the clips of anna: pitch +1.90 semitones (+2 asked for), pace 1.080 (1.08), "
        "liveliness not measurable (1.2) |" in text
    )
    assert "| recordings | made: nobody recorded this voice, and its held-out lines are anna's |" in text
    assert "derived" not in markdown(details())


def test_the_cost_of_a_version_has_energy_and_money_and_says_what_is_not_known() -> None:
    told = {
        "seconds": 600.0, "joules": 1.8e6, "gpu_joules": 1.8e6, "cpu_joules": None, "gpu_error": 9e4,
        "integrated": False, "unmetered": ["UNMETERED_CPU"], "money": {"€": 0.4}, "money_lacks_energy": True,
    }  # fmt: skip
    text = markdown(details(lineage=trained(spent=told, steps=1_000)))
    assert "| energy of the training | 500 Wh without the CPU |" in text
    assert "| energy of a step | 0.50 Wh |" in text
    assert "| money | at least 0.40 €, at the price then |" in text
    unknown = markdown(details(lineage=trained(spent={**told, "joules": None, "money": {}}, steps=1_000)))
    assert "| energy of the training | not known |" in unknown
    assert "energy of a step" not in unknown
    assert "| money |" not in unknown
    assert "energy of the training" not in markdown(details(lineage=trained())), "of a Myna that did not measure it"
