"""When nothing is left to do: what keeps the machine up, when that is announced, what cancels it, and that it is done
once."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from living_daemon import Living, lived
from receivers import receiver

from daemon.database.models import Job, now
from daemon.database.store import opened
from daemon.errors import BadRequest
from daemon.idle import users
from daemon.idle.activity import Activity
from daemon.idle.decision import Idleness, Keeps, Patience, Seen, Step, decide, keeps
from daemon.idle.waiting import WaitingForIdleness, _at_work
from daemon.idle_settings import LENGTHS, WhenIdle
from daemon.machine.lazy_gpus import Cause, LazyGpus
from daemon.notify_settings import Notify
from daemon.settings import load
from daemon.state import events
from daemon.state.status import WaitsFor
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration

PATIENCE = Patience(after=1_200.0, notice=300.0)


def course(*looks: Seen, patience: Patience = PATIENCE) -> list[Step]:
    idle, steps = Idleness(), []
    for seen in looks:
        step, idle = decide(seen, idle, patience)
        steps.append(step)
    return steps


def test_it_is_announced_and_then_done_once() -> None:
    looks = [Seen(now) for now in (0.0, 890.0, 900.0, 1_190.0, 1_200.0, 1_210.0, 9_999.0)]
    assert course(*looks) == [
        Step.NOTHING,
        Step.NOTHING,
        Step.ANNOUNCE,
        Step.NOTHING,
        Step.ACT,
        Step.NOTHING,
        Step.NOTHING,
    ]


@pytest.mark.parametrize(
    ("what", "keeps_up"),
    [
        ({"jobs": 1}, Keeps.JOBS),
        ({"files": 1}, Keeps.INBOX),
        ({"streams": 1}, Keeps.STREAMS),
        ({"watchers": 1}, Keeps.WATCHED),
        ({"users": ("anna",)}, Keeps.USERS),
        ({"asked": 1_000.0}, Keeps.RECENT),
    ],
)
def test_whatever_happens_after_it_was_announced_cancels_it(what: dict[str, Any], keeps_up: Keeps) -> None:
    assert course(Seen(0.0), Seen(900.0), Seen(1_005.0, **what), Seen(1_300.0))[2:] == [Step.CANCEL, Step.NOTHING]
    assert keeps(Seen(1_005.0, **what), Idleness(0.0, 900.0)) == {keeps_up}


def test_the_whole_notice_is_given_also_where_nobody_looked_for_long() -> None:
    assert course(Seen(0.0), Seen(50_000.0), Seen(50_100.0), Seen(50_300.0)) == [
        Step.NOTHING, Step.ANNOUNCE, Step.NOTHING, Step.ACT,
    ]  # fmt: skip


WITH_NOTICES = Patience(after=1_200.0, notice=300.0, unsent=600.0)


@pytest.mark.parametrize(
    ("looks", "acts_at"),
    [
        ([(1_200.0, None)], 1_200.0),  # all were sent
        ([(1_200.0, 1_210.0), (1_215.0, None)], 1_215.0),  # a service that did not answer does
        ([(1_200.0, 0.0), (1_790.0, 1_795.0), (1_795.0, 1_795.0), (1_800.0, 1_801.0)], 1_800.0),  # never does
        ([(1_200.0, 1_210.0), (1_300.0, 2_100.0)], 1_300.0),  # is tried again too late for this
        ([(1_200.0, 30_000.0)], 1_200.0),  # in quiet hours, or of a digest
    ],
)
def test_it_waits_for_notices_that_were_not_sent_but_not_for_long(
    looks: list[tuple[float, float | None]], acts_at: float
) -> None:
    course_of = [Seen(0.0), Seen(900.0), *(Seen(moment, unsent=unsent) for moment, unsent in looks)]
    steps = course(*course_of, patience=WITH_NOTICES)
    assert steps[-1] is Step.ACT
    assert course_of[-1].now == acts_at
    assert Step.ACT not in steps[:-1]


def test_whatever_happens_while_it_waits_for_notices_cancels_it() -> None:
    looks = [Seen(0.0), Seen(900.0), Seen(1_200.0, unsent=1_210.0), Seen(1_250.0, jobs=1, unsent=1_260.0)]
    assert course(*looks, patience=WITH_NOTICES)[2:] == [Step.NOTHING, Step.CANCEL]


def test_it_is_done_again_only_after_something_happened() -> None:
    looks = [Seen(0.0), Seen(900.0), Seen(1_200.0), Seen(2_000.0, jobs=1), Seen(3_000.0), Seen(3_900.0), Seen(4_200.0)]
    assert course(*looks)[2:] == [Step.ACT, Step.NOTHING, Step.NOTHING, Step.ANNOUNCE, Step.ACT]


@given(
    some.lists(some.tuples(some.floats(0.1, 2_000), some.integers(0, 2), some.booleans()), max_size=40),
    some.floats(1, 2_000),
    some.floats(1, 2_000),
)
def test_nothing_is_done_while_there_is_something_to_do(
    looks: list[tuple[float, int, bool]], after: float, notice: float
) -> None:
    idle, now, patience = Idleness(), 0.0, Patience(after, notice)
    busy_at, announced = 0.0, None
    for pause, jobs, asked in looks:
        now += pause
        seen = Seen(now, jobs=jobs, asked=now if asked else float("-inf"))
        step, idle = decide(seen, idle, patience)
        busy_at = now if jobs or asked else busy_at
        if step is Step.ANNOUNCE:
            announced = now
        if step is Step.CANCEL or jobs or asked:
            announced = None
        if step is Step.ACT:
            assert not jobs
            assert not asked
            assert now - busy_at >= min(after, now)
            assert announced is not None
            assert now - announced >= min(notice, after)


# ------------------------------------------------------------------------------------------------------- who is there


def test_who_is_logged_in_is_read_from_logind_and_utmp(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    (sessions / "1").write_text("UID=1000\nUSER=anna\nSTATE=active\nCLASS=user\n")
    (sessions / "2").write_text("UID=1001\nUSER=bert\nSTATE=closing\nCLASS=user\n")
    (sessions / "3").write_text("UID=110\nUSER=gdm\nSTATE=online\nCLASS=greeter\n")
    (sessions / "1.ref").write_text("")
    record = struct.Struct("hxxi32s4s32s256shhiii4i20s")

    def entry(kind: int, pid: int, user: bytes) -> bytes:
        return record.pack(kind, pid, b"pts/0", b"ts/0", user, b"", 0, 0, 0, 0, 0, 0, 0, 0, 0, b"")

    gone = 2**22 - 1
    (tmp_path / "utmp").write_bytes(
        entry(7, os.getpid(), b"carl") + entry(8, os.getpid(), b"dora") + entry(7, gone, b"emil") + b"half"
    )
    assert users.logged_in(sessions, tmp_path / "utmp") == ("anna", "carl")
    assert users.logged_in(tmp_path / "none", tmp_path / "none") == ()


# --------------------------------------------------------------------------------------------------------------- alive


def test_a_command_runs_once_nothing_is_left_to_do(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    os.mkfifo(sign)
    settings = WhenIdle(do="command", command=f"sh -c 'echo $1 > {sign}' - 'it ran'", after="1.2 s", notice="0.6 s")

    async def life(running: Living) -> None:
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(sign.read_text) == "it ran\n"
        told = [event.notice.sentence for event in running.daemon.store.read_now(events.after, 0)[0]]
        assert any(sentence.startswith("Nothing is left to do: Myna runs") for sentence in told), "it was announced"

    lived(tmp_path / "home", life, when_idle=settings)


def test_a_dead_service_is_waited_for_and_told_of_and_hears_of_it_after_the_next_start(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        daemon = running.daemon
        settings = WhenIdle(do="command", command="true")
        of = (daemon.store, settings, Activity(), daemon.launcher, list, lambda: 0)
        idle = WaitingForIdleness(*of, daemon.notices.unsent, lambda: ())
        assert (await idle.seen()).unsent is None
        await running.until(await running.train("refuse"), "failed")
        await there.coming()
        assert (await idle.seen()).unsent is not None
        found = await idle.message()
        assert (found.notices, found.notices_seconds) == (1, 900.0)
        await idle._act()
        (told,) = (
            event.notice.sentence for event in daemon.store.read_now(events.after, 0)[0] if event.notice.sentence
        )
        assert told == (
            "Nothing is left to do: now Myna runs 'true'. 1 notice was not sent (box: 1): kept, and sent after the "
            "next start of mynad at the latest."
        )

    async def again(running: Living) -> None:
        assert "failed" in (await there.coming(60.0)).body["message"]

    with receiver() as there:
        there.answer = lambda: 503
        box = Notify(name="box", url=there.url(), events=("failed",))
        lived(tmp_path / "home", life, notify=(box,))
        there.answer = lambda: 200
        while not there.nothing():
            there.next()
        lived(tmp_path / "home", again, notify=(box,))


def test_what_keeps_it_up_is_said(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        job = await running.train("steps")
        await running.until(job, "running")
        told = await running.client.idle()
        assert pb.KEEPS_JOBS in told.keeps
        assert told.jobs == 1
        assert not told.HasField("due_seconds")
        await running.client.cancel(job)
        await running.until(job, "cancelled")
        told = await running.client.idle()
        assert pb.KEEPS_JOBS not in told.keeps

    lived(tmp_path / "home", life, when_idle=WhenIdle(do="suspend", dry_run=True))


def test_a_dry_run_only_says_it_and_a_command_that_fails_is_told(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        daemon, unsent = running.daemon, running.daemon.notices.unsent

        def idle(**settings: Any) -> WaitingForIdleness:
            return WaitingForIdleness(
                daemon.store, WhenIdle(**settings), Activity(), daemon.launcher, list, lambda: 0, unsent, lambda: ()
            )

        announcing = idle(do="shutdown", dry_run=True, after="0.6 s")
        assert [await announcing.look() for _ in range(2)] == [Step.NOTHING, Step.ANNOUNCE]
        await idle(do="shutdown", dry_run=True)._act()
        await idle(do="command", command="false")._act()
        await idle(do="command", command="no-such-program-here")._act()
        told = []
        async with asyncio.timeout(20):
            async for event in daemon.events.watch(0):
                if event.HasField("notice"):
                    told.append(event.notice.sentence)
                if len(told) == 6:
                    break
        assert told.pop(0) == "Nothing is left to do: this machine shuts down in 1 minute, were this no dry run."
        assert told[0] == "Nothing is left to do: now this machine shuts down, were this no dry run."
        assert told[2] == "false failed: it ended with 1."
        assert told[4] == "no-such-program-here failed: there is no such program."

    lived(tmp_path / "home", life)


def test_scrapes_and_health_checks_keep_nothing_up() -> None:
    activity = Activity()
    before = activity.asked
    for method in ("/myna.v1.System/Metrics", "/grpc.health.v1.Health/Check", "/myna.v1.System/Idle"):
        activity.call(method)
    assert activity.asked == before
    activity.call("/myna.v1.Jobs/List")
    assert activity.asked > before


UNCLOSED = 'do = "command"\ncommand = "echo \'"'


@pytest.mark.parametrize("table", ['do = "command"', 'command = "ls"', 'do = "explode"', UNCLOSED])
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "myna.toml").write_text(f"[when_idle]\n{table}\n")
    with pytest.raises(BadRequest, match=r"when_idle|do"):
        load(tmp_path)


@pytest.mark.parametrize("length", ['"20"', "20", '"0 min"', '"soon"', '"2000 h 400 d"', '"-1h"', '""'])
def test_a_length_that_cannot_be_meant_is_refused_with_an_example(tmp_path: Path, length: str) -> None:
    (tmp_path / "myna.toml").write_text(f"[when_idle]\nafter = {length}\n")
    said = r'after( of \[when_idle\])? must be a time above 0, at most 365 days, like "20 min" or "1h"; '
    with pytest.raises(BadRequest, match=said):
        load(tmp_path)


def test_lengths_of_time_are_written_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "myna.toml").write_text(
        '[when_idle]\nafter = "1 h 30 min"\nnotice = "90 s"\nwait_for_notices = "0 s"\n'
    )
    found = load(tmp_path).when_idle
    assert [found.seconds(name) for name in LENGTHS] == [5_400.0, 90.0, 0.0]


def test_a_backup_keeps_the_machine_up_for_as_long_as_it_takes(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        steps = running.client.backup(str(tmp_path / "disk"), rate=1_000)
        await anext(aiter(steps))
        assert pb.KEEPS_UPLOADS in (await running.client.idle()).keeps
        await steps.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(10):  # mynad hears of it when gRPC tells it
            while pb.KEEPS_UPLOADS in (await running.client.idle()).keeps:
                pass

    lived(tmp_path / "home", life)


def test_a_job_that_waits_for_a_budget_keeps_nothing_up(tmp_path: Path) -> None:
    def queue(session: Session, waits_for: WaitsFor) -> None:
        row = Job(kind="train", voice="anna", title="", spec=b"", gpu_lane=True, priority=1, place=1.0, state="queued")
        row.submitted = row.queued_since = now()
        row.waits_for = waits_for
        session.add(row)

    with opened(tmp_path) as store:
        store.write_now(queue, WaitsFor.BUDGET)
        assert store.read_now(_at_work) == 0
        store.write_now(queue, WaitsFor.GPU_MINUTES)
        store.write_now(queue, WaitsFor.NOTHING)
        assert store.read_now(_at_work) == 2


def test_a_person_who_asks_again_is_noticed_again(tmp_path: Path) -> None:
    """The door keeps the handler of what a person asked for once."""

    async def life(running: Living) -> None:
        await running.client.add_person("ben", ["read"])
        ben = running.client.bearing((await running.client.create_token("ben")).token)
        activity = running.daemon.keeper.activity
        for _ in range(3):
            before = activity.asked
            _ = [voice async for voice in ben.voices()]
            assert activity.asked > before

    lived(tmp_path / "home", life)


def test_a_command_may_say_a_lot_and_leave_something_behind(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        daemon = running.daemon
        settings = WhenIdle(do="command", command="true")
        of = (daemon.store, settings, Activity(), daemon.launcher, list, lambda: 0)
        idle = WaitingForIdleness(*of, daemon.notices.unsent, lambda: ())
        async with asyncio.timeout(30):
            said = await idle._run(["sh", "-c", "sleep 60 & head -c 1000000 /dev/zero | tr '\\0' x; exit 3"])
        assert said.startswith("it ended with 3. xxx")
        assert len(said) < 3_000

    lived(tmp_path / "home", life)


# ----------------------------------------------------------------------------------------------------------- lazy GPUs


def sample(utilisation: float, cpu: float = 0.1) -> pb.SystemSample:
    made = pb.SystemSample(cpu=cpu)
    made.gpus.add(index=1, utilisation=utilisation, owned=True).processes.add(pid=7)
    made.gpus.add(index=2, utilisation=0.0, owned=False).processes.add(pid=7)
    return made


@pytest.mark.parametrize(
    ("cpu", "paused", "cause"), [(0.1, False, Cause.UNKNOWN), (0.95, False, Cause.CPU), (0.95, True, Cause.PAUSED)]
)
def test_a_gpu_that_is_held_and_idle_is_told_once(cpu: float, paused: bool, cause: Cause) -> None:
    lazy = LazyGpus()

    def look(utilisation: float, now: float) -> list[tuple[int, int, Cause]]:
        found = lazy.look(sample(utilisation, cpu), lambda pid: 12 if pid == 7 else 0, {12: paused}, now)
        return [(one.job, one.gpu, one.cause) for one in found]

    assert look(0.1, 0.0) == look(0.1, 590.0) == []
    assert look(0.9, 595.0) == look(0.1, 600.0) == look(0.1, 1_190.0) == []
    assert look(0.1, 1_200.0) == [(12, 1, cause)]
    assert look(0.1, 9_000.0) == []
