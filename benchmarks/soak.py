"""An hour of work, in which two days of the clock pass: does anything grow that should not, and does anything go wrong?

A real mynad in a home of its own, by the engine that ships with it: recordings of several voices (and files that are
none) dropped into the inbox again and again, datasets, trainings, scorings, promotions by score and by hand, voices
that come and go; speech over gRPC, HTTP and Wyoming, hung up midway as often as not; trainings that are held,
cancelled and tried again; watchers quick, slow and killed; dashboards in pseudo-terminals; scripts over TCP; scrapes of
`/metrics`; backups, checks and cleanings; a person whose minutes are used up; notices as digests.

    python -m benchmarks.soak [--minutes 60] [--hours 48] [--keep FOLDER]

Of the clock: `benchmarks/soaking/mynad.py` says what of it is moved, and what is not. Nothing that is measured is. Of
trends, the slope of Theil and Sen over the second half of the time is told, with its 95 % interval; in less than ten
minutes there is none, and the bars of trends are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bars import tell
from benchmarks.soaking import homes, logs, verdict
from benchmarks.soaking.callers import Caller, all_at_once
from benchmarks.soaking.house import EVENTS_KEPT, House, Tally, missing
from benchmarks.soaking.onlookers import Script, Watchers, Web
from benchmarks.soaking.people import Dashboards, Upkeep
from benchmarks.soaking.processes import family, stats
from benchmarks.soaking.samples import LASTING, Sampler, Series
from benchmarks.soaking.speech import Speaker
from benchmarks.soaking.verdict import Row
from benchmarks.soaking.work import Feeder
from proto.client import Client, state_of
from tests.daemon.receivers import Receiver, receiver

LIVE = ("queued", "running", "paused")
#: seconds in which everybody has left, and in which the last jobs have ended
LEAVE, LAST_JOBS = 420.0, 600.0
#: seconds that what mynad started may outlive it
OUTLIVES = 15.0
#: temporary files and folders of onnxruntime, PulseAudio and torch: one each, however often they are loaded
LIBRARIES = (".ses", "pulse-", "torchinductor_")
#: minutes from which on trends are told
TRENDS = 10.0
#: events of a moved hour, at most, on top of those that are kept
BETWEEN = 300


@dataclass
class Soaked:
    """What there is to tell in the end."""

    house: House
    tally: Tally
    series: Series
    there: Receiver
    minutes: float
    status: int | None  #: mynad's, when it ended
    checked: int  #: findings of a deep check
    left: list[str]  #: processes that outlived mynad
    cpu: float  #: share of a core that those who stay took
    late: list[str]  #: callers that had not left in time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--hours", type=int, default=48, help="that pass on the clock of rows meanwhile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the home, samples and logs, which stay")
    asked = parser.parse_args()
    if why := missing():
        print(why, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # mynad is ended in any case
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="myna-soak-"))
    try:
        with receiver() as there:
            _tell(_soaked(folder, there, asked.minutes, asked.hours, asked.seed))
    finally:
        if asked.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _soaked(folder: Path, there: Receiver, minutes: float, hours: int, seed: int) -> Soaked:
    """All of it, up to mynad's end."""
    house = House(folder, there.url(), minutes * 60 / hours, hours)
    tally, over, began = Tally(), threading.Event(), time.monotonic()
    below = list[int]()
    try:
        pid = house.start()
        sampler = Sampler(pid, house.home, folder / "samples.jsonl", began)
        threads = _everybody(house, tally, over, seed)
        _wait(house, tally, sampler, minutes * 60, began)
        over.set()
        late = _left(threads)
        with house.client() as client:
            _last_jobs(client, tally)
        took, cpu = time.monotonic() - began, sampler.cpu()
        tally.faults.extend(f"samples: {one}" for one in sampler.faults)
        series = sampler.close()
        below = [number for _, number in family(pid, stats())]
    finally:
        over.set()
        status = house.end()
    return Soaked(house, tally, series, there, minutes, status, _checked(house), _outlived(below), cpu / took, late)


def _everybody(house: House, tally: Tally, over: threading.Event, seed: int) -> list[threading.Thread]:
    """Let all who use it begin."""
    kinds: tuple[type[Caller], ...] = (Feeder, Speaker, Script, Web, Dashboards, Upkeep)
    watchers = threading.Thread(target=Watchers(house, tally, over, seed).run, name="watchers", daemon=True)
    watchers.start()
    return [*all_at_once([kind(house, tally, over, seed) for kind in kinds]), watchers]


