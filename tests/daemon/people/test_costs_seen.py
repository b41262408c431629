"""What a person sees of costs and budgets."""

from __future__ import annotations

from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy.orm import Session

from daemon.database.energy_rows import Spent
from daemon.database.models import Voice
from daemon.price import Price
from daemon.state import spent
from proto import myna_pb2 as pb
from proto.channel import ClientError

pytestmark = pytest.mark.integration


def test_a_person_sees_costs_of_their_own_voices_and_sets_no_others_budget(tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        await living.client.add_person("bob", ("speak", "read", "train"), pb.Limits())
        await living.client.share("anna", "bob", ["speak"])
        living.voice("robin")
        jobs = [
            (await living.client.submit(pb.JobSpec(ingest=pb.IngestSpec(voice=voice, files=[b"a.wav"])))).id
            for voice in ("anna", "robin")
        ]

        def fill(session: Session) -> None:
            session.get_one(Voice, "robin").owner = "bob"
            for place, job in enumerate(jobs):
                spent.put(session, [row(job, 3_600.0 * (place + 1))])
            for voice in ("anna", "robin"):
                session.get_one(Voice, voice).options = {"budget": {"month": "20€"}}

        await living.daemon.store.write(fill)
        bob = living.client.bearing((await living.client.create_token("bob")).token)
        everything, his = await living.client.costs(), await bob.costs()
        assert [one.voice for one in everything.voices] == ["anna", "robin"]
        assert everything.all.money[0].amount == pytest.approx(3.0, abs=0.1)
        assert [one.voice for one in his.voices] == ["robin"]
        assert his.all.money[0].amount == pytest.approx(2.0, abs=0.1)
        assert [one.voice for one in his.budgets] == ["robin"]
        for refused in (bob.costs("anna"), bob.budget("anna"), bob.set_budget("anna", None)):
            with pytest.raises(ClientError, match="bob may not"):
                await refused
        with pytest.raises(ClientError, match="no voice"):
            await bob.costs("nobody")
        told = await bob.set_budget("robin", pb.Money(amount=30, currency="€"))
        assert told.limit.amount == 30

    lived(tmp_path, life, cost=Price(per_hour=1.0))


def row(job: int, seconds: float) -> Spent:
    return Spent(
        job=job, attempt=9, month="2026-01", seconds=seconds, gpu_held=0.0, gpu_metered=0.0, gpu_joules=None,
        gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=0.0, per_hour=1.0, per_kwh=0.0,
        currency="€",
    )  # fmt: skip
