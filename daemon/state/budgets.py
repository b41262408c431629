"""What voices may cost a month, as their `voice.toml` says, and how they stand: values; `budget_words` puts them into
words. All work for the voice counts, whoever asked for it; what a budget stops is trainings.

An alert is an event (`budget`), once at 80 and once at 100 percent; again only for another sum, or another month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.energy_rows import BudgetAlert, Spent
from daemon.database.models import Job, Voice
from daemon.database.store import settings_of
from daemon.errors import BadRequest, NotNow
from daemon.price import Price
from daemon.state import budget_words, events, occasions, spent
from daemon.state.stamp import stamp
from daemon.state.status import State
from proto import money
from proto import myna_pb2 as pb

#: percent of a budget that are told of
TOLD = (80, 100)
#: why a training that a budget stopped waits, until it is told how the budget stands
OVER = budget_words.OVER
#: the kind of jobs that a budget stops
STOPPED = "train"


@dataclass(frozen=True)
class Standing:
    """How a voice stands with its budget in a month."""

    voice: str
    month: str  #: "2026-11"
    limit: pb.Money
    stop: bool
    used: float | None  #: in the limit's currency; None: not known
    lacks_energy: bool  #: it cost more than `used`
    renews: datetime
    others: tuple[str, ...] = ()  #: currencies that work of this month is paid in, and that `used` is without

    @property
    def percent(self) -> int:
        """Of those in `TOLD`, the highest that is used up; 0: none."""
        part = (self.used or 0.0) / self.limit.amount * 100
        return max((each for each in TOLD if part >= each), default=0)

    @property
    def used_up(self) -> bool:
        return self.used is not None and self.used >= self.limit.amount

    @property
    def holds(self) -> bool:
        """Whether trainings wait: it is used up, or may be for all that anybody can tell."""
        return self.stop and (self.used_up or bool(self.others))

    @property
    def why_waits(self) -> str:
        """Why trainings wait that it stops, for people."""
        if not self.used_up:
            return budget_words.why_unknown(self.voice, self.limit, self.others)
        return budget_words.why_waits(self.voice, self.limit, self.month, self.renews)

    def message(self) -> pb.Budget:
        """As the wire tells it."""
        told = pb.Budget(voice=self.voice, limit=self.limit, stop=self.stop, lacks_energy=self.lacks_energy)
        told.others.extend(self.others)
        if self.used is not None:
            told.used.CopyFrom(pb.Money(amount=self.used, currency=self.limit.currency))
        told.renews.CopyFrom(stamp(self.renews))
        return told


def of(session: Session, voice: Voice, moment: datetime) -> Standing | None:
    """How the voice stands; None: it has no budget."""
    told = voice.options.get("budget", {})
    limit = money.read(str(told.get("month", "")))
    return standing(session, voice.name, limit, bool(told.get("stop")), moment) if limit is not None else None


def standing(session: Session, voice: str, limit: pb.Money, stop: bool, moment: datetime) -> Standing:
    """How it would stand with this limit."""
    month = spent.month_of(moment)
    total = spent.of_all(session, Job.voice == voice, Spent.month == month)
    used = spent.in_currency(total.money, money.same, limit.currency)
    lacks = total.priced_energy and bool(total.unmetered)
    price = settings_of(session).cost
    paid_in = {name for name, amount in total.money.items() if amount}
    if price.known:  # what is done from now on
        paid_in.add(price.currency)
    others = tuple(sorted(name for name in paid_in if not money.same(name, limit.currency)))
    if used is None and not (total.seconds or others):
        used = 0.0  # nothing was done
    return Standing(voice, month, limit, stop, used, lacks, spent.next_month(moment), others)


def holding(session: Session, job: Job, moment: datetime) -> Standing | None:
    """The budget for which a job has to wait; None: it has not. `session`: one that only reads."""
    if job.kind != STOPPED:
        return None
    voice = session.get(Voice, job.voice)
    if voice is None or not voice.options.get("budget", {}).get("stop"):
        return None
    # one look at the queue asks for every job of the voice
    known: dict[str, Standing | None] = session.info.setdefault("budgets", {})
    if voice.name not in known:
        known[voice.name] = of(session, voice, moment)
    found = known[voice.name]
    return found if found is not None and found.holds else None


def check(price: Price, limit: pb.Money) -> None:
    """Raises NotNow where work has no price, BadRequest for a sum in another currency than that."""
    if not price.known:
        raise NotNow(
            "Myna does not know what work costs here, so it cannot keep to a budget.",
            "Set per_hour or per_kwh in [cost] of myna.toml and start mynad again.",
        )
    if not money.same(limit.currency, price.currency):
        raise BadRequest(
            f"The budget is in {limit.currency}, and what work costs here is known in {price.currency}.",
            f"Give it in {price.currency}.",
        )


def look(session: Session, jobs: Iterable[int], moment: datetime) -> list[int]:
    """After these jobs took something: tell what is to be told of their voices' budgets. Returns trainings at work that
    are to stop."""
    names = set(session.scalars(select(Job.voice).where(Job.id.in_(set(jobs)), Job.voice != "")))
    stop: list[int] = []
    for name in sorted(names):
        voice = session.get(Voice, name)
        found = of(session, voice, moment) if voice is not None else None
        if found is None:
            continue
        _tell(session, found)
        if found.holds:
            at_work = Job.voice == name, Job.kind == STOPPED, Job.state == State.RUNNING, Job.cancelled_by == ""
            stop += session.scalars(select(Job.id).where(*at_work))
    return stop


def _tell(session: Session, found: Standing) -> None:
    """Once for each step, sum and month."""
    row = session.get(BudgetAlert, (found.voice, found.month))
    written = f"{found.limit.amount:g} {found.limit.currency}"
    if row is None:
        row = BudgetAlert(voice=found.voice, month=found.month, budget=written, percent=0)
        session.add(row)
    elif row.budget != written:
        row.budget, row.percent = written, 0
    if found.percent <= row.percent:
        return
    row.percent = found.percent
    alert = pb.BudgetAlert(
        voice=found.voice,
        month=found.month,
        percent=found.percent,
        used=pb.Money(amount=found.used or 0.0, currency=found.limit.currency),
        limit=found.limit,
        stops=found.stop and found.used_up,
        sentence=budget_words.alert(found.voice, found.month, found.percent, found.used or 0.0, found.limit),
        hint=budget_words.hint(found.voice, stops=found.stop and found.used_up, will_stop=found.stop),
    )
    events.emit(session, pb.Event(budget=alert), found.voice)
    share = found.percent / 100
    occasions.budget(session, found.voice, share, alert.used, found.limit, found.month, stops=alert.stops)