def _outlived(below: Sequence[int]) -> list[str]:
    """Processes that are there still some time after mynad: a notice that is being sent is sent to its end."""
    end = time.monotonic() + OUTLIVES
    while True:
        alive = stats()
        left = [f"{number}" for number in below if number in alive and alive[number].state != "Z"]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.5)


def _wait(house: House, tally: Tally, sampler: Sampler, seconds: float, began: float) -> None:
    """Until the time is over, telling how it goes every five minutes."""
    told = 0
    while (passed := time.monotonic() - began) < seconds:
        if house.mynad is None or house.mynad.poll() is not None:
            tally.fault("mynad ended by itself")
            return
        time.sleep(1.0)
        if passed // 300 > told:
            told = int(passed // 300)
            held = sampler.series.samples[-1].held if sampler.series.samples else {}
            sizes = ", ".join(f"{name} {one.own / 1e6:.1f} MB" for name, one in held.items())
            print(f"# {passed / 60:.0f} min: {sizes}; {len(tally.faults)} faults", flush=True)


def _left(threads: list[threading.Thread]) -> list[str]:
    """Let everybody come to their turn's end; who did not in time."""
    end = time.monotonic() + LEAVE
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.1))
    return [thread.name for thread in threads if thread.is_alive()]


def _last_jobs(client: Client, tally: Tally) -> None:
    """Let what is under way come to its end."""
    end = time.monotonic() + LAST_JOBS
    while (there := list(client.jobs(states=LIVE))) and time.monotonic() < end:
        time.sleep(1.0)
    for job in there:
        tally.fault(f"stuck: {job.title}: {state_of(job)}")


def _checked(house: House) -> int:
    """Findings of `myna check --deep`, with no daemon there."""
    process = house.myna("check", "--deep")
    out, err = process.communicate(timeout=600)
    if process.returncode:
        print(f"# check: {' '.join((out + err).split())[:600]}", flush=True)
    return process.returncode


# ------------------------------------------------------------------------------------------------------------ the table


def _tell(found: Soaked) -> None:
    _details(found)
    rows = [] if found.minutes < TRENDS else [*verdict.memory(found.series), *verdict.counts(found.series)]
    rows += [verdict.survived(found.series), *verdict.database(found.series, EVENTS_KEPT, BETWEEN)]
    rows += [_errors(found), _jobs(found), _clock(found), _end(found)]
    for row in rows:
        tell(row.name, row.measured, row.bar, row.holds)


def _errors(found: Soaked) -> Row:
    """In logs, and at callers."""
    home, out = found.house.home, found.house.folder / "mynad.out"
    told = logs.faults(logs.own(home / "log"))
    printed = logs.faults(out.read_text(errors="replace").splitlines())
    # what it prints is what it logs, of which the oldest may be gone by now
    lines, of_jobs = printed.errors or told.errors, logs.of_jobs(home / "log")
    for line in (*lines, *of_jobs):
        print(f"# error: {line[:300]}")
    for text, count in printed.warnings.most_common(30):
        print(f"# warned {count} times: {text}")
    callers = len(found.tally.faults) + len(found.late)
    calls = sum(found.tally.done.values())
    return Row(
        "soak: errors",
        f"{len(lines)} in mynad's log, {len(of_jobs)} in jobs' logs, {callers} of {calls:,} things that were done",
        "0",
        not lines and not of_jobs and not callers,
    )


def _jobs(found: Soaked) -> Row:
    """Which jobs there were, and how they ended."""
    with closing(sqlite3.connect(f"file:{found.house.home}/myna.db?mode=ro", uri=True)) as db:
        ended = Counter[str]()
        for kind, state, count in db.execute("SELECT kind, state, count(*) FROM jobs GROUP BY kind, state"):
            ended[state] += count
            print(f"# jobs: {count} {kind} {state}")
        failed = db.execute("SELECT title, why, log_tail FROM jobs WHERE state = 'failed' AND person = ''").fetchall()
    # what is said for a person fails where their minutes are used up
    lost = (found.house.folder / "mynad.out").read_text(errors="replace").count("WARNING mynad.attempt: The worker of ")
    for title, why, tail in failed:
        print(f"# failed: {title}: {why} {' '.join(str(tail).split())[-300:]}")
    told = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    live = sum(ended[state] for state in LIVE)
    good = not failed and not live and not lost and ended["succeeded"] > 0
    return Row(
        "soak: jobs",
        f"{told}; {lost} workers died",
        "all succeeded, cancelled by hand, or past a person's minutes",
        good,
    )


