"""Two versions side by side, from the scores that evaluations kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Evaluation
from daemon.errors import BadRequest
from daemon.state import verdict, voices
from daemon.state.values import Decision, Preference, on_wire
from engines.metrics import findings, side_by_side, subset
from engines.metrics.findings import Finding
from engines.metrics.table import METRICS, Better, Metric, MetricInfo
from proto import myna_pb2 as pb


@dataclass(frozen=True)
class _Side:
    """One version's part of an evaluation."""

    evaluation: Evaluation
    candidate: bool  #: it was the candidate there, else the one it was compared with

    @property
    def metrics(self) -> dict[str, float]:
        return voices.numbers(self.evaluation.metrics if self.candidate else self.evaluation.against_metrics)

    @property
    def lines(self) -> dict[str, dict[str, Any]]:
        """By the clip's hash."""
        return {line["clip"]: line for line in self.evaluation.report.get("lines", [])}

    def spoken(self, line: dict[str, Any]) -> str:
        return str(line["spoken" if self.candidate else "spoken_by_parent"])

    def scores(self, line: dict[str, Any]) -> dict[str, float]:
        return voices.numbers(line["scores" if self.candidate else "parent_scores"])


@dataclass(frozen=True)
class _Pair:
    """Two versions on the lines that both have spoken with the text that these have now."""

    one: _Side
    other: _Side
    clips: tuple[str, ...]  #: hashes of these lines

    @property
    def together(self) -> bool:
        return self.one.evaluation is self.other.evaluation

    @property
    def whole(self) -> bool:
        """They are all lines of both evaluations, whose own summaries hold then."""
        return len(self.one.lines) == len(self.other.lines) == len(self.clips)

    @property
    def sure(self) -> dict[str, tuple[float, float]]:
        """By metric, between what the other minus one surely lies; only where they were judged against each other."""
        if not self.together:
            return {}
        kept = self.one.evaluation.report.get("spread", {}).get("metrics", {})
        found = {name: (values["low"], values["high"]) for name, values in kept.items()}  # candidate minus parent
        return {name: (-high, -low) for name, (low, high) in found.items()} if self.one.candidate else found

    @property
    def scores(self) -> list[tuple[str, dict[str, float], dict[str, float]]]:
        """(text, one's scores, the other's) of each line."""
        mine, theirs = self.one.lines, self.other.lines
        return [
            (mine[clip]["text"], self.one.scores(mine[clip]), self.other.scores(theirs[clip])) for clip in self.clips
        ]

    @property
    def rank(self) -> tuple[int, bool, int]:
        return len(self.clips), self.together, self.one.evaluation.id + self.other.evaluation.id

    def metrics(self, language: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """(one's, the other's, the recordings'), of these lines alone."""
        if self.whole:
            return self.one.metrics, self.other.metrics, voices.numbers(self.one.evaluation.recording_metrics)
        mine, theirs = self.one.lines, self.other.lines

        def summary(scores: Callable[[str], tuple[str, dict[str, float]]]) -> dict[str, float]:
            found = subset.summarise([scores(clip) for clip in self.clips], language)
            return found if self.together else {name: value for name, value in found.items() if name in subset.OWN}

        return (
            summary(lambda clip: (mine[clip]["text"], self.one.scores(mine[clip]))),
            summary(lambda clip: (theirs[clip]["text"], self.other.scores(theirs[clip]))),
            summary(lambda clip: (mine[clip]["text"], voices.numbers(mine[clip].get("recording_scores", {})))),
        )


def versions(session: Session, voice: str, a: int, b: int, home: Path) -> pb.CompareResponse:
    """Versions a and b (0: the base) on the same held-out lines; not `ready`, with how to get there, while there are no
    such scores."""
    if a == b:
        raise BadRequest("A version cannot be compared with itself.", "Give two versions; 0 is the base.")
    for number in (a, b):
        if number:
            voices.version(session, voice, number)
    language = voices.language(voices.get(session, voice).language)
    present = _present(session, voice)
    pair = _pair(session, voice, a, b, present)
    how = f"`myna compare {voices.spelt(voice, a)} {voices.spelt(voice, b)} --score` lets them speak"
    if pair is None:
        both = f"{_name(voice, a)} and {_name(voice, b)}"
        sentence = f"{both} were not scored on the same held-out lines yet. {how} these lines."
        return pb.CompareResponse(ready=False, sentence=sentence)
    beside = {} if pair.together else {one.metric: one for one in side_by_side.compared(pair.scores, language)}
    sure = {str(one.metric): (one.differs.low, one.differs.high) for one in beside.values() if one.differs is not None}
    metrics = _metrics(*pair.metrics(language), pair.sure or sure)
    alike = {str(one.metric) for one in beside.values() if one.better is side_by_side.Better.NEITHER}
    sentence = f"{_sentence(pair, voice, a, b, metrics, alike)} {_extent(pair, present, how)}"
    response = pb.CompareResponse(ready=True, metrics=metrics, lines=_lines(pair, home), sentence=sentence)
    response.infos.extend(metric_message(info) for info in METRICS.values())
    if pair.together and pair.whole:
        response.findings.extend(_findings(pair.one.evaluation))
        response.decision = on_wire(Decision, verdict.decision(pair.one.evaluation))
    return response


def metric_message(info: MetricInfo) -> pb.MetricInfo:
    """A line of the table of metrics on the wire."""
    return pb.MetricInfo(
        name=info.name,
        title=info.title,
        unit=info.unit,
        lower_is_better=info.better is Better.LOWER,
        nearer_one_is_better=info.better is Better.NEARER_ONE,
        digits=info.digits,
        meaning=info.meaning,
    )


def _findings(evaluation: Evaluation) -> list[pb.ScoreFinding]:
    """Why, as values; none of an evaluation by a Myna that did not keep them."""
    kept = [Finding.from_json(values) for values in evaluation.report.get("findings", ())]
    return [
        pb.ScoreFinding(
            found=one.found,
            metric=one.metric or "",
            candidate=one.candidate,
            parent=one.parent,
            limit=one.limit,
            sentence=findings.sentence(one),
            low=one.low,
            high=one.high,
        )
        for one in kept
        if one is not None
    ]


def _present(session: Session, voice: str) -> dict[str, str] | None:
    """Texts of the lines that are held out now, by the clip's hash; None: there is no dataset."""
    newest = select(func.max(Dataset.id)).where(Dataset.voice == voice).scalar_subquery()
    query = select(Clip.sha256, DatasetClip.text).join(Clip, Clip.id == DatasetClip.clip)
    rows = session.execute(query.where(DatasetClip.dataset == newest, DatasetClip.held_out)).tuples().all()
    return dict(rows) or None


def _pair(session: Session, voice: str, a: int, b: int, present: dict[str, str] | None) -> _Pair | None:
    """The scores of both, heard by the same recogniser, that have most lines in common; of those in one evaluation, and
    the newest."""
    sides = [_sides(session, voice, number) for number in (a, b)]
    every = [
        _Pair(one, other, _common(one, other, present))
        for one in sides[0]
        for other in sides[1]
        if one.evaluation is other.evaluation or _same_ears(one.evaluation, other.evaluation)
    ]
    return max((pair for pair in every if pair.clips), key=lambda pair: pair.rank, default=None)


def _sides(session: Session, voice: str, number: int) -> list[_Side]:
    either = or_(Evaluation.version == number, Evaluation.against == number)
    query = select(Evaluation).where(Evaluation.voice == voice, either).order_by(Evaluation.id.desc()).limit(20)
    return [_Side(row, row.version == number) for row in session.scalars(query)]


def _same_ears(one: Evaluation, other: Evaluation) -> bool:
    return one.report.get("recogniser") == other.report.get("recogniser") is not None


def _common(one: _Side, other: _Side, present: dict[str, str] | None) -> tuple[str, ...]:
    """Lines that both have, with the same text, which is the line's text still."""
    theirs = other.lines
    same = {
        clip: line["text"]
        for clip, line in one.lines.items()
        if clip in theirs and theirs[clip]["text"] == line["text"]
    }
    return tuple(clip for clip, text in same.items() if present is None or present.get(clip) == text)


def _metrics(
    mine: dict[str, float],
    theirs: dict[str, float],
    recordings: dict[str, float],
    sure: dict[str, tuple[float, float]],
) -> list[pb.ComparedMetric]:
    found = []
    for name, info in METRICS.items():
        if name not in mine or name not in theirs:
            continue
        bad, worse = info.badness(mine[name]), info.badness(theirs[name])
        better = Preference.SAME if bad == worse else Preference.A if bad < worse else Preference.B
        low, high = sure.get(name, (None, None))
        found.append(
            pb.ComparedMetric(
                name=name,
                a=mine[name],
                b=theirs[name],
                recordings=recordings.get(name, math.nan),
                better=better if better is not Preference.SAME else "",
                lower_is_better=info.better is Better.LOWER,
                better_value=on_wire(Preference, better),
                low=low,
                high=high,
            )
        )
    return found


def _lines(pair: _Pair, home: Path) -> list[pb.ComparedLine]:
    mine, theirs = pair.one.lines, pair.other.lines

    def file(name: str) -> str:
        return str(home / name) if name else ""

    return [
        pb.ComparedLine(
            text=mine[clip]["text"],
            recording=file(mine[clip]["recording"]),
            spoken_a=file(pair.one.spoken(mine[clip])),
            spoken_b=file(pair.other.spoken(theirs[clip])),
            metrics_a=pair.one.scores(mine[clip]),
            metrics_b=pair.other.scores(theirs[clip]),
            clip=clip,
        )
        for clip in pair.clips
    ]


def _sentence(pair: _Pair, voice: str, a: int, b: int, metrics: list[pb.ComparedMetric], alike: Collection[str]) -> str:
    """Which is better in what; `alike`: metrics whose difference may be none."""
    if pair.together and pair.whole:
        return pair.one.evaluation.verdict
    sides = {Preference.A: a, Preference.B: b}
    differ = [metric for metric in metrics if metric.better]
    titles = {metric.name: METRICS[Metric(metric.name)].title for metric in differ}
    parts = []
    for side, number in sides.items():
        if wins := [titles[one.name] for one in differ if one.better == side and one.name not in alike]:
            parts.append(f"{_name(voice, number)} is better in {', '.join(wins)}")
    if unsure := [titles[metric.name] for metric in differ if metric.name in alike]:
        parts.append(f"{', '.join(unsure)} cannot be told apart")
    return ("; ".join(parts) or f"{_name(voice, a)} and {_name(voice, b)} scored the same") + "."


def _extent(pair: _Pair, present: dict[str, str] | None, how: str) -> str:
    """How many lines that rests on."""
    count, of = len(pair.clips), len(present) if present is not None else len(pair.clips)
    if count == of:
        return f"On {count} held-out line{'' if count == 1 else 's'}."
    return f"On {count} of {of} held-out lines; {how} the others too."


def _name(voice: str, number: int) -> str:
    return voices.spelt(voice, number) if number else "The base"
