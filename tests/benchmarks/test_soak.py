"""What `make soak` says: what grows is seen, what is level is not said to grow, and no error is overlooked."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.soaking import homes, logs, slopes, verdict
from benchmarks.soaking.homes import Database
from benchmarks.soaking.processes import Held, family, held, rollup_of, stat_of, stats
from benchmarks.soaking.samples import LASTING, Sample, Series

pytestmark = pytest.mark.unit

MINUTES = 60


def points(an_hour: float, noise: float = 0.0, level: float = 100.0) -> list[slopes.Point]:
    """An hour of samples, five seconds apart."""
    chance = random.Random(1)
    return [(at, level + an_hour * at / 3_600 + chance.gauss(0, noise)) for at in range(0, MINUTES * 60, 5)]


def test_the_slope_of_a_line_is_its_own() -> None:
    found = slopes.slope(slopes.blocks(points(7.0)))
    assert found.likely == pytest.approx(7.0)
    assert found.low == pytest.approx(7.0)
    assert found.high == pytest.approx(7.0)
    assert found.known


def test_noise_widens_the_interval_and_peaks_move_nothing() -> None:
    noisy = [(at, value + (500.0 if at % 600 == 0 else 0.0)) for at, value in points(7.0, noise=1.0)]
    found = slopes.slope(slopes.blocks(noisy))
    assert found.low < 7.0 < found.high
    assert found.likely == pytest.approx(7.0, abs=1.0)
    level = slopes.slope(slopes.blocks(points(0.0, noise=1.0)))
    assert level.low < 0 < level.high


def test_the_interval_of_pure_noise_holds_zero_about_nineteen_times_in_twenty() -> None:
    chance = random.Random(3)
    held_zero = 0
    for _ in range(200):
        found = slopes.slope([(60.0 * n, chance.gauss(0, 1)) for n in range(30)])
        held_zero += found.low <= 0 <= found.high
    assert 180 <= held_zero <= 198


def test_of_too_few_points_nothing_is_known() -> None:
    assert not slopes.slope([]).known
    assert not slopes.slope([(0, 1), (60, 2)]).known


def test_blocks_are_medians_and_later_points_can_be_told_alone() -> None:
    assert slopes.blocks([(0, 1), (1, 100), (2, 3), (61, 9)]) == [(1, 3), (61, 9)]
    assert slopes.after([(0, 1), (50, 2), (100, 3)], 0.5) == [(50, 2), (100, 3)]
    assert slopes.least([(0, 9), (50, 2), (100, 3)], 0.6, 1.0) == 3


# ---------------------------------------------------------------------------------------------------------------- /proc


def test_proc_is_read_whatever_a_program_is_called() -> None:
    line = "77 (a (b) c) Z 12 77 77 0 -1 4 0 0 0 0 0 0 0 0 20 0 5 0 100 0 0"
    assert (stat_of(line).state, stat_of(line).parent, stat_of(line).threads) == ("Z", 12, 5)
    text = "55-7f ---p 00000000 00:00 0 [rollup]\nRss: 40 kB\nPss: 30 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: 8 kB\n"
    assert rollup_of(text) == (40 * 1024, 30 * 1024, 12 * 1024)


def test_a_process_that_holds_more_is_seen_to() -> None:
    before = held(os.getpid(), stats())
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(7)]
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    try:
        after = held(os.getpid(), stats())
    finally:
        leave.set()
        thread.join()
        for file in files:
            os.close(file)
    assert before is not None
    assert after is not None
    assert after.files >= before.files + 7
    assert after.threads == before.threads + 1
    assert 0 < after.own <= after.rss


def test_a_child_that_nobody_waited_for_is_a_zombie_and_a_live_one_is_family() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    alive = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert dead.stdout is not None
        dead.stdout.read()
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not waited for yet
        now = stats()
        own = held(os.getpid(), now)
        assert own is not None
        assert dead.pid in own.zombies
        assert alive.pid in {pid for _, pid in family(os.getpid(), now)}
        assert dead.pid not in {pid for _, pid in family(os.getpid(), now)}
    finally:
        alive.communicate(b"\n")
        dead.wait()
    assert held(dead.pid, stats()) is None


# ----------------------------------------------------------------------------------------------------------------- logs


def test_errors_and_tracebacks_are_counted_and_warnings_told_apart() -> None:
    found = logs.faults(
        [
            "2026-11-30 09:00:00,123 INFO mynad: ready: an ERROR in words is none",
            "2026-11-30 09:00:00,123 WARNING mynad.inbox: 3 files wait",
            "2026-11-30 09:00:01,123 WARNING mynad.inbox: 14 files wait",
            "2026-11-30 09:00:02,123 ERROR mynad: it fell",
            "Traceback (most recent call last):",
            "2026-11-30 09:00:02,123 CRITICAL mynad: inbox failed; mynad ends.",
            "2026-11-30 09:00:03,123 INFO mynad.doors: socket.send() raised exception.",
        ]
    )
    assert len(found.errors) == 4
    assert found.warnings == {"mynad.inbox: N files wait": 2}


def test_errors_in_logs_of_jobs_are_found(tmp_path: Path) -> None:
    lines = [{"level": "info", "text": "fine"}, {"level": "error", "text": "it broke"}]
    (tmp_path / "job-3.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{half")
    assert logs.of_jobs(tmp_path) == ["job-3.jsonl: it broke", "job-3.jsonl: not JSON: {half"]


# ----------------------------------------------------------------------------------------------------------------- home


def test_what_is_half_made_is_found_and_what_is_whole_is_not(tmp_path: Path) -> None:
    for name in ("recordings/.incoming/a.wav", "imports/x", "runs/1/checkpoints.gone/a", "voices/anna/1/model.pth"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert homes.leftovers(tmp_path) == ["imports/x", "recordings/.incoming/a.wav", "runs/1/checkpoints.gone"]
    assert homes.folders(tmp_path)["recordings"] == (1, 0)


def test_a_database_is_measured_without_what_is_free_in_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "myna.db") as db:
        db.execute("CREATE TABLE jobs (a TEXT)")
        db.execute("CREATE TABLE events (a TEXT)")
        db.executemany("INSERT INTO jobs VALUES (?)", [("x" * 1_000,)] * 500)
    full = homes.database(tmp_path)
    with sqlite3.connect(tmp_path / "myna.db") as db:
        db.execute("DELETE FROM jobs")
    empty = homes.database(tmp_path)
    assert full.rows == {"jobs": 500, "events": 0}
    assert full.used > 500_000
    assert empty.bytes == full.bytes
    assert empty.used < 50_000


# -------------------------------------------------------------------------------------------------------------- verdict


def series(*, memory: float = 0.0, files: float = 0.0, zombies: tuple[int, ...] = (), job: float = 5_000.0) -> Series:
    """An hour in which mynad's memory (bytes) and files grow by so much, and the database by so much a job."""
    found = Series()
    for number in range(MINUTES * 12):
        hours = number / (MINUTES * 12)
        jobs = number // 2
        base = Database(int(1e6 + job * jobs), 4_000_000, 0, {"jobs": jobs, "events": 2_100}, 2_101 + jobs)
        level = Held(1, 80_000_000, 60_000_000, 50_000_000, 30, 12, 1, ())
        mynad = Held(1, 80_000_000, 60_000_000, int(50e6 + memory * hours), int(30 + files * hours), 12, 1, zombies)
        found.samples.append(
            Sample(number * 5.0, {name: mynad if name == "mynad" else level for name in LASTING}, (), zombies, base)
        )
    return found


