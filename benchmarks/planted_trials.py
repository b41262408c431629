"""What came of each planted trial, kept line by line, and the table of all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median

from benchmarks import bars
from engines.metrics.gate import Outcome


class Aim(StrEnum):
    """What the right answer is."""

    REGRESSION = "regression"  #: not better, and the reason names what was planted
    IMPROVEMENT = "improvement"  #: better
    EQUAL = "equal"  #: neither better nor worse
    CHOICE = "choice"  #: the checkpoint chosen by speaking, against the best by loss: not worse


#: Trials below which a bar does not hold, whatever they say.
REGRESSIONS, IMPROVEMENTS, PAIRS = 100, 30, 50
#: A training that ended without a version, so that there was nothing to judge.
NO_VERSION = "no version"
#: A choice by speaking that is the best by loss, too.
THE_SAME = "the same checkpoint"


@dataclass(frozen=True)
class Trial:
    """One trial."""

    voice: str
    aim: Aim
    name: str  #: what was planted
    outcome: str  #: an Outcome, or NO_VERSION, or THE_SAME
    named: bool | None  #: whether the reason names what was planted; None: nothing was planted, or nothing judged
    seconds: float = 0.0  #: spoken for the verdict
    rounds: int = 0
    score: float | None = None
    said: str = ""  #: the verdict's sentences

    def line(self) -> str:
        """For keeping; the inverse is `read`."""
        return json.dumps(asdict(self), ensure_ascii=False)


def read(path: Path) -> list[Trial]:
    """Trials that were kept, one a line."""
    return [_trial(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _trial(values: dict[str, object]) -> Trial:
    return Trial(**{**values, "aim": Aim(str(values["aim"]))})  # type: ignore[arg-type]


def tell(trials: Sequence[Trial]) -> None:
    """The bars, and what fell short of them."""
    for aim, say in (
        (Aim.REGRESSION, _regressions),
        (Aim.IMPROVEMENT, _improvements),
        (Aim.EQUAL, _equal),
        (Aim.CHOICE, _choices),
    ):
        of = [one for one in trials if one.aim is aim]
        if of:
            say(of)
    _spent([one for one in trials if one.aim is not Aim.CHOICE and one.rounds])


def _spent(trials: Sequence[Trial]) -> None:
    """What all verdicts cost, beside one round of each: what a voice's verdicts of one round spoke, in the median."""
    once = {
        voice: median(one.seconds for one in trials if (one.voice, one.rounds) == (voice, 1))
        for voice in {one.voice for one in trials if one.rounds == 1}
    }
    judged = [one for one in trials if one.voice in once]
    decided = [one for one in judged if one.outcome != Outcome.UNDECIDED]
    for what, some in (("all verdicts", judged), ("those that decide", decided)):
        if some:
            spoken, first = sum(one.seconds for one in some), sum(once[one.voice] for one in some)
            print(f"# {what}: {spoken:.0f} s spoken; one round of each is {first:.0f} s: x {spoken / first:.1f}")


def _counted(trials: Sequence[Trial]) -> str:
    """How often each thing, for details."""
    return ", ".join(f"{name} ({count})" for name, count in sorted(Counter(one.name for one in trials).items()))


def _regressions(trials: Sequence[Trial]) -> None:
    promoted = [one for one in trials if one.outcome == Outcome.BETTER]
    enough = len(trials) >= REGRESSIONS
    bar = f"0 of ≥ {REGRESSIONS}"
    bars.tell("planted regressions promoted", f"{len(promoted)} of {len(trials)}", bar, enough and not promoted)
    judged = [one for one in trials if one.named is not None]
    silent = [one for one in judged if not one.named]
    share = 1 - len(silent) / max(1, len(judged))
    bars.tell(
        "the reason names the fault",
        f"{len(judged) - len(silent)} of {len(judged)}: {share:.0%}",
        "≥ 90 %",
        share >= 0.9,
    )
    clear = [one for one in judged if one.outcome in (Outcome.WORSE, Outcome.BROKEN)]
    if clear:
        once = sum(one.rounds == 1 for one in clear)
        spent, one_round = (
            median(one.seconds for one in some) for some in (clear, [o for o in clear if o.rounds == 1])
        )
        said = f"{spent:.0f} s in the median; {once} of {len(clear)} in one round"
        bars.tell(
            "spoken for a regression that is decided", said, f"≤ {one_round:.0f} s, one round", spent <= one_round
        )
    kinds, voices = len({one.name for one in trials}), len({one.voice for one in trials})
    print(f"# regressions: {kinds} kinds on {voices} voices; {sum(one.seconds for one in trials):.0f} s spoken in all")
    for what, some in (
        ("promoted", promoted),
        ("not named", silent),
        ("undecided", [one for one in trials if one.outcome == Outcome.UNDECIDED]),
        ("ended without a version", [one for one in trials if one.outcome == NO_VERSION]),
    ):
        if some:
            print(f"# regressions {what}: {_counted(some)}")


def _improvements(trials: Sequence[Trial]) -> None:
    better = [one for one in trials if one.outcome == Outcome.BETTER]
    worse = [one for one in trials if one.outcome in (Outcome.WORSE, Outcome.BROKEN)]
    unsure = [one for one in trials if one.outcome == Outcome.UNDECIDED]
    share = len(better) / len(trials)
    said = f"{len(better)} of {len(trials)}: {share:.0%}; {len(worse)} worse"
    holds = len(trials) >= IMPROVEMENTS and share >= 0.9 and not worse
    bars.tell("planted improvements called better", said, f"≥ 90 % of ≥ {IMPROVEMENTS}, none worse", holds)
    print(f"# improvements: {sum(one.seconds for one in trials):.0f} s spoken in all")
    for what, some in (("undecided", unsure), ("called worse", worse)):
        if some:
            print(f"# improvements {what}: {_counted(some)}")


def _equal(trials: Sequence[Trial]) -> None:
    apart = [one for one in trials if one.outcome != Outcome.UNDECIDED]
    said = f"{len(apart)} of {len(trials)}: {len(apart) / len(trials):.0%}"
    holds = len(trials) >= PAIRS and len(apart) <= 0.05 * len(trials)
    bars.tell("equal pairs told apart", said, f"≤ 5 % of ≥ {PAIRS}", holds)
    spent = sorted(one.seconds for one in trials)
    print(f"# an equal pair: {spent[len(spent) // 2]:.0f} s are spoken in the median, at most {spent[-1]:.0f} s")


def _choices(trials: Sequence[Trial]) -> None:
    worse = [one for one in trials if one.outcome in (Outcome.WORSE, Outcome.BROKEN)]
    ahead = [one for one in trials if (one.score or 0.0) >= 0.0 or one.outcome == THE_SAME]
    other = [one for one in trials if one.outcome != THE_SAME]
    said = f"{len(ahead)} of {len(trials)}; {len(other)} chose another one, {len(worse)} of them worse"
    bars.tell("checkpoint by speaking at least as good as by loss", said, "every run", len(ahead) == len(trials))
    for one in other:
        print(f"# {one.voice}, {one.name}: by speaking against by loss: {one.outcome}, score {one.score or 0.0:+.2f}")
