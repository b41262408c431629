"""Better, or not kept: the rule that decides whether a candidate takes its parent's place.

Loss alone never decides (a fine-tuned voice can lower its loss and mumble). A first training must sound more like the
person than the base does, without becoming hard to understand; an increment must keep what there was and win on
balance. What was not measured, or came out as no number, never promotes, unless the voice's own rule says to decide
without it.

A voice is never asked to be better than the person: the base may have been trained in a quieter room than the
recordings, so a first training's clarity and quality are held against the worse of the base's and the recordings' own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from engines.errors import BadInput
from engines.metrics import findings
from engines.metrics.findings import Finding, Found
from engines.metrics.summary import Summary
from engines.metrics.table import METRICS, Better, Metric
from engines.setting import Setting, checked, declared

UNCLEAR = 0.5  #: word error rate of the recordings themselves from which it says little of a voice


@dataclass(frozen=True)
class Rule:
    """When a candidate wins. Differences are candidate minus parent, in the metric's own unit."""

    first_similarity_gain: Annotated[
        float, Setting("speaker similarity that a first training must gain at least", -2, 2)
    ] = 0.03
    similarity_loss: Annotated[float, Setting("speaker similarity that an increment may lose", -2, 2)] = 0.02
    wer_loss: Annotated[
        float,
        Setting(
            "an increment's word error rate may rise by this much, a strong recogniser and many lines given", -10, 10
        ),
    ] = 0.02
    first_wer_loss: Annotated[float, Setting("a first training's word error rate may rise by this much", -10, 10)] = (
        0.12
    )
    # A weak recogniser's errors are mostly its own; few lines say little, also to a strong one
    weak_wer_slack: Annotated[
        float, Setting("added to either, divided by √lines, when the recogniser is weak", 0, 10)
    ] = 0.20
    strong_wer_slack: Annotated[float, Setting("the same for a strong recogniser", 0, 10)] = 0.08
    loss_rise: Annotated[float, Setting("the held-out loss may rise by this share of the parent's", -1, 100)] = 0.02
    dnsmos_loss: Annotated[float, Setting("quality may fall by this much", -5, 5)] = 0.4
    duration_range: Annotated[
        tuple[float, float],
        Setting("spoken / recorded length, shortest and longest; outside, the voice rushes or drawls", 0, 100),
    ] = (0.6, 1.7)
    without_wer: Annotated[bool, Setting("decide without word errors where no recogniser knows the language")] = False
    without_similarity: Annotated[
        bool, Setting("decide without speaker similarity where the parent has no speech to compare voices by")
    ] = False
    max_failed_share: Annotated[float, Setting("part of the held-out lines that may fail", 0, 1)] = 0.1
    # What a step counts for in the balance: score = Σ weight × gain / unit, unit being a difference one can hear
    similarity_unit: Annotated[
        float, Setting("speaker similarity that counts as one step in the balance", 0.0001, 1_000)
    ] = 0.05
    wer_unit: Annotated[float, Setting("word error rate that counts as one step", 0.0001, 1_000)] = 0.05
    loss_unit: Annotated[
        float, Setting("share of the parent's held-out loss that counts as one step", 0.0001, 1_000)
    ] = 0.05
    dnsmos_unit: Annotated[float, Setting("quality that counts as one step", 0.0001, 1_000)] = 0.25
    duration_unit: Annotated[float, Setting("|ln ratio| of durations that counts as one step", 0.0001, 1_000)] = 0.15
    f0_unit: Annotated[float, Setting("semitones that count as one step", 0.0001, 1_000)] = 1.0
    weights: Annotated[
        tuple[float, float, float, float, float, float],
        Setting("weights of speaker similarity, word errors, loss, quality, duration and pitch in the balance", 0, 100),
    ] = (1.0, 1.0, 0.5, 0.5, 0.25, 0.25)
    min_score: Annotated[float, Setting("the balance must be above this", -1_000, 1_000)] = 0.0

    def __post_init__(self) -> None:
        checked(RULE, vars(self), "promotion")
        if self.duration_range[0] >= self.duration_range[1]:
            given = f"{self.duration_range[0]:g} and {self.duration_range[1]:g} were given"
            raise BadInput(
                f"duration_range must be the shortest and the longest; {given}.", "Put the lower number first."
            )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rule:
        """The rule of a voice, as voice.toml has it. Raises BadInput naming a key that is none, or what a value must
        be."""
        return cls(**checked(RULE, values, "promotion"))


