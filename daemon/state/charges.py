"""What was sent to engines that are elsewhere, and what it cost: written down when the provider has taken it, for
whoever asked, the owner of the workstation among them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.database.remote_rows import Charge
from daemon.database.store import caller_of, settings_of
from daemon.errors import NotNow, QuotaReached
from daemon.remote_price import price
from daemon.remote_settings import Use, use
from daemon.state import accounts, quotas
from proto import money
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

MOST = 1_000  #: sums that are told of at once


def add(session: Session, job: Job, sent: wire.Charged) -> None:
    """A job's worker told of it. The price is that of now."""
    asked = price(use(sent.engine, settings_of(session).remote))
    key = job.id, sent.engine, accounts.day_of(now()), asked.currency
    row = session.get(Charge, key)
    if row is None:
        row = Charge(
            job=key[0], engine=key[1], day=key[2], currency=key[3], person=job.person,
            characters=0, saved=0, amount=0.0, unpriced=0,
        )  # fmt: skip
        session.add(row)
    cost = asked.of(sent.characters)
    row.characters += sent.characters
    row.saved += sent.saved
    row.amount += cost.amount if cost is not None else 0.0
    row.unpriced += sent.characters if cost is None else 0
    session.flush()


def forget(session: Session) -> None:
    """What is older than usage is kept."""
    session.execute(delete(Charge).where(Charge.day < accounts.day_of(now() - timedelta(days=accounts.KEPT))))


def require(session: Session, of: Use, person: str, characters: int, *, asked_now: bool = True) -> None:
    """Raises QuotaReached where so many characters more would cost more than may be spent today. Sums are told to who
    may know them, and not in the error of a job (`asked_now` is false there), which others may read."""
    limited = quotas.limited(session, person) is not None
    if limited and not of.settings.people:  # a job may have waited while the owner changed that
        raise NotNow(f"{person} may not speak with {of.provider.name} any more.", "Ask the owner of the workstation.")
    if not characters:
        return  # it was spoken before
    cost = price(of).of(characters)
    if cost is None:
        return  # whoever sets a budget without a price is refused before
    name, own, caller = of.provider.name, of.settings, caller_of(session)
    budgets: list[tuple[float, str | None, str, bool]] = [
        (own.budget_a_day, None, "Everybody together has", asked_now and caller.everything)
    ]
    if limited:
        budgets.append((own.person_a_day, person, f"{person} has", asked_now))
    for allowed, whose, who, sums in budgets:
        if allowed and (others := _in_others(session, of, whose)):
            raise _unknown(of, others, who if sums else "")
        spent = _spent(session, name, own.currency, whose)
        if allowed and spent + cost.amount > allowed:
            sentence = f"What may be spent with {name} today does not reach for this."
            if sums:
                used, most = (money.said(pb.Money(amount=sum, currency=own.currency)) for sum in (spent, allowed))
                sentence = f"{who} spent {used} of {most} with {name} today, and this would cost up to "
                sentence += f"{money.said(cost)}."
            raise QuotaReached(
                sentence,
                f"Ask for less, or tomorrow; the owner can allow more in [remote.{name}] of myna.toml.",
                (accounts.refill(now()) - now()).total_seconds() if cost.amount <= allowed else 0.0,
            )


def unknown(session: Session, of: Use) -> str:
    """Why nobody can tell what is left of its budget today, for a sentence that goes on; empty: one can, or there is
    none."""
    if not of.settings.budget_a_day or not (others := _in_others(session, of, None)):
        return ""
    was = "was" if len(others) == 1 else "were"
    return f"{_sums(others)} {was} spent today, and its budget is in {of.settings.currency} now"


def spent_today(session: Session, of: Use) -> pb.Money | None:
    """By everybody together; None: nothing whose price was known."""
    spent = _spent(session, of.provider.name, of.settings.currency, None)
    return pb.Money(amount=spent, currency=of.settings.currency) if spent else None


def of_job(session: Session, job: int) -> pb.Charge | None:
    """What a job sent, over all of its attempts; None: nothing."""
    rows = list(session.scalars(select(Charge).where(Charge.job == job)))
    if not rows:
        return None
    first = rows[0]
    told = pb.Charge(
        engine=first.engine,
        characters=sum(row.characters for row in rows),
        saved=sum(row.saved for row in rows),
        unpriced=sum(row.unpriced for row in rows),
    )
    if told.characters > told.unpriced or not told.characters:
        amount = sum(row.amount for row in rows)
        told.cost.CopyFrom(pb.Money(amount=amount, currency=first.currency))
    return told


def by_day(session: Session, person: str | None, since: str) -> list[pb.Charge]:
    """Sums of each day from `since` on, the newest first. `person`: only theirs; None: everybody's."""
    of = Charge.day, Charge.engine, Charge.person, Charge.currency
    characters, saved = func.sum(Charge.characters), func.sum(Charge.saved)
    query = select(*of, characters, saved, func.sum(Charge.amount), func.sum(Charge.unpriced))
    query = query.where(Charge.day >= since).group_by(*of).order_by(Charge.day.desc(), *of[1:])
    if person is not None:
        query = query.where(Charge.person == person)
    told = []
    for day, engine, who, currency, sent, before, amount, unpriced in session.execute(query.limit(MOST)).tuples():
        one = pb.Charge(engine=engine, characters=sent, saved=before, unpriced=unpriced, day=day, person=who)
        if amount or not unpriced:
            one.cost.CopyFrom(pb.Money(amount=amount, currency=currency))
        told.append(one)
    return told


def seen(session: Session, person: str, since: str) -> list[pb.Charge]:
    """What the caller may know: their own; of everybody, or of `person`, where they may everything."""
    caller = caller_of(session)
    return by_day(session, (person or None) if caller.everything else caller.name, since)


def _unknown(of: Use, others: dict[str, float], who: str) -> QuotaReached:
    """A budget in another currency than what was spent today. `who` spent it ("bob has"); empty: sums are not told."""
    name, now_in = of.provider.name, of.settings.currency
    sentence = f"What may be spent with {name} today is not known: the currency of its budget was changed."
    if who:
        sentence = f"{who} spent {_sums(others)} with {name} today, and its budget is in {now_in} now: nobody can tell "
        sentence += "what is left of it."
    return QuotaReached(
        sentence,
        f"Ask tomorrow; or the owner sets currency in [remote.{name}] of myna.toml back until then, or leaves the "
        "budget out.",
        (accounts.refill(now()) - now()).total_seconds(),
    )


def _sums(others: dict[str, float]) -> str:
    return " and ".join(money.said(pb.Money(amount=sum, currency=paid_in)) for paid_in, sum in others.items())


def _spent(session: Session, engine: str, currency: str, person: str | None) -> float:
    return sum(amount for paid_in, amount in _paid(session, engine, person).items() if money.same(paid_in, currency))


def _in_others(session: Session, of: Use, person: str | None) -> dict[str, float]:
    """What was spent today in other currencies than the budget's, as the table's was changed since."""
    paid = _paid(session, of.provider.name, person)
    own = of.settings.currency
    return {paid_in: amount for paid_in, amount in paid.items() if amount and not money.same(paid_in, own)}


def _paid(session: Session, engine: str, person: str | None) -> dict[str, float]:
    """Today, by currency. `person`: only theirs; None: everybody's."""
    query = select(Charge.currency, func.sum(Charge.amount)).where(
        Charge.day == accounts.day_of(now()), Charge.engine == engine
    )
    if person is not None:
        query = query.where(Charge.person == person)
    return dict(session.execute(query.group_by(Charge.currency).order_by(Charge.currency)).tuples().all())
