"""What a comparison across voices or engines found, for people."""

from __future__ import annotations

from collections.abc import Sequence

from engines.metrics.side_by_side import Beside, Better
from engines.metrics.table import METRICS, Metric
from engines.metrics.table import Better as Way

ENOUGH = 12  #: lines from which nobody is told how to have more spoken

#: What a side is that is better in a metric; the others are of how near it is to the recordings. Letters say what words
#: say, so they are left to the table.
_WORDS = {Metric.WER: "clearer", Metric.DNSMOS: "cleaner"}
_TOLD = tuple(metric for metric in METRICS if metric is not Metric.CER)


def nothing(one: str, other: str) -> str:
    """They have no lines to be compared by."""
    return f"{one} and {other} have spoken no line in common yet. {_how(one, other)} the same texts, and compares them."


def sentence(one: str, other: str, found: Sequence[Beside], lines: int, *, one_person: bool) -> str:
    """What each is better in, surely; what cannot be told; and on what that rests. `one_person`: they are of one
    voice."""
    told = [beside for beside in found if beside.metric in _TOLD]
    wins = [
        _wins(winner, loser, [beside for beside in told if beside.better is side], side, one_person)
        for winner, loser, side in ((one, other, Better.ONE), (other, one, Better.OTHER))
    ]
    parts = [words for words in wins if words]
    if alike := [METRICS[beside.metric].title for beside in told if beside.better is Better.NEITHER]:
        parts.append(f"{_listed(alike)} cannot be told apart" if parts else _all_alike(one, other, alike))
    if not parts:
        parts.append(f"{one} and {other} cannot be told apart by so few lines")
    own = "" if one_person else " Likeness, pitch and pace are each one's to its own recordings."
    count = f"{lines} line{'' if lines == 1 else 's'}"
    more = f"; {_how(one, other)} more" if lines < ENOUGH else ""
    return f"{'; '.join(parts)}.{own} On {count} that both have spoken{more}."


def _how(one: str, other: str) -> str:
    return f"`myna compare {one} {other} --score` lets them speak"


def _all_alike(one: str, other: str, titles: Sequence[str]) -> str:
    return f"{one} and {other} cannot be told apart in {_listed(titles)}"


def _wins(winner: str, loser: str, found: Sequence[Beside], side: Better, one_person: bool) -> str:
    """ "anna@3 is clearer than bob@1: WER 0.120 lower, surely"; empty: it is better in nothing."""
    faithful = f"more faithful to {'the' if one_person else 'its own'} recordings"
    words = dict.fromkeys(_WORDS.get(beside.metric, faithful) for beside in found)
    figures = ", ".join(_figure(beside, side) for beside in found)
    return f"{winner} is {_listed([*words])} than {loser}: {figures}, surely" if found else ""


def _figure(beside: Beside, side: Better) -> str:
    info = METRICS[beside.metric]
    mine, theirs = (beside.one, beside.other) if side is Better.ONE else (beside.other, beside.one)
    if info.better is Way.NEARER_ONE:
        return f"{info.title} {mine:.{info.digits}f} against {theirs:.{info.digits}f}"
    unit = f" {info.unit}" if info.unit else ""
    return f"{info.title} {abs(mine - theirs):.{info.digits}f}{unit} {'lower' if mine < theirs else 'higher'}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
