"""The table that says why: what of each measure the candidate had to reach, and whether it did."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engines.metrics.rule import Rule
from engines.metrics.summary import Summary
from engines.metrics.table import METRICS, Better, Metric


@dataclass(frozen=True)
class Row:
    """One line of the table that says why."""

    metric: Metric
    parent: float | None
    candidate: float | None
    ceiling: float | None  #: of the recordings themselves, None if not measured
    limit: float | None  #: what the candidate had to reach; None: it only counts in the balance
    ok: bool


def rows(
    candidate: Summary, parent: Summary, rule: Rule, first: bool, ceiling: Summary | None, lines: int
) -> tuple[Row, ...]:
    """One for each measure, in the order they are shown. `ceiling`: the recordings' own scores; `lines`: how many were
    heard."""
    top = ceiling or Summary(lines=0)
    slack = (rule.strong_wer_slack if candidate.trust == "high" else rule.weak_wer_slack) / math.sqrt(max(lines, 1))
    wer_room = slack + (rule.first_wer_loss if first else rule.wer_loss)
    similarity_step = rule.first_similarity_gain if first else -rule.similarity_loss
    return (
        _row(Metric.SIMILARITY, parent.similarity, candidate.similarity, top.similarity, similarity_step),
        _row(Metric.WER, parent.wer, candidate.wer, top.wer, wer_room, capped=first),
        _row(Metric.CER, parent.cer, candidate.cer, top.cer, None),
        _row(Metric.HELD_OUT_LOSS, parent.held_out_loss, candidate.held_out_loss, top.held_out_loss, None),
        _row(Metric.DNSMOS, parent.dnsmos, candidate.dnsmos, top.dnsmos, -rule.dnsmos_loss, capped=True),
        _duration_row(parent.duration_ratio, candidate.duration_ratio, rule),
        _row(Metric.PAUSE_SHARE, parent.pause_share, candidate.pause_share, top.pause_share, None),
        _row(Metric.F0_SEMITONES, parent.f0_semitones, candidate.f0_semitones, top.f0_semitones, None),
        _row(Metric.F0_SPREAD, parent.f0_spread, candidate.f0_spread, top.f0_spread, None),
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
    start = no_better_than(parent, ceiling, higher) if capped else parent
    limit = None if step is None or start is None or not math.isfinite(start) else start + step
    if candidate is None:
        ok = limit is None  # what the parent has, the candidate must have
    elif not math.isfinite(candidate) or limit is None:
        ok = math.isfinite(candidate)
    else:
        ok = candidate >= limit - 1e-9 if higher else candidate <= limit + 1e-9
    return Row(metric, parent, candidate, ceiling, limit, ok)


def no_better_than(value: float | None, ceiling: float | None, higher: bool) -> float | None:
    """The value, or the recordings' own if that is worse."""
    if value is None or ceiling is None or not math.isfinite(ceiling):
        return value
    return min(value, ceiling) if higher else max(value, ceiling)


def _duration_row(parent: float | None, candidate: float | None, rule: Rule) -> Row:
    low, high = rule.duration_range
    ok = candidate is None or (math.isfinite(candidate) and low <= candidate <= high)
    limit = None if ok or candidate is None else (low if candidate < low else high)
    return Row(Metric.DURATION_RATIO, parent, candidate, 1.0, limit, ok)
