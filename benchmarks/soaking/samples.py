"""Samples of a running Myna, every few seconds, as lines of JSON and in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks.mynad import cpu_seconds
from benchmarks.soaking import homes
from benchmarks.soaking.homes import Database
from benchmarks.soaking.processes import Held, family, held, stats
from benchmarks.soaking.slopes import Point

EVERY = 5.0
#: samples between two looks at the database, and at all files
DATABASE, FILES = 6, 12
#: who stays as long as mynad does
LASTING = ("mynad", "doors", "launcher")


@dataclass(frozen=True)
class Sample:
    """At one moment."""

    at: float  #: seconds since the soak began
    held: Mapping[str, Held]  #: of those who stay, by name
    workers: tuple[Held, ...]
    zombies: tuple[int, ...]  #: processes that ended and were not waited for
    database: Database | None = None
    folders: Mapping[str, tuple[int, int]] | None = None  #: files and bytes by folder of the home


@dataclass
class Series:
    """All samples of a soak."""

    samples: list[Sample] = field(default_factory=list)

    def of(self, name: str, what: str) -> list[Point]:
        """One figure of one who stays, such as ("mynad", "own")."""
        there = [(one.at, one.held[name]) for one in self.samples if name in one.held]
        return [(at, float(getattr(each, what))) for at, each in there]

    def pids(self, name: str) -> set[int]:
        """Of all processes that were this one: more than one, where it died and was started again."""
        return {one.held[name].pid for one in self.samples if name in one.held}

    def databases(self) -> list[tuple[float, Database]]:
        return [(one.at, one.database) for one in self.samples if one.database is not None]

    def lasting_zombies(self) -> set[int]:
        """Those that were there in two samples one after another."""
        seen = [set(one.zombies) for one in self.samples]
        return {pid for before, after in pairwise(seen) for pid in before & after}


def look(pid: int, began: float, home: Path | None, *, files: bool) -> Sample | None:
    """Mynad (its pid) and all below it; with `home` its database, too. None: it is not there."""
    now = stats()
    below = list(family(pid, now))
    found: dict[str, Held] = {}
    workers: list[Held] = []
    zombies: list[int] = []
    for name, number in below:
        one = held(number, now)
        if one is None:
            continue
        zombies += one.zombies
        if name in LASTING:
            found[name] = one
        elif name == "worker":
            workers.append(one)
    if "mynad" not in found:
        return None
    return Sample(
        time.monotonic() - began, found, tuple(workers), tuple(zombies),
        homes.database(home) if home is not None else None,
        homes.folders(home) if home is not None and files else None,
    )  # fmt: skip


class Sampler:
    """Samples in a thread until `close`."""

    def __init__(self, pid: int, home: Path, out: Path, began: float) -> None:
        self.series = Series()
        self.faults: list[str] = []
        self._pid, self._home, self._out, self._began = pid, home, out, began
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)
        self._thread.start()

    def close(self) -> Series:
        self._over.set()
        self._thread.join()
        return self.series

    def cpu(self) -> float:
        """Seconds of processor time of those who stay, so far."""
        last = self.series.samples[-1].held if self.series.samples else {}
        return sum(cpu_seconds(one.pid) for one in last.values())

    def _run(self) -> None:
        number = 0
        with self._out.open("w", encoding="utf-8") as out:
            while not self._over.wait(EVERY):
                try:
                    sample = look(
                        self._pid, self._began, self._home if number % DATABASE == 0 else None,
                        files=number % FILES == 0,
                    )  # fmt: skip
                except Exception as error:  # a look that fails is told; the next one may not
                    self.faults.append(f"{type(error).__name__}: {error}")
                    continue
                number += 1
                if sample is None:
                    self.faults.append("mynad was not there")
                    return
                self.series.samples.append(sample)
                out.write(json.dumps(asdict(sample)) + "\n")
                out.flush()
