"""A run's losses as reports and people have them: one row for each time the held-out clips were measured, and curves
thinned to what a picture needs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import PointRow, SeriesRow

CURVE_POINTS = 120  #: kept of a curve


def evaluations(session: Session, run: int) -> list[dict[str, Any]]:
    """Each time the run measured its held-out clips: the losses, and the means of the training losses since the time
    before."""
    held_out, told = "held_out/", select(SeriesRow.name).where(SeriesRow.run == run).order_by(SeriesRow.id)
    names = [name.removeprefix(held_out) for name in session.scalars(told) if name.startswith(held_out)]
    rows: dict[int, dict[str, Any]] = {}
    for name in names:
        trained = iter(_points(session, run, f"train/{name}"))
        waiting = next(trained, None)
        for step, value in _points(session, run, f"{held_out}{name}"):
            row = rows.setdefault(step, {"step": step, "held_out": {}, "train": {}})
            row["held_out"][name] = value
            between = []
            while waiting is not None and waiting[0] <= step:
                between.append(waiting[1])
                waiting = next(trained, None)
            if between:
                row["train"][name] = sum(between) / len(between)
    return [rows[step] for step in sorted(rows)]


def _points(session: Session, run: int, name: str) -> list[tuple[int, float]]:
    """A series, without the points that are no numbers."""
    series = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == name).scalar_subquery()
    query = (
        select(PointRow.step, PointRow.value)
        .where(PointRow.series == series, PointRow.value.is_not(None))
        .order_by(PointRow.step)
    )
    return [(step, float(value)) for step, value in session.execute(query) if value is not None]


def curve(session: Session, run: int, name: str) -> list[tuple[int, float]]:
    """A series thinned to CURVE_POINTS, the last point always among them."""
    points = _points(session, run, name)
    every = -(-len(points) // CURVE_POINTS) or 1
    return points[::-1][::every][::-1]
