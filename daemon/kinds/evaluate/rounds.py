"""Judging in rounds: few lines first, and more only while the verdict is undecided.

The first round is the held-out lines, spoken once: a clear case costs no more. Then further texts are spoken where few
lines are held out, then all of them again with other seeds, and at last, where that would likely tell, as many further
texts again as the voice's rule allows. Each round may decide, so each is judged at its share of the error that the
rule allows (Bonferroni), whether it comes about or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.kinds.evaluate import told
from daemon.worker import spoken
from daemon.worker.bench import Bench
from daemon.worker.spoken import Speaker
from engines.base import Clip
from engines.metrics import gate, intervals, one_by_one
from engines.metrics.findings import Finding, Found
from engines.metrics.further_texts import close, further
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, summarise
from engines.metrics.spread import Interval
from engines.metrics.summary import Summary


@dataclass(frozen=True)
class Round:
    """What is spoken and heard in one go."""

    clips: tuple[Clip, ...]
    take: int
    close: bool = False  #: only where the verdict is close


@dataclass(frozen=True)
class Judge:
    """What a verdict needs besides the lines' scores."""

    rule: Rule
    first: bool  #: the parent is the base
    ceiling: Summary  #: of the recordings
    loss: float | None  #: held-out, of the candidate
    parent_loss: float | None
    heard: bool | None = None  #: whether the recogniser follows the person; None: by the ceiling

    def verdict(
        self, candidate: intervals.Lines, parent: intervals.Lines, recogniser: tuple[str, str], looks: int
    ) -> gate.Verdict:
        """The verdict on these lines, which is one of so many looks at them."""

        heard = gate.understood(self.ceiling) if self.heard is None else self.heard

        def summary(lines: Sequence[LineScores]) -> Summary:
            found = summarise(lines, *recogniser)
            return found if heard else gate.without_words(found)

        def balance(mine: Summary, theirs: Summary) -> float:
            mine, theirs = replace(mine, held_out_loss=self.loss), replace(theirs, held_out_loss=self.parent_loss)
            return gate.balance(mine, theirs, self.rule, self.ceiling)

        level = 1 - (1 - self.rule.confidence) / looks
        spread = intervals.paired(candidate, parent, summary, balance, level, one_by_one.COUNTED)
        mine, theirs = (summary([take for line in side for take in line]) for side in (candidate, parent))
        return gate.better(
            replace(mine, held_out_loss=self.loss),
            replace(theirs, held_out_loss=self.parent_loss),
            self.rule,
            spread=spread,
            first=self.first,
            ceiling=self.ceiling,
            heard=heard,
        )


@dataclass
class Judged:
    """The rounds that were needed, and what they came to."""

    verdict: gate.Verdict
    rounds: list[tuple[Round, Scores, Scores]] = field(default_factory=list)  #: candidate's scores, then the parent's

    def held_out(self) -> tuple[Scores, Scores]:
        """Of the first round: the same lines for every version of the voice, so what people compare."""
        _, mine, theirs = self.rounds[0]
        return mine, theirs

    def further(self, home: Path, candidate: Speaker, rival: Speaker) -> list[dict[str, Any]]:
        """What else the verdict rests on, for people who listen (read by daemon/state/spoken_lines.py) and for
        comparisons across voices (daemon/state/across.py): its name, its text, the files, relative to home (empty: it
        was not spoken), and the scores."""
        return [
            {
                "name": candidate.wav(clip, each.take).stem,
                "text": clip.text,
                "spoken": told.file(home, candidate, clip, each.take),
                "spoken_by_parent": told.file(home, rival, clip, each.take),
                "scores": told.numbers(mine.lines[index]),
                "parent_scores": told.numbers(theirs.lines[index]),
            }
            for each, mine, theirs in self.rounds[1:]
            for index, clip in enumerate(each.clips)
        ]

    def cost(self) -> dict[str, Any]:
        """What was spoken for it."""
        lines = [line for _, *sides in self.rounds for side in sides for line in side.lines]
        return {
            "rounds": len(self.rounds),
            "lines_spoken": len(lines),
            "seconds_spoken": round(sum(line.seconds for line in lines), 2),
        }


@dataclass(frozen=True)
class BesideBase:
    """The candidate beside the base, which only imitates the recordings."""

    scores: Scores  #: of the base, on the held-out lines
    score: float | None  #: the balance, above 0 where the candidate is better; None: it could not be drawn up
    sure: Interval | None  #: where that surely lies; None: too few lines

    def to_json(self) -> dict[str, float | None]:
        """For the report."""
        low, high = (self.sure.low, self.sure.high) if self.sure is not None else (None, None)
        return {"score": self.score, "low": low, "high": high}


