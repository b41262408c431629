"""Better, worse, or undecided: the rule that decides whether a candidate takes its parent's place.

A first training must sound more like the person than the base does, without becoming hard to understand; an increment
must keep what there was and win on balance. What was not measured, or came out as no number, never promotes, unless the
voice's own rule says to decide without it.

The balance is of what listeners agree with: likeness to the person, words, pace and pitch. It counts only if it is
sure (`intervals`), or if the measures, each by itself, say so (`one_by_one`): else the verdict is undecided, and the
parent stays. A loss does not tell how a voice sounds, and a
model of quality little: both are shown, and a loss that rose is said, but by default neither weighs.

A voice is never asked to be better than the person: being clearer than the recordings is no merit in the balance, and
losing that is no loss. A parent may come from a quieter room than the recordings, so the limit of quality is held
against the worse of its and the recordings' own; and so is a first training's limit of clarity, but an increment's
against its parent's, which could do it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engines.metrics import findings, one_by_one
from engines.metrics.findings import Finding, Found
from engines.metrics.rows import Row, no_better_than
from engines.metrics.rows import rows as rows_of
from engines.metrics.rule import Rule
from engines.metrics.spread import Spread, needed
from engines.metrics.summary import Summary
from engines.metrics.table import METRICS, Metric

#: Word error rate of the recordings themselves from which it says little of a voice, and from which it says nothing:
#: the recogniser does not understand the person.
UNCLEAR, NOT_UNDERSTOOD = 0.5, 0.75


class Outcome(StrEnum):
    """What the scores say of a candidate."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"  #: more lines or a listener would tell
    BROKEN = "broken"  #: it does not speak, or its weights give no number


@dataclass(frozen=True)
class Verdict:
    """What the scores say, and why."""

    outcome: Outcome
    findings: tuple[Finding, ...]  #: what speaks against it, or what it gained; then what it lost; never empty
    rows: tuple[Row, ...]
    score: float | None  #: the balance; None if it could not be drawn up
    spread: Spread  #: how sure it is

    @property
    def promote(self) -> bool:
        """Whether the candidate is better."""
        return self.outcome is Outcome.BETTER

    @property
    def more_would_tell(self) -> bool:
        """Whether further lines could decide what is undecided now."""
        return self.outcome is Outcome.UNDECIDED and any(one.found in _UNSURE for one in self.findings)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings for people."""
        return tuple(findings.sentence(one) for one in self.findings)


#: Findings that more lines may turn.
_UNSURE = {Found.UNSURE, Found.BEYOND_LIMIT_UNSURE}
#: Findings that stand whatever is said on further lines; a limit, unless the balance is surely better.
_SURELY_WORSE = {Found.LINES_FAILED, Found.BEYOND_LIMIT, Found.WORSE}


def better(
    candidate: Summary,
    parent: Summary,
    rule: Rule | None = None,
    *,
    spread: Spread,
    first: bool = False,
    ceiling: Summary | None = None,
    heard: bool | None = None,
) -> Verdict:
    """Judge a candidate against its parent on the same lines.

    `spread`: how sure their differences are. `first`: the parent is the engine's base, which does not know the voice.
    `ceiling`: the recordings' own scores; shown, and no better is asked for. `heard`: whether the recogniser follows
    the person, where that was asked of more recordings than those; None: by the ceiling.
    """
    rule = rule or Rule()
    heard = understood(ceiling) if heard is None else heard
    if not heard:
        candidate, parent = without_words(candidate), without_words(parent)
    broken = _broken(candidate, parent, rule, first, heard=heard)
    rows = rows_of(candidate, parent, rule, first, ceiling, spread.lines)
    said = {one.metric for one in broken}
    misses = [_miss(row, spread) for row in rows if not row.ok and row.metric not in said]
    if not heard and not rule.without_wer:
        assert ceiling is not None
        misses.append(Finding(Found.NOT_UNDERSTOOD, Metric.WER, recordings=ceiling.wer))
    score = None if broken else balance(candidate, parent, rule, ceiling)
    if score is not None and not any(one.found is Found.BEYOND_LIMIT for one in misses):
        misses += _doubtful(score, spread, rule)
    by_measures = False
    if [one.found for one in misses] == [Found.UNSURE] and score is not None and score > rule.min_score:
        by_measures = one_by_one.better(rows, spread)
        misses = [] if by_measures else misses
    losses = [] if broken else _losses(rows, spread)
    doubts = [*_alarms(candidate, parent, rule), *_doubts(ceiling, heard=heard, told=not rule.without_wer)]
    if broken or misses:
        against, gained = (*broken, *misses), score is not None and _surely_gained(spread, rule)
        if gained and any(one.found is Found.BEYOND_LIMIT for one in misses):
            losses = [_balance_finding(Found.BALANCE, score, spread, rule), *losses]
        outcome = _outcome(candidate, against, gained=gained)
        return Verdict(outcome, (*against, *losses, *doubts), rows, score, spread)
    way = [Finding(Found.ONE_BY_ONE)] if by_measures else []
    found = (*_wins(rows, spread), *losses, *way, _balance_finding(Found.BALANCE, score, spread, rule), *doubts)
    return Verdict(Outcome.BETTER, found, rows, score, spread)


def understood(ceiling: Summary | None) -> bool:
    """Whether the recogniser understands the person at all, by the recordings' own word errors: where it does not, no
    word error tells one voice from another."""
    wer = ceiling.wer if ceiling is not None else None
    return wer is None or not math.isfinite(wer) or wer < NOT_UNDERSTOOD


def without_words(summary: Summary) -> Summary:
    """The same, as if nobody had listened for words."""
    return replace(summary, wer=None, cer=None)


def _surely_gained(spread: Spread, rule: Rule) -> bool:
    """Whether all that the balance's interval leaves open is better."""
    return spread.balance is not None and spread.balance.low > rule.min_score


