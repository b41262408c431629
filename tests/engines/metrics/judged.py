"""Versions on 20 lines, and the verdict on them where how sure it is is given."""

from __future__ import annotations

from dataclasses import replace

from engines.metrics import gate
from engines.metrics.gate import Verdict
from engines.metrics.rule import Rule
from engines.metrics.spread import Interval, Spread
from engines.metrics.summary import Summary
from engines.metrics.table import Metric

#: A middling version on 20 lines, heard by a strong recogniser.
PARENT = Summary(
    lines=20,
    held_out_loss=2.0,
    wer=0.20,
    cer=0.10,
    similarity=0.80,
    dnsmos=3.0,
    duration_ratio=1.0,
    f0_semitones=0.5,
    recogniser="whisper",
    trust="high",
)
#: What an engine's base says in a voice it does not know.
BASE = replace(PARENT, similarity=0.50, held_out_loss=3.0, f0_semitones=5.0)


def better(
    candidate: Summary,
    parent: Summary,
    rule: Rule | None = None,
    *,
    first: bool = False,
    ceiling: Summary | None = None,
    reach: float = 0.0,
    heard: bool | None = None,
) -> Verdict:
    """Judged where the balance is sure up to `reach` on either side, and each limit is surely held or broken."""
    understood = gate.understood(ceiling) if heard is None else heard
    sides = (candidate, parent) if understood else map(gate.without_words, (candidate, parent))
    score = gate.balance(*sides, rule or Rule(), ceiling)
    sure = {
        metric: Interval(a - b, a - b)
        for metric in Metric
        if (a := getattr(candidate, metric)) is not None and (b := getattr(parent, metric)) is not None
    }
    spread = Spread(candidate.lines, 1, Interval(score - reach, score + reach), sure)
    return gate.better(candidate, parent, rule, spread=spread, first=first, ceiling=ceiling, heard=heard)
