"""What voices may cost a month, in a whole mynad: told at 80 and 100 percent, and trainings that wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.energy_rows import Spent
from daemon.database.models import Job, Voice, now
from daemon.price import Price
from daemon.scheduling import energy_meter
from daemon.state import budgets, events, spent
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tests.waits import until

pytestmark = pytest.mark.integration
PRICE = Price(per_hour=3_600.0, currency="€")  #: a euro a second


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy_meter, "TICK", 0.2)
    monkeypatch.setattr(energy_meter, "WRITE", 0.2)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def may_cost(living: Living, voice: str, month: str, *, stop: bool) -> None:
    """As its voice.toml says."""

    def act(session: Session) -> None:
        session.get_one(Voice, voice).options = {"budget": {"month": month, "stop": stop}}

    living.daemon.store.write_now(act)
    living.daemon.scheduler.wake()


async def alert(living: Living, percent: int) -> pb.BudgetAlert:
    async with asyncio.timeout(30):
        async for event in living.client.watch(0):
            if event.budget.percent == percent:
                return event.budget
    raise AssertionError


def test_a_voice_for_which_nothing_was_done_is_known_to_have_cost_nothing(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        living.voice("steps")
        may_cost(living, "steps", "1€", stop=True)
        told = await living.client.budget("steps")
        assert told.HasField("used")
        assert told.used.amount == 0.0

    lived(tmp_path / "home", life, cost=PRICE)


def test_a_budget_that_is_used_up_stops_a_training_which_waits_and_goes_on_when_it_is_raised(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        living.voice("steps")
        may_cost(living, "steps", "1€", stop=True)
        job = (await living.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps")))).id
        waits = lambda told: told.status.queued.waits_for == pb.WAITS_FOR_BUDGET  # noqa: E731
        told = await living.until(job, waits, 30)
        assert told.status.queued.why_waiting.startswith("steps's budget of 1.00 € for ")
        assert living.outcomes(job) == ["stopped"]
        found = await alert(living, 100)
        assert found.voice == "steps"
        assert found.used.amount >= found.limit.amount == 1
        assert found.stops
        assert "save and wait until next month" in found.hint
        budget = await living.client.budget("steps")
        assert budget.stop
        assert budget.used.amount == pytest.approx(found.used.amount, abs=2)
        may_cost(living, "steps", "1000€", stop=True)
        await living.until(job, "running", 30)
        await living.client.cancel(job)
        await living.until(job, "cancelled")

    lived(tmp_path, life, cost=PRICE)


def test_without_stop_it_is_told_once_and_the_training_goes_on(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        living.voice("steps")
        may_cost(living, "steps", "1€", stop=False)
        job = (await living.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps")))).id
        found = await alert(living, 100)
        assert not found.stops
        used = found.used.amount
        async with asyncio.timeout(20):
            while (await living.client.budget("steps")).used.amount < used + 1:
                await living.daemon.energy.look()
        assert (await living.now(job)).status.HasField("running")
        alerts = living.daemon.store.read_now(_alerts)
        assert [one.percent for one in alerts].count(100) == 1
        await living.client.cancel(job)
        await living.until(job, "cancelled")

    lived(tmp_path, life, cost=PRICE)


def _alerts(session: Session) -> list[pb.BudgetAlert]:
    found, _ = events.after(session, 0)
    return [event.budget for event in found if event.HasField("budget")]


def test_myna_budget_writes_into_voice_toml_and_the_voice_has_it(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        told = await living.client.set_budget("anna", pb.Money(amount=20, currency="EUR"), stop=True)
        assert (told.limit.amount, told.limit.currency, told.stop) == (20, "EUR", True)
        written = (tmp_path / "inbox" / "anna" / "voice.toml").read_text()
        assert written == '[budget]\nmonth = "20 EUR"\nstop = true\n'
        async with asyncio.timeout(20):
            async for event in living.daemon.events.watch(0):  # the inbox reads it once it has settled
                if event.voice.name == "anna" and (await living.client.budget("anna")).stop:
                    break
        await living.client.set_budget("anna", None)
        assert (tmp_path / "inbox" / "anna" / "voice.toml").read_text() == '[budget]\nmonth = ""\nstop = false\n'

    lived(tmp_path, life, cost=PRICE, settle=0.1, rescan=0.2)


def test_what_cannot_be_a_budget_says_what_to_do(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        for amount in (0.0, -3.0, float("nan"), float("inf"), 1e300):
            with pytest.raises(ClientError, match="no sum of money"):
                await living.client.set_budget("anna", pb.Money(amount=amount, currency="€"))
        with pytest.raises(ClientError, match=r"in \$, and what work costs here is known in €"):
            await living.client.set_budget("anna", pb.Money(amount=3, currency="$"))
        with pytest.raises(ClientError, match="no sum of money"):
            await living.client.set_budget("anna", pb.Money(amount=3, currency='€"\nstop = 7'))
        with pytest.raises(ClientError, match="no voice"):
            await living.client.set_budget("nobody", pb.Money(amount=3, currency="€"))
        with pytest.raises(ClientError, match="no voice named 'nobody'"):
            await living.client.costs("nobody")
        with pytest.raises(ClientError, match="no month '2026-13'"):
            await living.client.costs("anna", "2026-13")

    lived(tmp_path, life, cost=PRICE)


def test_a_budget_in_voice_toml_that_could_not_be_kept_to_is_refused_there(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        folder = tmp_path / "inbox" / "anna"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "voice.toml").write_text('[budget]\nmonth = "20$"\n')
        async with asyncio.timeout(20):
            async for event in living.daemon.events.watch(0):
                if event.inbox.state == "refused":
                    break
        assert "The budget is in $, and what work costs here is known in €. Give it in €." in event.inbox.why
        assert (folder / ".refused" / "voice.toml.why.txt").exists()

    lived(tmp_path, life, cost=PRICE, settle=0.1, rescan=0.2)


def test_where_no_price_is_known_there_is_no_budget(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match="does not know what work costs here"):
            await living.client.set_budget("anna", pb.Money(amount=3, currency="€"))

    lived(tmp_path, life)


def test_a_budget_in_another_currency_than_work_is_paid_in_holds_and_does_not_count_it_as_nothing(
    tmp_path: Path,
) -> None:
    """As after `[cost]` was changed: what was paid in the old currency, or is from now on, is not in `used`."""

    async def life(living: Living) -> None:
        living.voice("steps")
        may_cost(living, "steps", "1000$", stop=True)  # work is paid in € here
        job = (await living.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="steps")))).id
        told = await living.until(job, lambda told: told.status.queued.waits_for == pb.WAITS_FOR_BUDGET, 30)
        assert told.status.queued.why_waiting.startswith(
            "steps's budget is in $, and work of this month is paid in €: nobody can tell what is left of it; it "
        )
        assert living.outcomes(job) == []
        budget = await living.client.budget("steps")
        assert (budget.HasField("used"), list(budget.others)) == (False, ["€"])
        may_cost(living, "steps", "1000$", stop=False)
        await living.until(job, "running", 30)
        await living.daemon.energy.look()
        await living.client.cancel(job)
        await living.until(job, "cancelled")
        await until(lambda: job not in living.daemon.scheduler.attempts)
        await living.daemon.energy.look()

    def paid(session: Session) -> tuple[float | None, tuple[str, ...], bool]:
        """A month that began in another currency."""
        job = session.scalars(select(Job)).first()
        assert job is not None
        spent.put(
            session,
            [
                Spent(
                    job=job.id, attempt=99, month=spent.month_of(now()), seconds=10.0, gpu_held=0.0, gpu_metered=0.0,
                    gpu_joules=None, gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=0.0,
                    per_hour=3_600.0, per_kwh=0.0, currency="£",
                )
            ],
        )  # fmt: skip
        found = budgets.standing(session, "steps", pb.Money(amount=1_000, currency="EUR"), True, now())
        return found.used, found.others, found.holds

    async def later(living: Living) -> None:
        await life(living)
        used, others, holds = await living.daemon.store.write(paid)
        assert (others, holds) == (("£",), True)
        assert used is not None

    lived(tmp_path, later, cost=PRICE)


def test_months_are_those_of_the_machines_clock(berlin: None) -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    assert spent.month_of(late) == "2026-12"
    assert spent.next_month(late) == datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    limit = pb.Money(amount=20, currency="€")
    standing = budgets.Standing("anna", "2026-12", limit, True, 20.0, False, spent.next_month(late))
    assert standing.why_waits == (
        "anna's budget of 20.00 € for December 2026 is used up; "
        "it goes on at 00:00 on 1 January, or with a higher budget"
    )


def test_the_price_of_the_time_holds_and_currencies_are_not_mixed() -> None:
    row = Spent(
        job=1, attempt=1, month="2026-11", seconds=3_600.0, gpu_held=3_600.0, gpu_metered=3_600.0,
        gpu_joules=3_600_000.0, gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=100.0,
        per_hour=2.0, per_kwh=0.5, currency="€",
    )  # fmt: skip
    total = spent.of_row(row)
    assert total.joules == 3_600_000 + 360_000
    assert total.money == {"€": pytest.approx(2.0 + 0.55)}
    row.currency, row.gpu_joules, row.gpu_metered = "USD", None, 0.0
    other = spent.of_row(row)
    assert other.joules is None, "what is at the plug besides is added to energy that is known"
    assert other.money == {"USD": 2.0}
    total.add(other)
    assert total.money == {"€": pytest.approx(2.55), "USD": 2.0}
    assert total.unmetered == [pb.UNMETERED_GPU, pb.UNMETERED_CPU]
    assert total.message().money_lacks_energy


def test_what_a_job_will_have_taken_is_what_it_took_so_many_times() -> None:
    total = spent.Total(seconds=100.0, gpu_held=100.0, gpu_metered=100.0, gpu_joules=20_000.0, money={"€": 0.1})
    end = total.times(4.0)
    assert (end.seconds, end.gpu_joules, end.cpu_joules) == (400.0, 80_000.0, None)
    assert end.money == {"€": pytest.approx(0.4)}
    assert end.unmetered == total.unmetered