def told(found: Series) -> dict[str, bool]:
    rows = (
        *verdict.memory(found), *verdict.counts(found), verdict.survived(found), *verdict.database(found, 2_000, 500),
    )  # fmt: skip
    return {row.name: row.holds for row in rows}


def test_a_level_hour_holds_every_bar() -> None:
    assert all(told(series()).values())
    assert len(told(series())) == 9


@pytest.mark.parametrize(
    ("change", "falls"),
    [
        ({"memory": 3e6}, "soak: memory of mynad, growth"),
        ({"files": 5.0}, "soak: open files and threads of mynad"),
        ({"zombies": (9,)}, "soak: processes that stay"),
        ({"job": 40_000.0}, "soak: growth of the database"),
    ],
)
def test_each_bar_falls_short_by_itself(change: dict[str, float], falls: str) -> None:
    assert [name for name, holds in told(series(**change)).items() if not holds] == [falls]  # type: ignore[arg-type]


def test_who_died_and_was_started_again_did_not_stay() -> None:
    found = series()
    last = found.samples[-1]
    other = Held(2, 1, 1, 1, 30, 12, 1, ())
    found.samples[-1] = Sample(last.at, {**last.held, "doors": other}, (), (), last.database)
    assert not verdict.survived(found).holds


def test_a_zombie_that_is_gone_in_the_next_sample_is_none() -> None:
    found = series()
    one = found.samples[5]
    found.samples[5] = Sample(one.at, one.held, (), (77,), one.database)
    assert verdict.survived(found).holds


# ---------------------------------------------------------------------------------------------------------------- clock


def test_an_hour_of_the_moved_clock_passes_at_once_everywhere_in_mynad(tmp_path: Path) -> None:
    """In a process of its own, since it moves the clock of whoever imports it."""
    program = (
        "from benchmarks.soaking import mynad\n"
        "mynad.move(0.001, 30)\n"
        "import time; end = time.monotonic() + 5\n"
        "while mynad.moved(0.001, 30).total_seconds() < 30 * 3600: assert time.monotonic() < end\n"
        "from daemon.state import accounts, events\n"
        "from daemon import main\n"
        "from daemon.cleaning import cleaning\n"
        "assert accounts.now is events.now is cleaning.now\n"
        "assert main.FORGET == cleaning.EVERY == 0.001\n"
        "print(accounts.now().isoformat())\n"
    )
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    ahead = datetime.fromisoformat(out.stdout.strip()) - datetime.now(UTC)
    assert timedelta(hours=29, minutes=58) < ahead <= timedelta(hours=30)
