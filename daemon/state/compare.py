"""Two versions side by side, from the scores that evaluations kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from daemon.database.models import Evaluation
from daemon.errors import BadRequest
from daemon.state import verdict, voices
from daemon.state.values import Decision, Preference, on_wire
from engines.metrics import findings
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


def versions(session: Session, voice: str, a: int, b: int, home: Path) -> pb.CompareResponse:
    """Versions a and b (0: the base) on the same held-out lines; not `ready`, with how to get there, while there are no such scores."""
    if a == b:
        raise BadRequest("A version cannot be compared with itself.", "Give two versions; 0 is the base.")
    for number in (a, b):
        if number:
            voices.version(session, voice, number)
    voices.get(session, voice)
    pair = _pair(session, voice, a, b)
    if pair is None:
        how = f"`myna compare {voices.spelt(voice, a)} {voices.spelt(voice, b)} --score` lets them speak these lines."
        return pb.CompareResponse(ready=False, sentence=f"{_name(a)} and {_name(b)} were not scored on the same held-out lines yet. {how}")
    one, other = pair
    metrics = _metrics(one, other)
    told = pb.CompareResponse(ready=True, metrics=metrics, lines=_lines(one, other, home), sentence=_sentence(one, other, a, b, metrics))
    told.infos.extend(metric_message(info) for info in METRICS.values())
    if one.evaluation is other.evaluation:
        told.findings.extend(_findings(one.evaluation))
        told.decision = on_wire(Decision, verdict.decision(one.evaluation))
    return told


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
        )
        for one in kept
        if one is not None
    ]


def _pair(session: Session, voice: str, a: int, b: int) -> tuple[_Side, _Side] | None:
    """The newest scores of both on the same lines, heard by the same recogniser; from one evaluation if there is one of both."""
    sides = [_sides(session, voice, number) for number in (a, b)]
    every = [(one, other) for one in sides[0] for other in sides[1] if _same_lines(one.evaluation, other.evaluation)]
    return max(
        every, key=lambda pair: (pair[0].evaluation is pair[1].evaluation, pair[0].evaluation.id + pair[1].evaluation.id), default=None
    )


def _sides(session: Session, voice: str, number: int) -> list[_Side]:
    either = or_(Evaluation.version == number, Evaluation.against == number)
    query = select(Evaluation).where(Evaluation.voice == voice, either).order_by(Evaluation.id.desc()).limit(20)
    return [_Side(row, row.version == number) for row in session.scalars(query)]


def _same_lines(one: Evaluation, other: Evaluation) -> bool:
    keys = ("lines_key", "recogniser")
    return one is other or all(one.report.get(key) == other.report.get(key) is not None for key in keys)


def _metrics(one: _Side, other: _Side) -> list[pb.ComparedMetric]:
    recordings = voices.numbers(one.evaluation.recording_metrics)
    found = []
    for name, info in METRICS.items():
        if name not in one.metrics or name not in other.metrics:
            continue
        mine, theirs = one.metrics[name], other.metrics[name]
        bad, worse = info.badness(mine), info.badness(theirs)
        better = Preference.SAME if bad == worse else Preference.A if bad < worse else Preference.B
        found.append(
            pb.ComparedMetric(
                name=name,
                a=mine,
                b=theirs,
                recordings=recordings.get(name, math.nan),
                better=better if better is not Preference.SAME else "",
                lower_is_better=info.better is Better.LOWER,
                better_value=on_wire(Preference, better),
            )
        )
    return found


def _lines(one: _Side, other: _Side, home: Path) -> list[pb.ComparedLine]:
    theirs = other.lines

    def file(name: str) -> str:
        return str(home / name) if name else ""

    return [
        pb.ComparedLine(
            text=line["text"],
            recording=file(line["recording"]),
            spoken_a=file(one.spoken(line)),
            spoken_b=file(other.spoken(theirs[clip])),
            metrics_a=one.scores(line),
            metrics_b=other.scores(theirs[clip]),
            clip=clip,
        )
        for clip, line in one.lines.items()
        if clip in theirs
    ]


def _sentence(one: _Side, other: _Side, a: int, b: int, metrics: list[pb.ComparedMetric]) -> str:
    if one.evaluation is other.evaluation:
        return one.evaluation.verdict
    sides = {Preference.A: a, Preference.B: b}
    wins = {side: [METRICS[Metric(metric.name)].title for metric in metrics if metric.better == side] for side in sides}
    parts = [f"{_name(number)} is better in {', '.join(wins[side])}" for side, number in sides.items() if wins[side]]
    return ("; ".join(parts) or f"{_name(a)} and {_name(b)} scored the same") + "."


def _name(number: int) -> str:
    return f"v{number}" if number else "The base"