def _outcome(candidate: Summary, against: Sequence[Finding], *, gained: bool) -> Outcome:
    """What it comes to when something speaks against the candidate. `gained`: it is surely better on balance; then a
    limit that is surely broken holds it back, and a person decides, but worse it is not."""
    if not candidate.lines or Finding(Found.NOT_A_NUMBER, Metric.HELD_OUT_LOSS) in against:
        return Outcome.BROKEN
    worse = _SURELY_WORSE - {Found.BEYOND_LIMIT} if gained else _SURELY_WORSE
    return Outcome.WORSE if any(one.found in worse for one in against) else Outcome.UNDECIDED


def _doubtful(score: float, spread: Spread, rule: Rule) -> list[Finding]:
    """What speaks against a candidate whose balance is `score`."""
    sure = spread.balance
    if sure is not None and sure.low == sure.high == 0.0:
        return [Finding(Found.SAME)]
    if sure is None:
        return [_balance_finding(Found.UNSURE, score, spread, rule)]
    if sure.high < rule.min_score:
        return [_balance_finding(Found.WORSE, score, spread, rule)]
    if sure.low <= rule.min_score:
        return [_balance_finding(Found.UNSURE, score, spread, rule)]
    return []


def _balance_finding(found: Found, score: float | None, spread: Spread, rule: Rule) -> Finding:
    sure = spread.balance
    more = needed(spread, score, rule.min_score) if score is not None else 0
    return Finding(
        found,
        candidate=score,
        limit=rule.min_score,
        low=sure.low if sure is not None else None,
        high=sure.high if sure is not None else None,
        count=spread.lines,
        of=more if found is Found.UNSURE else 0,
    )


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _broken(candidate: Summary, parent: Summary, rule: Rule, first: bool, *, heard: bool) -> list[Finding]:
    """What makes the comparison itself worthless. `heard`: words take part in it."""
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
    if heard and not (_known(candidate.wer) and _known(parent.wer)):
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


def balance(candidate: Summary, parent: Summary, rule: Rule, ceiling: Summary | None = None) -> float:
    """All gains in steps one can hear, weighed; above 0: the candidate is better. A metric that either side lacks
    counts for nothing.

    With a `ceiling`, being better than the recordings is no merit, and losing that is no loss.
    """

    def gain(new: float | None, old: float | None) -> float:
        return 0.0 if new is None or old is None or not (math.isfinite(new) and math.isfinite(old)) else new - old

    def off_pace(ratio: float | None) -> float | None:
        return None if ratio is None or ratio <= 0 else abs(math.log(ratio))

    top = ceiling or Summary(lines=0)

    def clear(summary: Summary) -> float | None:
        return no_better_than(summary.wer, top.wer, higher=False)

    def clean(summary: Summary) -> float | None:
        return no_better_than(summary.dnsmos, top.dnsmos, higher=True)

    wer_unit = rule.wer_unit if candidate.trust == "high" else rule.weak_wer_unit
    loss_scale = abs(parent.held_out_loss or 0.0) or 1.0
    gains = (
        gain(candidate.similarity, parent.similarity) / rule.similarity_unit,
        -gain(clear(candidate), clear(parent)) / wer_unit,
        -gain(candidate.held_out_loss, parent.held_out_loss) / loss_scale / rule.loss_unit,
        gain(clean(candidate), clean(parent)) / rule.dnsmos_unit,
        -gain(off_pace(candidate.duration_ratio), off_pace(parent.duration_ratio)) / rule.duration_unit
        - gain(candidate.pause_share, parent.pause_share) / rule.pause_unit,
        -gain(candidate.f0_semitones, parent.f0_semitones) / rule.f0_unit
        - gain(candidate.f0_spread, parent.f0_spread) / rule.f0_spread_unit,
    )
    # One metric must not carry the day alone by a freak value (a loss that fell from 9 to 1): each counts for four
    # steps at most
    return sum(weight * max(-4.0, min(4.0, one)) for weight, one in zip(rule.weights, gains, strict=True))


