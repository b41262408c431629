"""Two versions of different voices or engines side by side: on the texts that both have spoken, whatever they were
spoken for. Neither can take the other's place, so nothing is promoted by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.comparison_rows import Comparison
from daemon.database.models import Evaluation
from daemon.state import across_words, compare, seen, voices
from daemon.state.sides import Side, check_language
from daemon.state.values import Preference, on_wire
from engines.metrics import side_by_side
from engines.metrics.side_by_side import Beside, Better
from engines.metrics.table import METRICS
from engines.metrics.table import Better as Way
from proto import myna_pb2 as pb

LOOKED_THROUGH = 20  #: scorings of a version, newest first


@dataclass(frozen=True)
class _Said:
    """A text as one side said it."""

    name: str  #: as Speech.Sample knows it
    file: str  #: relative to the home; empty: it was not spoken
    recording: str  #: the same, of the person; empty: nobody said it
    scores: dict[str, float]


@dataclass
class _Heard:
    """All that one side has said, as one recogniser heard it."""

    texts: dict[str, _Said] = field(default_factory=dict)


def versions(session: Session, one: Side, other: Side, home: Path) -> pb.CompareResponse:
    """Both on the texts that both have spoken; not `ready`, with how to get there, while there are none. Raises
    BadRequest for two that speak different languages."""
    check_language(one, other)
    mine, theirs = _heard(session, one), _heard(session, other)
    common = [_common(mine[ears], theirs[ears]) for ears in mine if ears in theirs]
    lines = max(common, key=len, default=[])
    if not lines:
        return pb.CompareResponse(ready=False, sentence=across_words.nothing(one.name, other.name))
    found = side_by_side.compared([(text, a.scores, b.scores) for text, a, b in lines], one.language)
    response = pb.CompareResponse(
        ready=True,
        metrics=[_metric(beside) for beside in found],
        lines=[_line(home, text, a, b) for text, a, b in lines],
        sentence=across_words.sentence(one.name, other.name, found, len(lines), one_person=one.voice is other.voice),
    )
    response.infos.extend(compare.metric_message(info) for info in METRICS.values())
    return response


def _common(mine: _Heard, theirs: _Heard) -> list[tuple[str, _Said, _Said]]:
    return [(text, said, theirs.texts[text]) for text, said in mine.texts.items() if text in theirs.texts]


def _heard(session: Session, side: Side) -> dict[str, _Heard]:
    """By what heard it. The newest of each text counts."""
    found: dict[str, _Heard] = {}
    for ears, lines in (*_compared(session, side), *_evaluated(session, side)):
        texts = found.setdefault(ears, _Heard()).texts
        for text, said in lines:
            texts.setdefault(text, said)
    return found


def _evaluated(session: Session, side: Side) -> Iterator[tuple[str, Iterable[tuple[str, _Said]]]]:
    """(what heard it, texts) of scorings in which it was the candidate, or what that was held against."""
    either = or_(Evaluation.version == side.number, Evaluation.against == side.number)
    query = select(Evaluation).where(Evaluation.voice == side.voice.name, either).order_by(Evaluation.id.desc())
    for row in session.scalars(query.limit(LOOKED_THROUGH)):
        if row.report.get("lineage", {}).get("engine", side.engine) == side.engine and row.report.get("recogniser"):
            yield row.report["recogniser"], _lines(row.report, candidate=row.version == side.number)


def _lines(report: Mapping[str, Any], *, candidate: bool) -> Iterator[tuple[str, _Said]]:
    """First takes of all lines that have scores."""
    file, scores = ("spoken", "scores") if candidate else ("spoken_by_parent", "parent_scores")
    for line in (*report.get("lines", ()), *report.get("further", ())):
        name = str(line.get("name") or line.get("clip", ""))
        if scores in line and "." not in name:  # "….1" is a further take
            yield line["text"], _Said(name, line[file], line.get("recording", ""), voices.numbers(line[scores]))


def _compared(session: Session, side: Side) -> Iterator[tuple[str, Iterable[tuple[str, _Said]]]]:
    """The same of comparisons across voices. A voice elsewhere has said texts of many voices: those count that the
    caller may see."""
    first = and_(Comparison.voice == side.voice.name, Comparison.version == side.number)
    second = and_(Comparison.other_voice == side.voice.name, Comparison.other_version == side.number)
    query = select(Comparison).where(or_(first, second)).order_by(Comparison.id.desc()).limit(LOOKED_THROUGH)
    where = seen.voices_where(session, Comparison.voice, Right.READ) if side.elsewhere else None
    for row in session.scalars(query if where is None else query.where(where)):
        of = (row.voice, row.version, row.report["engines"][0])
        is_first = of == (side.voice.name, side.number, side.engine)
        if not is_first and row.report["engines"][1] != side.engine:
            continue
        file, scores = ("spoken", "scores") if is_first else ("spoken_by_other", "other_scores")
        yield (
            row.report["recogniser"],
            [(x["text"], _Said(x["name"], x[file], "", voices.numbers(x[scores]))) for x in row.report["lines"]],
        )


def _metric(beside: Beside) -> pb.ComparedMetric:
    info = METRICS[beside.metric]
    worse = info.badness(beside.other) - info.badness(beside.one)
    better = Preference.SAME if worse == 0 else Preference.A if worse > 0 else Preference.B
    if info.better is Way.NEARER_ONE and beside.better not in (Better.ONE, Better.OTHER):
        better = Preference.SAME  # the interval's sign does not tell
    return pb.ComparedMetric(
        name=beside.metric,
        a=beside.one,
        b=beside.other,
        recordings=math.nan,
        better=better if better is not Preference.SAME else "",
        lower_is_better=info.better is Way.LOWER,
        better_value=on_wire(Preference, better),
        low=beside.differs.low if beside.differs is not None else None,
        high=beside.differs.high if beside.differs is not None else None,
    )


def _line(home: Path, text: str, one: _Said, other: _Said) -> pb.ComparedLine:
    def file(name: str) -> str:
        return str(home / name) if name else ""

    return pb.ComparedLine(
        text=text,
        recording=file(one.recording),
        spoken_a=file(one.file),
        spoken_b=file(other.file),
        metrics_a=one.scores,
        metrics_b=other.scores,
        clip=one.name,
    )


def texts(further: Sequence[str], mine: Sequence[str], theirs: Sequence[str], wanted: int) -> list[str]:
    """What two voices are to say: texts that nobody has said, which favour neither, then held-out texts of each in
    turn, up to so many."""
    in_turn = [text for both in zip(mine, theirs, strict=False) for text in both]
    rest = [*mine[len(theirs) :], *theirs[len(mine) :]]
    return list(dict.fromkeys([*further, *in_turn, *rest]))[:wanted]
