"""Two sides of a comparison in turn: each in processes of its own with the environment that its user has, several
rounds, and the minimum, median and maximum of them."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bars import tell
from daemon.processes.launcher_program import HUGE_PAGES, PATIENT

#: what changes how a process's threads wait: the Makefile exports some of them, and no peer has heard of them
_THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_")


def untouched() -> dict[str, str]:
    """The environment as it is without what Myna sets for threads: a peer's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_THREADS)}


def ours() -> dict[str, str]:
    """As mynad starts its workers."""
    return {**untouched(), **PATIENT}


def speaking() -> dict[str, str]:
    """As the one that speaks has it."""
    return {**ours(), **HUGE_PAGES}


@dataclass(frozen=True)
class Spread:
    """What several rounds measured."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        """As people read it: the median, and what lay about it."""
        return f"{self.median:.3g} ({min(self.values):.3g} to {max(self.values):.3g})"


def spread(found: Sequence[Mapping[str, float]], name: str) -> Spread:
    return Spread(tuple(round_[name] for round_ in found))


def tell_times(name: str, us: Spread, them: Spread, unit: str, bar: float, peer: str) -> None:
    """A bar that wants ours to be at least `bar` times as quick; `unit` is of both, seconds or so many a second."""
    ratio = us.median / them.median if unit.endswith("/s") else them.median / us.median
    tell(name, f"{us} against {them} {unit}: {ratio:.2f} ×", f"≥ {bar:g} × {peer}", ratio >= bar)


def tell_share(name: str, us: Spread, them: Spread, unit: str, bar: float, peer: str) -> None:
    """A bar that wants ours to be at most a share of theirs."""
    share = us.median / them.median
    tell(name, f"{us} against {them} {unit}: {share:.2f} ×", f"≤ {bar:g} × {peer}", share <= bar)


def measured(module: str, part: str, environment: Mapping[str, str]) -> dict[str, float]:
    """What one part of a benchmark prints as its last line, JSON, in a fresh process. Ends this program if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--part", part], capture_output=True, text=True, env=dict(environment)
    )
    if done.returncode:
        sys.exit(f"{part}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class Side:
    """A part of a benchmark in a process that stays: it does what it is asked, one thing at a time."""

    def __init__(self, module: str, part: str, environment: Mapping[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", module, "--part", part, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment)
        )

    def ask(self, what: str) -> Any:
        """The answer, of JSON. Ends this program if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{what}: the process ended with {self._process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


def answer(doing: Mapping[str, Any]) -> None:
    """The other end of `Side`: call what each line of stdin names, and print what it returns as JSON."""
    for line in sys.stdin:
        print(json.dumps(doing[line.strip()]()), flush=True)


def resident() -> dict[str, float]:
    """Bytes that this process has in memory: all of it, and what of that is no page of a file ("own")."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: 1_024.0 * int(fields[key].split()[0]) for name, key in (("all", "VmRSS"), ("own", "RssAnon"))}