def _miss(row: Row, spread: Spread) -> Finding:
    if row.candidate is None or not math.isfinite(row.candidate):
        return Finding(Found.NOT_MEASURED, row.metric)
    kind = Found.BEYOND_LIMIT if _surely_beyond(row, spread) else Found.BEYOND_LIMIT_UNSURE
    return Finding(kind, row.metric, row.candidate, row.parent, row.limit, count=spread.lines)


def _surely_beyond(row: Row, spread: Spread) -> bool:
    """Whether all that the interval leaves open lies beyond the limit."""
    sure = spread.metrics.get(row.metric)
    if sure is None or row.parent is None or row.candidate is None or row.limit is None:
        return False
    nearest = sure.high if row.candidate < row.limit else sure.low
    return (row.parent + nearest < row.limit) == (row.candidate < row.limit)


def _changes(rows: tuple[Row, ...], spread: Spread) -> Iterator[tuple[Row, float, float]]:
    """(row, parent, candidate) of what was measured of both and surely differs: what lies within its interval got
    neither better nor worse. Pace is left out: within its limits it is a matter of taste; and so is the loss, which
    does not tell how a voice sounds."""
    for row in rows:
        if row.metric in (Metric.DURATION_RATIO, Metric.HELD_OUT_LOSS) or row.parent is None or row.candidate is None:
            continue
        sure = spread.metrics.get(row.metric)
        if sure is None or sure.low <= 0 <= sure.high:
            continue
        if math.isfinite(row.parent) and math.isfinite(row.candidate):
            yield row, row.parent, row.candidate


def _losses(rows: tuple[Row, ...], spread: Spread) -> list[Finding]:
    """What surely got worse, within its limit."""
    found = []
    for row, parent, candidate in _changes(rows, spread):
        info = METRICS[row.metric]
        seen = round(candidate, max(3, info.digits)) != round(parent, max(3, info.digits))
        if row.ok and seen and info.badness(candidate) > info.badness(parent):
            found.append(Finding(Found.LOST, row.metric, candidate, parent, row.limit))
    return found


def _alarms(candidate: Summary, parent: Summary, rule: Rule) -> list[Finding]:
    """What a person should know though it decides nothing: a loss that rose may mean clips learned by heart."""
    mine, theirs = candidate.held_out_loss, parent.held_out_loss
    if mine is None or theirs is None or not (math.isfinite(mine) and math.isfinite(theirs)):
        return []
    if mine <= theirs + rule.loss_rise * abs(theirs):
        return []
    return [Finding(Found.LOSS_ROSE, Metric.HELD_OUT_LOSS, mine, theirs)]


def _doubts(ceiling: Summary | None, *, heard: bool, told: bool) -> list[Finding]:
    """Whether the measure itself can be believed: a recogniser that does not follow the person follows no voice of
    theirs. `heard`: it follows them; `told`: that it does not is said elsewhere."""
    wer = ceiling.wer if ceiling is not None else None
    if not heard:
        return [] if told else [Finding(Found.NOT_UNDERSTOOD, Metric.WER, recordings=wer)]
    if wer is None or not math.isfinite(wer) or wer < UNCLEAR:
        return []
    return [Finding(Found.UNCLEAR_RECORDINGS, Metric.WER, recordings=wer)]


def _wins(rows: tuple[Row, ...], spread: Spread) -> list[Finding]:
    """What surely got better."""
    wins = []
    for row, parent, candidate in _changes(rows, spread):
        badness = METRICS[row.metric].badness
        if badness(candidate) < badness(parent):
            wins.append(Finding(Found.GAINED, row.metric, candidate, parent))
    return wins
