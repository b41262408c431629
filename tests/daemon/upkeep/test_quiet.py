"""How fast backups and checks read beside jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from daemon.database.models import Job, now
from daemon.database.store import opened
from daemon.processes.lock import Lock
from daemon.upkeep import quiet
from daemon.upkeep.quiet import Pace, beside_jobs

pytestmark = pytest.mark.integration


def test_a_bound_holds_while_a_job_is_at_work_and_only_then(tmp_path: Path) -> None:
    def given(session: Session) -> None:
        session.add(
            Job(
                kind="train", voice="anna", title="train anna", spec=b"", gpu_lane=True, priority=100, place=1.0,
                state="queued", submitted=now(), queued_since=now(),
            )
        )  # fmt: skip

    rate = beside_jobs(tmp_path, 40e6)
    assert callable(rate)
    assert rate() == 0.0, "a backup is read where there is no home"
    mynad = Lock(tmp_path)
    with opened(tmp_path) as store:
        assert rate() == 0.0
        store.write_now(given)
        assert rate() == 0.0, "it only waits"
        store.write_now(lambda session: session.execute(update(Job).values(state="running")))
        assert rate() == 40e6
        mynad.release()
        assert rate() == 0.0, "mynad was killed, and the job with it"
        mynad = Lock(tmp_path)
        assert rate() == 40e6
        store.write_now(lambda session: session.execute(update(Job).values(state="succeeded")))
        assert rate() == 0.0
    (tmp_path / "myna.db").write_bytes(b"no database")
    assert rate() == 40e6, "where nobody can tell, a training may be at work"
    mynad.release()
    assert rate() == 0.0


def test_the_rate_is_asked_for_again_and_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept, rate = [100.0], list[float](), [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("daemon.upkeep.quiet.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("daemon.upkeep.quiet.time.sleep", sleep)
    pace = Pace(lambda: rate[0])
    pace.read(1_000_000)
    assert slept == [], "no bound"
    rate[0] = 10.0
    pace.read(1_000_000)
    assert slept == [], "it is asked now and then"
    clock[0] += quiet.LOOK
    for _ in range(3):
        pace.read(20)
    assert sum(slept) == pytest.approx(5.0), "60 bytes at 10 a second, but for one second that may be caught up"
    clock[0] += quiet.LOOK
    slept.clear()
    rate[0] = 0.0
    pace.read(1_000_000)
    assert slept == []