def beside_base(bench: Bench, judge: Judge, judged: Judged, base: Speaker) -> tuple[Judged, BesideBase]:
    """Hold the candidate against the base, too, on the held-out lines, which the base has spoken: if it surely sounds
    better without any training, the verdict says so."""
    mine, _ = judged.held_out()
    scores = bench.score(base, bench.held_out)
    sides = [[[line] for line in side.lines] for side in (mine, scores)]
    found = replace(judge, first=True, loss=None, parent_loss=None).verdict(sides[0], sides[1], bench.recogniser, 1)
    sure = found.spread.balance
    beside = BesideBase(scores, found.score, sure)
    if sure is None or sure.high >= 0 or found.score is None:
        return judged, beside
    behind = Finding(Found.BEHIND_BASE, candidate=found.score, low=sure.low, high=sure.high, count=found.spread.lines)
    verdict = replace(judged.verdict, findings=(*judged.verdict.findings, behind))
    return replace(judged, verdict=verdict), beside


def plan(held_out: Sequence[Clip], language: str, rule: Rule, *, hears: bool) -> list[Round]:
    """All rounds that there may be. `hears`: there is a recogniser; without one a person decides, unless the voice's
    rule does without words."""
    if not (hears or rule.without_wer):
        return [Round(tuple(held_out), 0)]
    texts = {clip.text for clip in held_out}
    missing = max(0, rule.min_lines - len(held_out))
    unsaid = tuple(spoken.unrecorded(text, language) for text in further(language) if text not in texts)
    more, rest = unsaid[:missing], unsaid[missing:]
    every = (*held_out, *more)
    rest += tuple(spoken.unrecorded(text, language) for text in close(language) if text not in texts)
    last = rest[: max(0, rule.max_lines - len(every))] if rule.min_lines else ()
    return [
        Round(tuple(held_out), 0),
        *([Round(more, 0)] if more else []),
        *(Round(every, take) for take in range(1, rule.takes)),
        *([Round(last, 0, close=True)] if last else []),
    ]


def speak_ahead(bench: Bench, planned: Sequence[Round], candidate: Speaker, rival: Speaker) -> None:
    """Where the GPU speaks and the CPU listens, have all rounds spoken, and leave the GPU to the next job: what turns
    out not to be needed cost it seconds, and waiting for the recogniser would cost minutes."""
    if not bench.hears_without_gpu:
        return
    for each in planned[1:]:
        bench.steps.more(2 * len(each.clips))
        _speak(bench, each, candidate, rival)
    bench.leave_the_gpu()


def until_decided(bench: Bench, planned: Sequence[Round], judge: Judge, candidate: Speaker, rival: Speaker) -> Judged:
    """Speak and hear round after round until the verdict stands. The first round is spoken already."""
    takes: tuple[dict[str, list[LineScores]], dict[str, list[LineScores]]] = ({}, {})
    done: list[tuple[Round, Scores, Scores]] = []
    same = False  #: another seed says the same
    verdict: gate.Verdict | None = None
    for number, each in enumerate(planned):
        if (same and each.take) or (each.close and not _near(verdict, judge.rule)):
            continue
        if number:
            bench.steps.more((2 if bench.hears_without_gpu else 4) * len(each.clips))
            if not bench.hears_without_gpu:
                _speak(bench, each, candidate, rival)
            if each.take and not (
                spoken.draws(candidate, each.clips, each.take) or spoken.draws(rival, each.clips, each.take)
            ):
                same = True  # hearing it again tells nothing
                continue
        scored = [bench.score(who, each.clips, each.take) for who in (candidate, rival)]
        for side, scores in zip(takes, scored, strict=True):
            for clip, line in zip(each.clips, scores.lines, strict=True):
                side.setdefault(clip.sha256, []).append(line)
        done.append((each, scored[0], scored[1]))
        lines = [[side[clip] for clip in takes[0]] for side in takes]
        verdict = judge.verdict(lines[0], lines[1], bench.recogniser, len(planned))
        if not verdict.more_would_tell:
            break
    assert verdict is not None, "no round was planned"
    return Judged(verdict, done)


def _near(verdict: gate.Verdict | None, rule: Rule) -> bool:
    """Whether as many lines as there may be would likely decide, by the balance or by its measures."""
    if verdict is None or verdict.score is None or verdict.spread.lines >= rule.max_lines:
        return False
    then = verdict.spread.of(rule.max_lines)
    if then.balance is None:
        return False
    if not then.balance.low <= rule.min_score <= then.balance.high:
        return True
    return verdict.score > rule.min_score and one_by_one.better(verdict.rows, then)


def _speak(bench: Bench, each: Round, candidate: Speaker, rival: Speaker) -> None:
    for who in (candidate, rival):
        with bench.loaded(who) as model:
            bench.speak(who, model, each.clips, each.take)
