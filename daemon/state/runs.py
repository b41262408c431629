"""Runs and their metric points: stored fast, asked for whole or reduced to min–max buckets, watched without loss."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import PointRow, Run, SeriesRow
from daemon.errors import BadRequest, CursorTooOld, NotFound
from daemon.state import paging, point_blocks, seen
from daemon.state.status import ENDED
from daemon.state.values import Way, from_wire, on_wire, value_of
from engines.training import course
from engines.training.course import Course, Shape
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from daemon.database.store import Store
    from proto import worker_pb2 as wire

#: of a run's result: seconds that its job was at work before its first step
BEFORE = "before"
#: points of one batch to a watcher
BATCH = 5_000
RANGE = "FROM points WHERE series = :series AND step BETWEEN :low AND :high"
COUNT = text(f"SELECT count(*) {RANGE}")
# SQLite: a bare column beside a lone min() or max() comes from the row that holds it
FIRST_STEP = text(f"SELECT min(step) {RANGE}")
EXTREMES = [text(f"SELECT step, {end}(value) {RANGE} AND value IS NOT NULL") for end in ("min", "max")]
UPSERT = text(
    "INSERT INTO points (series, step, value) VALUES (:series, :step, :value) "
    "ON CONFLICT (series, step) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value"
)


def get(session: Session, id: int) -> Run:
    """The run. Raises NotFound, also where the caller may not read its voice."""
    run = session.get(Run, id)
    if run is None or not seen.rights(session, run.voice) & Right.READ:
        raise NotFound(f"There is no run {id}.", "`myna runs` lists them.")
    return run


def message(session: Session, run: Run) -> pb.Run:
    """The run as it goes over the wire."""
    import json

    out = pb.Run(
        id=run.id,
        voice=run.voice,
        engine=run.engine,
        job=run.job,
        dataset=run.dataset,
        from_version=run.from_version,
        to_version=run.to_version,
        settings_json=json.dumps(run.settings),
        step=run.step,
        steps=run.steps,
        best_step=run.best_step,
        best_loss=run.best_loss if run.best_loss is not None else math.nan,
        metrics=series_names(session, run.id),
        outcome=pb.RunOutcome.Value(run.result.get("outcome", "RUN_OUTCOME_UNSPECIFIED")),
        way=on_wire(Way, way(run)),
        memory_peak=memory_peak(session, run.id),
    )
    if (taken := Course.from_json(run.result.get("course") or {})) is not None:
        out.course = on_wire(Shape, taken.shape)
        said = (course.sentence(taken), course.gap(taken), course.hint(taken))
        out.course_sentence = " ".join(filter(None, said))
    for field, time in ((out.started, run.started), (out.ended, run.ended)):
        if time is not None:
            field.FromDatetime(time)
    return out


def way(run: Run) -> Way | None:
    """How it is trained; None: not decided yet. A Myna that did not say so decided it by the settings."""
    if (said := value_of(Way, run.result.get("way"))) is not None or not run.from_version:
        return said or Way.BASE
    if run.ended is None and "outcome" not in run.result:
        return None
    return Way.AVERAGED if run.settings.get("parent_share") else Way.ON_TOP


def begins(session: Session, run: int, seconds: float | None) -> None:
    """Note of a run at its first step how long its job had been at work by then; an attempt after a crash changes
    nothing."""
    row = session.get(Run, run)
    if row is not None and seconds is not None and BEFORE not in row.result:
        row.result = {**row.result, BEFORE: seconds}


def begun(run: Run, said: wire.RunBegun) -> None:
    """A worker has decided in which way it trains."""
    run.result = {**run.result, "way": from_wire(Way, said.way)}
    run.steps = said.steps


def memory_peak(session: Session, run: int) -> int:
    """Bytes of GPU memory that the run needed at most, as far as it went; 0: not measured."""
    series = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == "memory_peak").scalar_subquery()
    return int(session.scalar(select(func.max(PointRow.value)).where(PointRow.series == series)) or 0)


def page(session: Session, voice: str = "", token: str = "", size: int = 0) -> tuple[list[Run], str]:
    """(runs, newest first; token of the next page)."""
    size, before = paging.size(size), paging.number(token)
    query = select(Run).order_by(Run.id.desc()).limit(size + 1)
    if (where := seen.voices_where(session, Run.voice, Right.READ)) is not None:
        query = query.where(where)
    if before:
        query = query.where(Run.id < before)
    if voice:
        query = query.where(Run.voice == voice)
    return paging.cut(session.scalars(query).all(), size, lambda row: row.id)


def series_names(session: Session, run: int) -> list[str]:
    """Names there are points of."""
    return list(session.scalars(select(SeriesRow.name).where(SeriesRow.run == run).order_by(SeriesRow.name)))


def add_points(session: Session, run: int, series: Iterable[pb.Series]) -> None:
    """Store points. The same step again (after a resume) replaces the value; its place in the watch order stays."""
    rows: list[dict[str, float | int | None]] = []
    touched: dict[int, list[int]] = {}
    top = 0
    for each in series:
        if len(each.steps) != len(each.values):
            raise BadRequest(f"The series {each.name!r} has {len(each.steps)} steps but {len(each.values)} values.", "")
        id = _series_id(session, run, each.name)
        rows += [
            {"series": id, "step": step, "value": value if math.isfinite(value) else None}
            for step, value in zip(each.steps, each.values, strict=True)
        ]
        top = max(top, max(each.steps, default=0))
        touched.setdefault(id, []).extend(each.steps)
    if rows:
        session.connection().execute(UPSERT, rows)
        for id, steps in touched.items():
            point_blocks.refresh(session, id, steps)
        session.connection().execute(
            text("UPDATE runs SET step = max(step, :top) WHERE id = :run"), {"top": top, "run": run}
        )


def points(
    session: Session, run: int, names: Sequence[str] = (), from_step: int = 0, to_step: int = 0, max_buckets: int = 0
) -> list[pb.Series]:
    """Series of a run between two steps (inclusive; 0: to the end), whole, or with at most two points a bucket: its
    least and its greatest value, in step order, so that no spike is lost. A value that is no number comes as NaN."""
    get(session, run)
    chosen = [name for name in series_names(session, run) if not names or name in names]
    cursor = session.scalar(select(func.max(PointRow.id))) or 0
    out = []
    for name in chosen:
        id = _series_id(session, run, name)
        bounds = {"series": id, "low": from_step, "high": to_step or 2**62}
        total = session.connection().execute(COUNT, bounds).scalar_one()
        result = pb.Series(name=name, total=total, cursor=cursor)
        if max_buckets and total > 2 * max_buckets:
            rows: Sequence[tuple[int, float | None]] = _reduced(session, bounds, total, max_buckets)
        else:
            query = text(
                "SELECT step, value FROM points WHERE series = :series AND step BETWEEN :low AND :high ORDER BY step"
            )
            rows = [(step, value) for step, value in session.connection().execute(query, bounds)]
        result.steps.extend(step for step, _ in rows)
        result.values.extend(math.nan if value is None else value for _, value in rows)
        out.append(result)
    return out


def _reduced(session: Session, bounds: dict[str, int], total: int, buckets: int) -> list[tuple[int, float | None]]:
    """Least and greatest value of each bucket, in step order.

    By the summaries of blocks where they tell it. Else each bucket is a range of the index: asked for one by one they
    need no sorting, which a GROUP BY over a million rows would."""
    connection = session.connection()
    first, last = (
        connection.execute(text(f"SELECT {end}(step) {RANGE}"), bounds).scalar_one() for end in ("min", "max")
    )
    if (summed := point_blocks.reduced(session, bounds["series"], first, last, total, buckets)) is not None:
        return summed
    width = (last - first) // buckets + 1
    found: dict[int, float | None] = {}
    for low in range(first, last + 1, width):
        bucket = bounds | {"low": low, "high": min(low + width - 1, last)}
        here = {step: value for end in EXTREMES for step, value in connection.execute(end, bucket) if step is not None}
        if not here and (hole := connection.execute(FIRST_STEP, bucket).scalar_one()) is not None:
            here = {hole: None}  # nothing in it is a number: a gap, not a line to the next bucket
        found |= here
    return sorted(found.items())


def points_after(
    session: Session, run: int, cursor: int, names: Sequence[str] = (), limit: int = BATCH
) -> tuple[list[pb.Series], int]:
    """(points stored after the cursor, the cursor read up to), oldest first."""
    ids = {
        id: name
        for id, name in session.execute(select(SeriesRow.id, SeriesRow.name).where(SeriesRow.run == run))
        if not names or name in names
    }
    if cursor > paging.GREATEST:
        raise CursorTooOld(
            f"There was no point {cursor} here yet.", "Ask for the points, then watch from their cursor."
        )
    if not ids:
        return [], cursor
    query = select(PointRow.id, PointRow.series, PointRow.step, PointRow.value).where(
        PointRow.id > cursor, PointRow.series.in_(ids)
    )
    rows = session.connection().execute(query.order_by(PointRow.id).limit(limit)).all()
    found: dict[int, tuple[list[int], list[float]]] = {}
    for _, series, step, value in rows:
        steps, values = found.setdefault(series, ([], []))
        steps.append(step)
        values.append(math.nan if value is None else value)
    # whole lists at once: point by point, most of the time would go into the message
    messages = [pb.Series(name=ids[series], steps=steps, values=values) for series, (steps, values) in found.items()]
    return messages, rows[-1][0] if rows else cursor


def _series_id(session: Session, run: int, name: str) -> int:
    query = select(SeriesRow.id).where(SeriesRow.run == run, SeriesRow.name == name)
    id = session.scalar(query)
    if id is None:
        session.execute(insert(SeriesRow).values(run=run, name=name).on_conflict_do_nothing())
        id = session.scalar(query)
    assert id is not None
    return id


class PointHub:
    """Wakes watchers of a run when it has new points; they read them from the database, each at its own pace."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._watching: dict[int, set[asyncio.Event]] = {}
        self._loop = asyncio.get_running_loop()
        store.on_commit(self._committed)

    def _committed(self, events: list[pb.Event]) -> None:
        """On the writer thread: a job that ended may have ended its run, and then its watchers get their last batch."""
        for event in events:
            if event.job.run and event.job.status.WhichOneof("status") in ENDED:
                self._loop.call_soon_threadsafe(self.stored, event.job.run)

    def stored(self, run: int) -> None:
        """Points of the run were committed, or the run ended."""
        for changed in self._watching.get(run, ()):
            changed.set()

    async def watch(self, run: int, cursor: int, names: Sequence[str] = ()) -> AsyncIterator[pb.PointBatch]:
        """Every point stored after the cursor, once, until the run is over."""
        changed = asyncio.Event()
        watching = self._watching.setdefault(run, set())
        watching.add(changed)
        try:
            while True:
                changed.clear()
                ended = await self.store.read(lambda session: get(session, run).ended is not None)
                series, reached = await self.store.read(points_after, run, cursor, names)
                if series:
                    cursor = reached
                    yield pb.PointBatch(cursor=cursor, series=series)
                elif ended:
                    yield pb.PointBatch(cursor=cursor, ended=True)
                    return
                else:
                    await changed.wait()
        finally:
            watching.discard(changed)
            if not watching:
                self._watching.pop(run, None)
