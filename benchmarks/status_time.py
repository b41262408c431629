"""How long a person waits for `myna status`: whole processes against a running daemon, beside a bare Python in the same
run.

python -m benchmarks.status_time [--runs 15]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

BAR = 0.4  #: seconds


def seconds(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU time of a process that must succeed."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    myna = [sys.executable, "-m", "tui.cli"]
    with tempfile.TemporaryDirectory(prefix="myna-") as home:
        env = {**{name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}, "MYNA_HOME": home}
        subprocess.run([*myna, "up"], env=env, check=True, capture_output=True)
        try:
            seconds([*myna, "status"], env)  # the first one compiles and fills the disk cache
            status, bare = [], []
            for _ in range(runs):
                status.append(seconds([*myna, "status"], env))
                bare.append(seconds([sys.executable, "-c", "pass"], env))
        finally:
            subprocess.run([*myna, "down", "--now"], env=env, check=False, capture_output=True)
    median = statistics.median(wall for wall, _ in status)
    cpu, alone = statistics.median(used for _, used in status), statistics.median(wall for wall, _ in bare)
    # of a busy machine only the CPU time is ours
    beside = f"best {min(status)[0]:.2f} s, CPU {cpu:.2f} s, an empty Python {alone:.2f} s"
    verdict = "holds" if median <= BAR else "falls short"
    print(f"myna status, median of {runs} · {median:.2f} s ({beside}) · ≤ {BAR} s · {verdict}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
