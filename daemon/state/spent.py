"""What work took of the machine: rows that attempts leave behind (`daemon.scheduling.energy_meter` writes them), and
their sums by job, run, version, voice and month. Sums for a person are of jobs that one may see.

What is not known is None, and what is lacking in a sum is said (`Total.unmetered`): a part that nobody measured is not
nothing. Months are those of this machine's clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from daemon.database.energy_rows import Spent
from daemon.database.models import Evaluation, Job
from daemon.price import KWH, Price
from daemon.state import seen
from proto import myna_pb2 as pb

#: of a job's seconds, how many may be unmetered without a word: between its beginning and the first look
SLACK = 0.02
SLACK_SECONDS = 1.5
#: of a `Total`, what is always known
AMOUNTS = ("seconds", "gpu_held", "gpu_metered", "gpu_error", "cpu_metered", "rest_joules")


@dataclass
class Total:
    """What some work took, of one price or of several."""

    seconds: float = 0.0  #: at work
    gpu_held: float = 0.0  #: seconds with a GPU
    gpu_metered: float = 0.0  #: of those, seconds in which it is known what it took
    gpu_joules: float | None = None
    gpu_error: float = 0.0
    integrated: bool = False
    cpu_metered: float = 0.0
    cpu_joules: float | None = None
    rest_joules: float = 0.0
    money: dict[str, float] = field(default_factory=dict)  #: by currency
    priced_energy: bool = False  #: some of it had a price for energy

    @property
    def joules(self) -> float | None:
        """All that is known; None: nothing is."""
        known = [part for part in (self.gpu_joules, self.cpu_joules) if part is not None]
        return sum(known) + self.rest_joules if known else None

    @property
    def unmetered(self) -> list[pb.Unmetered.ValueType]:
        """What `joules` lacks."""
        lacks = []
        if _short(self.gpu_metered, self.gpu_held):
            lacks.append(pb.UNMETERED_GPU)
        if _short(self.cpu_metered, self.seconds):
            lacks.append(pb.UNMETERED_CPU)
        return lacks

    def add(self, other: Total) -> None:
        """Take another one in."""
        for name in AMOUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.gpu_joules = _plus(self.gpu_joules, other.gpu_joules)
        self.cpu_joules = _plus(self.cpu_joules, other.cpu_joules)
        self.integrated |= other.integrated
        self.priced_energy |= other.priced_energy
        for currency, amount in other.money.items():
            self.money[currency] = self.money.get(currency, 0.0) + amount

    def times(self, factor: float) -> Total:
        """So many times as much."""
        parts = {name: getattr(self, name) * factor for name in AMOUNTS}
        joules: dict[str, Any] = {
            name: None if (known := getattr(self, name)) is None else known * factor
            for name in ("gpu_joules", "cpu_joules")
        }
        money = {currency: amount * factor for currency, amount in self.money.items()}
        return replace(self, **parts, **joules, money=money)

    def message(self) -> pb.Spent:
        """As the wire tells it."""
        return pb.Spent(
            seconds=self.seconds,
            joules=self.joules,
            gpu_joules=self.gpu_joules,
            cpu_joules=self.cpu_joules,
            gpu_error=self.gpu_error,
            integrated=self.integrated,
            unmetered=self.unmetered,
            money=[pb.Money(amount=amount, currency=currency) for currency, amount in sorted(self.money.items())],
            money_lacks_energy=self.priced_energy and bool(self.unmetered),
        )

    def plain(self) -> dict[str, Any]:
        """For a version's report: values, None where nothing is known."""
        return {
            "seconds": self.seconds,
            "joules": self.joules,
            "gpu_joules": self.gpu_joules,
            "cpu_joules": self.cpu_joules,
            "gpu_error": self.gpu_error,
            "integrated": self.integrated,
            "unmetered": [pb.Unmetered.Name(one) for one in self.unmetered],
            "money": dict(sorted(self.money.items())),
            "money_lacks_energy": self.priced_energy and bool(self.unmetered),
        }


def of_row(row: Spent) -> Total:
    """What one row tells."""
    known = row.gpu_joules is not None or row.cpu_joules is not None
    price = Price(row.per_hour, row.currency, row.per_kwh, row.rest_watts)
    total = Total(
        row.seconds,
        row.gpu_held,
        row.gpu_metered,
        row.gpu_joules,
        row.gpu_error,
        row.integrated,
        row.cpu_metered,
        row.cpu_joules,
        row.rest_watts * row.seconds if known else 0.0,
        priced_energy=bool(row.per_kwh),
    )
    if (cost := price.cost(total.seconds, total.joules)) is not None:
        total.money[row.currency] = cost
    return total


def put(session: Session, rows: Iterable[Spent]) -> None:
    """Write what attempts took so far, in place of what was written of them before."""
    columns = Spent.__table__.columns.keys()
    values = [{name: getattr(row, name) for name in columns} for row in rows]
    if values:
        wanted = insert(Spent)
        keys = ("job", "attempt", "month")
        fresh = {name: wanted.excluded[name] for name in columns if name not in keys}
        grown = Spent.seconds <= wanted.excluded.seconds  # a total never shrinks
        session.execute(wanted.on_conflict_do_update(index_elements=keys, set_=fresh, where=grown), values)