def _clock(found: Soaked) -> Row:
    """What days that pass do."""
    home, done = found.house.home, found.tally.done
    with closing(sqlite3.connect(f"file:{home}/myna.db?mode=ro", uri=True)) as db:
        days = [day for (day,) in db.execute("SELECT DISTINCT day FROM usage WHERE speech > 0")]
        first, last = db.execute("SELECT min(submitted), max(coalesce(ended, submitted)) FROM jobs").fetchone()
        (cursors,) = db.execute("SELECT max(cursor) FROM events").fetchone()
    hours = (last - first) / 3.6e9
    refused = done["speech: a person's, refused: the day's minutes are used up"]
    files = len(list((home / "log").glob("mynad.log*")))
    printed = (found.house.folder / "mynad.out").read_text(errors="replace")
    cleaned = printed.count("Cleaned: ")
    told = (
        f"{hours:.0f} h of the clock: {cursors:,} events, cleaned {cleaned} times, {len(days)} days on which a person "
        f"spoke (refused {refused} times), {len(found.there.all)} digests, {files} files of the log"
    )
    bar = "cleaned, forgotten and refilled; ≤ 5 files of the log"
    long = found.minutes >= TRENDS
    good = files <= 5 and (not long or (cleaned > 0 and len(days) > 1 and len(found.there.all) > 1))
    return Row("soak: days that pass", told, bar, good)


def _end(found: Soaked) -> Row:
    """What is there when mynad has ended."""
    left = homes.leftovers(found.house.home)
    temporary = sorted(path.name for path in found.house.temporary.iterdir() if not path.name.startswith(LIBRARIES))
    for name in (*left, *temporary):
        print(f"# left: {name}")
    status = "had to be killed" if found.status is None else f"exit code {found.status}"
    told = (
        f"{status}; {len(found.left)} processes, {len(left)} half-made things in the home and {len(temporary)} "
        f"temporary files left; `myna check --deep` exits {found.checked}"
    )
    good = found.status == 0 and not (found.left or left or temporary or found.checked)
    return Row("soak: the end", told, "in order, nothing left, nothing wrong with the home", good)


def _details(found: Soaked) -> None:
    for line in _lines(found):
        print(f"# {line}", flush=True)


def _lines(found: Soaked) -> Iterator[str]:
    load = os.getloadavg()[0]
    yield f"{found.minutes:g} min; mynad, launcher and doors took {found.cpu:.1%} of a core; load {load:.1f}"
    for what, count in sorted(found.tally.done.items()):
        yield f"{count} {what}"
    for fault in found.tally.faults:
        yield f"fault: {fault}"
    yield from (f"had not left: {name}" for name in found.late)
    for name in LASTING:
        for what, unit in (("rss", 1e6), ("pss", 1e6), ("own", 1e6), ("files", 1), ("threads", 1)):
            points = found.series.of(name, what)
            if points:
                grown = verdict.growth(points)
                values = [value / unit for _, value in points]
                yield (
                    f"{name}, {what}: first {values[0]:.1f}, most {max(values):.1f}, last {values[-1]:.1f}; "
                    f"{grown.likely / unit:+.2f} an hour ({grown.low / unit:+.2f} to {grown.high / unit:+.2f})"
                )
    workers = [one.rss for sample in found.series.samples for one in sample.workers]
    if workers:
        together = max(len(one.workers) for one in found.series.samples)
        yield f"workers: at most {max(workers) / 1e6:.0f} MB, {together} at once"
    there = found.series.databases()
    for name in sorted(there[-1][1].rows) if there else ():
        before, after = there[len(there) // 2][1].rows[name], there[-1][1].rows[name]
        if after:
            yield f"rows of {name}: {after} ({after - before:+d} in the second half)"
    last = [one.folders for one in found.series.samples if one.folders]
    for name, (files, size) in (last[-1] if last else {}).items():
        yield f"{name}/: {files} files, {size / 1e6:.1f} MB"


if __name__ == "__main__":
    raise SystemExit(main())
