"""Benchmarks in turn; prints the table of bars and writes it to benchmarks/RESULTS.md, or RESULTS-<group>.md.

    make bench              all that belong to no group
    make bench-xtts         the group whose modules' names start with "xtts_"; so for every one of GROUPS
    make bench-gpu          XTTS-v2 on a GPU, beside stock coqui-tts
    make bench-hostile      what mynad bears: hostile files, hostile calls, kills, damaged databases
    make bench-learning     what becomes of a voice that is only ever fed
    make bench-first        the first version of a voice, from 45 recordings
    make bench-judged       what judging clips is worth to a voice that is trained on them
    make bench-operations   what months of work need: metrics, notices, estimates, backups
    make bench-far          trainings on a Ray cluster beside the same here
    make bench-all          all of these, one after another: every table of the same commit
    make soak               apart from these: an hour of everything at once, in which two days of the clock pass
    python -m benchmarks.run loop_overhead mynad     only these (the table is printed, and not kept)

A benchmark is a module here that prints one line a bar, `name · measured · bar · holds` or `· falls short`, and exits 0
when it could measure. One that could not is a row that says so. Each runs in a process of its own, one after another:
they measure the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pkgutil
import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
#: where tables are kept
KEPT = HERE
#: benchmarks that take long or need something of their own, by the first part of their modules' names
GROUPS = (
    "xtts",
    "fish",
    "gpu",
    "dashboard",
    "hostile",
    "verdict",
    "learning",
    "first",
    "datasets",
    "judged",
    "doors",
    "operations",
    "far",
    "soak",
)
#: not among all groups in turn: an hour of it is asked for by itself
APART = ("soak",)
#: seconds a benchmark may take before it is given up
PATIENCE = 3_600.0
#: those of a group that takes longer: the soak an hour by itself, the others one to three on two quiet cores
LONG = {"soak": 7_200.0, "verdict": 18_000.0, "learning": 18_000.0}
VERDICTS = ("holds", "falls short")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Row:
    """One bar of a benchmark."""

    benchmark: str  #: its module
    name: str
    measured: str
    bar: str
    verdict: str  #: "holds", "falls short" or "not measured"


def main() -> int:
    """Run them. Exits 0 when all could measure, whatever they measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="benchmarks to run (all)")
    parser.add_argument("--group", choices=GROUPS, default="", help="those of one group, instead of those of none")
    every = f"every group in turn but {', '.join(APART)}, so that all tables are of one commit"
    parser.add_argument("--all", action="store_true", help=every)
    options = parser.parse_args()
    chosen: list[str] = options.names
    there = benchmarks()
    if unknown := set(chosen) - set(there):
        print(f"There is no benchmark {sorted(unknown)[0]!r}. There are: {', '.join(there)}.", file=sys.stderr)
        return 2
    groups = ("", *(each for each in GROUPS if each not in APART)) if options.all else (options.group,)
    measured = [run_all(chosen)] if chosen else [run_group(each, there) for each in groups]
    return 1 if any(row.verdict == NOT_MEASURED for rows in measured for row in rows) else 0


def run_group(name: str, there: list[str]) -> list[Row]:
    """The benchmarks of a group, and its table kept."""
    began, names = time.monotonic(), [each for each in there if group(each) == name]
    if not names:
        return []
    rows = run_all(names)
    minutes = (time.monotonic() - began) / 60
    if any(row.verdict != NOT_MEASURED for row in rows):  # a table in which nothing is takes no other's place
        results = KEPT / (f"RESULTS-{name}.md" if name else "RESULTS.md")
        results.write_text(f"{heading(f'bench-{name}' if name else 'bench', minutes)}\n{table(rows)}\n")
    return rows


def run_all(names: list[str]) -> list[Row]:
    """These benchmarks in turn, and their table printed."""
    rows: list[Row] = []
    for name in names:
        print(f"--- {name}", flush=True)
        before = time.monotonic()
        rows += run(name)
        print(f"# {name} took {time.monotonic() - before:.0f} s", flush=True)
    print(f"\n{table(rows)}")
    return rows


def benchmarks() -> list[str]:
    """Names of the benchmark modules, in order: those that have a `main`."""
    names = (module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name != "run" and not module.ispkg)
    return sorted(
        name
        for name in names
        if any(line.startswith("def main(") for line in (HERE / f"{name}.py").open(encoding="utf-8"))
    )


def group(name: str) -> str:
    """The group a benchmark belongs to, or empty."""
    first = name.split("_")[0]
    return first if first in GROUPS else ""


def run(name: str) -> list[Row]:
    """Run one benchmark, showing what it prints; its bars."""
    patience = LONG.get(group(name), PATIENCE)
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=patience)
        trouble = (
            "" if process.returncode == 0 else last_line(err) or last_line(out) or f"exit code {process.returncode}"
        )
    except subprocess.TimeoutExpired:
        end(process)
        out, err = process.communicate()
        trouble = f"gave up after {patience:.0f} s"
    except BaseException:  # somebody ends us, and it does not hear of that by itself
        end(process)
        raise
    print(out, end="", flush=True)
    found = [row for line in out.splitlines() if (row := parse(name, line)) is not None]
    if not trouble and not found:
        trouble = "it printed no bar"
    if trouble:
        print(err, end="", file=sys.stderr)
        found.append(Row(name, name.replace("_", " "), f"could not measure: {trouble}", "", NOT_MEASURED))
    return found


def end(process: subprocess.Popen[str]) -> None:
    """A benchmark with all that it started: what is left of that would hold up the next, and its output."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def parse(benchmark: str, line: str) -> Row | None:
    """The bar in a printed line, if it is one."""
    parts = [part.strip() for part in line.split(" · ")]
    if line.startswith("#") or len(parts) != 4 or parts[3] not in VERDICTS:
        return None
    return Row(benchmark, *parts)


def last_line(text: str) -> str:
    """What an error ends with."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | bar | | benchmark |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.name, row.measured, row.bar, row.verdict, f"`{row.benchmark}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def heading(make: str, minutes: float) -> str:
    """When, on what, of which commit, and how long it all took."""
    load = os.getloadavg()[0]
    return (
        "# Benchmarks\n\n"
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by `make {make}` at commit {commit()} in {minutes:.0f} min, "
        f"on {os.cpu_count()} CPUs ({processor()}), "
        f"{gpu()}, Python {platform.python_version()}; load average {load:.1f} at the end, which is "
        f"1 to 2 when nothing else runs.\n"
    )


def commit() -> str:
    """Short hash of the checkout, marked when it has changes."""
    head = told_by("git", "rev-parse", "--short=12", "HEAD").strip()
    changed = told_by("git", "status", "--porcelain", "--untracked-files=no").splitlines()
    if not head:
        return "unknown"
    return f"{head} with changes" if any("benchmarks/RESULTS" not in line for line in changed) else head


def told_by(*command: str) -> str:
    """What a command prints; empty if there is no such command or it fails."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor() -> str:
    """The CPU's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def gpu() -> str:
    """The GPU's name, or that there is none."""
    names = told_by("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").split("\n")
    return ", ".join(name for name in names if name) or "no GPU"


if __name__ == "__main__":
    raise SystemExit(main())