def month_of(moment: datetime) -> str:
    """The month of this machine's clock: "2026-11"."""
    return f"{moment.astimezone():%Y-%m}"


def next_month(moment: datetime) -> datetime:
    """When the next one begins."""
    local = moment.astimezone()
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1).astimezone().astimezone(UTC)


# ------------------------------------------------------------------------------------------------------------- sums


def total(session: Session, *where: ColumnElement[bool]) -> Total:
    """Of all that the caller may see and the conditions (of `Spent` and `Job`) let through."""
    return grouped(session, None, *where).get(None, Total())


def of_all(session: Session, *where: ColumnElement[bool]) -> Total:
    """The same, whatever the caller may see."""
    return _grouped(session, None, *where).get(None, Total())


def of_month(session: Session, month: str) -> Total:
    """Of everybody's work in a month ("2026-11"), whatever the caller may see."""
    return _grouped(session, None, Spent.month == month, of_jobs=False).get(None, Total())


def grouped(session: Session, by: Any, *where: ColumnElement[bool]) -> dict[Any, Total]:
    """As `total`, by a column of `Spent` or `Job`; None: all in one."""
    visible = seen.jobs_where(session)
    return _grouped(session, by, *where, *(() if visible is None else (visible,)))


def _grouped(session: Session, by: Any, *where: ColumnElement[bool], of_jobs: bool = True) -> dict[Any, Total]:
    """`of_jobs`: `by` or `where` may be columns of `Job`."""
    terms = (Spent.rest_watts, Spent.per_hour, Spent.per_kwh, Spent.currency)
    sums = (
        func.sum(Spent.seconds),
        func.sum(Spent.gpu_held),
        func.sum(Spent.gpu_metered),
        func.sum(Spent.gpu_joules),
        func.sum(Spent.gpu_error),
        func.max(Spent.integrated),
        func.sum(Spent.cpu_metered),
        func.sum(Spent.cpu_joules),
    )
    # energy of which something is known, and energy of which nothing is, are kept apart: the rest is added to the first
    known = (Spent.gpu_joules.is_not(None) | Spent.cpu_joules.is_not(None)).label("known")
    key = [] if by is None else [by]
    query = select(*key, *terms, *sums).select_from(Spent).where(*where).group_by(*key, *terms, known)
    if of_jobs:
        query = query.join(Job, Job.id == Spent.job)
    found: defaultdict[Any, Total] = defaultdict(Total)
    for line in session.execute(query).tuples():
        name, rest = (None, line) if by is None else (line[0], line[1:])
        watts, hour, kwh, currency, seconds, held, metered, gpu, error, integrated, cpu_metered, cpu = rest
        row = Spent(
            seconds=seconds, gpu_held=held, gpu_metered=metered, gpu_joules=gpu, gpu_error=error,
            integrated=bool(integrated), cpu_metered=cpu_metered, cpu_joules=cpu, rest_watts=watts, per_hour=hour,
            per_kwh=kwh, currency=currency,
        )  # fmt: skip
        found[name].add(of_row(row))
    return dict(found)


def of_job(session: Session, job: int) -> Total:
    """Whoever asks."""
    found = Total()
    for row in session.scalars(select(Spent).where(Spent.job == job)):
        found.add(of_row(row))
    return found


def measured(session: Session, jobs: Sequence[int]) -> float | None:
    """Joules that GPUs and CPUs took for these jobs, as far as was measured; None: nothing was."""
    sums = select(func.sum(Spent.gpu_joules), func.sum(Spent.cpu_joules)).where(Spent.job.in_(jobs))
    known = [one for one in session.execute(sums).one() if one is not None]
    return sum(known) if known else None


def of_version(session: Session, voice: str, run: int, version: int) -> tuple[Total, Total]:
    """(what its training took, what its scorings took), as far as the caller may see the jobs."""
    scorings = select(Evaluation.job).where(Evaluation.voice == voice, Evaluation.version == version)
    training = total(session, Job.run == run, Job.kind == "train") if run else Total()
    return training, total(session, Spent.job.in_(scorings))


def per_step(spent: Total, steps: int) -> float | None:
    """Mean joules of a step; None: not known."""
    return spent.joules / steps if steps and spent.joules is not None else None


def kwh(joules: float) -> float:
    """Kilowatt-hours."""
    return joules / KWH


def in_currency(money: Mapping[str, float], same: Any, currency: str) -> float | None:
    """What of some money is in a currency; `same`: whether two of its names are one. None: nothing."""
    fitting = [amount for name, amount in money.items() if same(name, currency)]
    return sum(fitting) if fitting else None


def _short(metered: float, wanted: float) -> bool:
    return wanted - metered > max(SLACK * wanted, min(SLACK_SECONDS, 0.5 * wanted))


def _plus(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other