RULE = declared(Rule)


@dataclass(frozen=True)
class Row:
    """One line of the table that says why."""

    metric: Metric
    parent: float | None
    candidate: float | None
    ceiling: float | None  #: of the recordings themselves, None if not measured
    limit: float | None  #: what the candidate had to reach; None: it only counts in the balance
    ok: bool


class Outcome(StrEnum):
    """What the scores say of a candidate."""

    BETTER = "better"
    NOT_BETTER = "not better"
    BROKEN = "broken"  #: it does not speak, or its weights give no number


@dataclass(frozen=True)
class Verdict:
    """What the scores say, and why."""

    outcome: Outcome
    findings: tuple[Finding, ...]  #: what speaks against it, or what it gained; then what it lost; never empty
    rows: tuple[Row, ...]
    score: float | None  #: the balance; None if it could not be drawn up

    @property
    def promote(self) -> bool:
        """Whether the candidate is better."""
        return self.outcome is Outcome.BETTER

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings for people."""
        return tuple(findings.sentence(one) for one in self.findings)


def better(
    candidate: Summary,
    parent: Summary,
    rule: Rule | None = None,
    *,
    first: bool = False,
    ceiling: Summary | None = None,
) -> Verdict:
    """Judge a candidate against its parent on the same held-out lines.

    `first`: the parent is the engine's base, which does not know the voice. `ceiling`: the recordings' own scores;
    shown, and for a first training the best that is asked for.
    """
    rule = rule or Rule()
    broken = _broken(candidate, parent, rule, first)
    rows = _rows(candidate, parent, rule, first, ceiling)
    said = {one.metric for one in broken}
    misses = [_miss(row) for row in rows if not row.ok and row.metric not in said]
    score = None if broken else _score(candidate, parent, rule, ceiling if first else None)
    if score is not None and not misses and score <= rule.min_score:
        misses.append(Finding(Found.NO_BALANCE, candidate=score, limit=rule.min_score))
    losses, doubts = [] if broken else _losses(rows), _doubts(ceiling)
    if broken or misses:
        dumb = not candidate.lines or Finding(Found.NOT_A_NUMBER, Metric.HELD_OUT_LOSS) in broken
        return Verdict(
            Outcome.BROKEN if dumb else Outcome.NOT_BETTER, (*broken, *misses, *losses, *doubts), rows, score
        )
    found = (*_wins(rows), *losses, Finding(Found.BALANCE, candidate=score), *doubts)
    return Verdict(Outcome.BETTER, found, rows, score)


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _broken(candidate: Summary, parent: Summary, rule: Rule, first: bool) -> list[Finding]:
    """What makes the comparison itself worthless."""
    found = []
    mine, theirs = candidate.lines + candidate.failed, parent.lines + parent.failed
    if not candidate.lines or not parent.lines:
        found.append(Finding(Found.NO_LINES))
    elif candidate.failed > rule.max_failed_share * mine:
        found.append(Finding(Found.LINES_FAILED, count=candidate.failed, of=mine))
    elif mine != theirs:
        found.append(Finding(Found.OTHER_LINES, count=candidate.lines, of=parent.lines))
    if not _known(candidate.similarity) and parent.similarity is not None:
        found.append(Finding(Found.NOT_MEASURED, Metric.SIMILARITY))
    elif not _known(parent.similarity) and not (parent.similarity is None and rule.without_similarity):
        kind = Found.NOT_MEASURABLE if candidate.similarity is None else Found.PARENT_NOT_MEASURED
        found.append(Finding(kind, Metric.SIMILARITY))
    if not (_known(candidate.wer) and _known(parent.wer)):
        no_ears = candidate.wer is None and parent.wer is None
        if not (no_ears and rule.without_wer):
            found.append(Finding(Found.NOT_MEASURABLE if no_ears else Found.NOT_MEASURED, Metric.WER))
    if candidate.wer is not None and parent.wer is not None and candidate.recogniser != parent.recogniser:
        found.append(Finding(Found.OTHER_RECOGNISER, Metric.WER, by=candidate.recogniser, parent_by=parent.recogniser))
    if candidate.held_out_loss is not None and not math.isfinite(candidate.held_out_loss):
        found.append(Finding(Found.NOT_A_NUMBER, Metric.HELD_OUT_LOSS))
    elif not first and parent.held_out_loss is not None and candidate.held_out_loss is None:
        found.append(Finding(Found.NOT_MEASURED, Metric.HELD_OUT_LOSS))
    return found


def _rows(candidate: Summary, parent: Summary, rule: Rule, first: bool, ceiling: Summary | None) -> tuple[Row, ...]:
    top = ceiling or Summary(lines=0)
    slack = (rule.strong_wer_slack if candidate.trust == "high" else rule.weak_wer_slack) / math.sqrt(
        max(candidate.lines, 1)
    )
    wer_room = slack + (rule.first_wer_loss if first else rule.wer_loss)
    similarity_step = rule.first_similarity_gain if first else -rule.similarity_loss
    return (
        _row(Metric.SIMILARITY, parent.similarity, candidate.similarity, top.similarity, similarity_step),
        _row(Metric.WER, parent.wer, candidate.wer, top.wer, wer_room, capped=first),
        _row(Metric.CER, parent.cer, candidate.cer, top.cer, None),
        _row(
            Metric.HELD_OUT_LOSS,
            parent.held_out_loss,
            candidate.held_out_loss,
            top.held_out_loss,
            None if parent.held_out_loss is None else rule.loss_rise * abs(parent.held_out_loss),
        ),
        _row(Metric.DNSMOS, parent.dnsmos, candidate.dnsmos, top.dnsmos, -rule.dnsmos_loss, capped=first),
        _duration_row(parent.duration_ratio, candidate.duration_ratio, rule),
        _row(Metric.F0_SEMITONES, parent.f0_semitones, candidate.f0_semitones, top.f0_semitones, None),
    )


def _row(
    metric: Metric,
    parent: float | None,
    candidate: float | None,
    ceiling: float | None,
    step: float | None,
    *,
    capped: bool = False,
) -> Row:
    """`step` is how far from the parent's value the limit lies; None: no limit. `capped`: from the recordings' value,
    if that is worse."""
    higher = METRICS[metric].better is Better.HIGHER
    start = _no_better_than(parent, ceiling, higher) if capped else parent
    limit = None if step is None or start is None or not math.isfinite(start) else start + step
    if candidate is None:
        ok = limit is None  # what the parent has, the candidate must have
    elif not math.isfinite(candidate) or limit is None:
        ok = math.isfinite(candidate)
    else:
        ok = candidate >= limit - 1e-9 if higher else candidate <= limit + 1e-9
    return Row(metric, parent, candidate, ceiling, limit, ok)


def _no_better_than(value: float | None, ceiling: float | None, higher: bool) -> float | None:
    if value is None or ceiling is None or not math.isfinite(ceiling):
        return value
    return min(value, ceiling) if higher else max(value, ceiling)


def _duration_row(parent: float | None, candidate: float | None, rule: Rule) -> Row:
    low, high = rule.duration_range
    ok = candidate is None or (math.isfinite(candidate) and low <= candidate <= high)
    limit = None if ok or candidate is None else (low if candidate < low else high)
    return Row(Metric.DURATION_RATIO, parent, candidate, 1.0, limit, ok)


def _score(candidate: Summary, parent: Summary, rule: Rule, ceiling: Summary | None) -> float:
    """The balance of all gains, each in steps one can hear; a metric that either side lacks counts for nothing.

    With a `ceiling`, being better than the recordings is no merit, and losing that is no loss.
    """

    def gain(new: float | None, old: float | None) -> float:
        return 0.0 if new is None or old is None or not (math.isfinite(new) and math.isfinite(old)) else new - old

    def off_pace(ratio: float | None) -> float | None:
        return None if ratio is None or ratio <= 0 else abs(math.log(ratio))

    top = ceiling or Summary(lines=0)

    def clear(summary: Summary) -> float | None:
        return _no_better_than(summary.wer, top.wer, higher=False)

    def clean(summary: Summary) -> float | None:
        return _no_better_than(summary.dnsmos, top.dnsmos, higher=True)

    loss_scale = abs(parent.held_out_loss or 0.0) or 1.0
    gains = (
        gain(candidate.similarity, parent.similarity) / rule.similarity_unit,
        -gain(clear(candidate), clear(parent)) / rule.wer_unit,
        -gain(candidate.held_out_loss, parent.held_out_loss) / loss_scale / rule.loss_unit,
        gain(clean(candidate), clean(parent)) / rule.dnsmos_unit,
        -gain(off_pace(candidate.duration_ratio), off_pace(parent.duration_ratio)) / rule.duration_unit,
        -gain(candidate.f0_semitones, parent.f0_semitones) / rule.f0_unit,
    )
    # One metric must not carry the day alone by a freak value (a loss that fell from 9 to 1): each counts for four
    # steps at most
    return sum(weight * max(-4.0, min(4.0, one)) for weight, one in zip(rule.weights, gains, strict=True))


def _miss(row: Row) -> Finding:
    if row.candidate is None or not math.isfinite(row.candidate):
        return Finding(Found.NOT_MEASURED, row.metric)
    return Finding(Found.BEYOND_LIMIT, row.metric, row.candidate, row.parent, row.limit)


def _changes(rows: tuple[Row, ...]) -> Iterator[tuple[Row, float, float]]:
    """(row, parent, candidate) of what was measured of both. Pace is left out: within its limits it is
    a matter of taste."""
    for row in rows:
        if row.metric is Metric.DURATION_RATIO or row.parent is None or row.candidate is None:
            continue
        if math.isfinite(row.parent) and math.isfinite(row.candidate):
            yield row, row.parent, row.candidate


def _losses(rows: tuple[Row, ...]) -> list[Finding]:
    """What got worse, within its limit."""
    found = []
    for row, parent, candidate in _changes(rows):
        info = METRICS[row.metric]
        seen = round(candidate, max(3, info.digits)) != round(parent, max(3, info.digits))
        if row.ok and seen and info.badness(candidate) > info.badness(parent):
            found.append(Finding(Found.LOST, row.metric, candidate, parent, row.limit))
    return found


def _doubts(ceiling: Summary | None) -> list[Finding]:
    """Whether the measure itself can be believed: a recogniser that does not follow the person follows no voice of
    theirs."""
    wer = ceiling.wer if ceiling is not None else None
    if wer is None or not math.isfinite(wer) or wer < UNCLEAR:
        return []
    return [Finding(Found.UNCLEAR_RECORDINGS, Metric.WER, recordings=wer)]


def _wins(rows: tuple[Row, ...]) -> list[Finding]:
    """What got better."""
    wins = []
    for row, parent, candidate in _changes(rows):
        badness = METRICS[row.metric].badness
        if badness(candidate) < badness(parent):
            wins.append(Finding(Found.GAINED, row.metric, candidate, parent))
    return wins
