"""How light the daemon is: ready, idle memory, idle CPU, and what is not in its process. A bare Python is measured in
the same run.

Ready is from exec to health SERVING, asked every 10 ms; memory is the resident size of mynad and its launcher together.

    python -m benchmarks.mynad [--runs 7] [--idle 20]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

READY, MEMORY, CPU = 1.0, 150e6, 0.01  #: seconds, bytes, share of a core
TICK = os.sysconf("SC_CLK_TCK")


def start(home: Path) -> tuple[subprocess.Popen[bytes], float]:
    """(a mynad that serves, seconds that took)."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "daemon.main", "--home", str(home)], stderr=subprocess.DEVNULL)
    while True:
        if process.poll() is not None:
            raise SystemExit(f"mynad ended with {process.returncode}")
        with grpc.insecure_channel(f"unix:{home}/run/mynad.sock") as channel:
            try:
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
                return process, time.perf_counter() - began
            except grpc.RpcError:
                time.sleep(0.01)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def family(pid: int) -> list[int]:
    """The process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def tell(name: str, measured: str, bar: str, holds: bool) -> None:
    print(f"{name} · {measured} · {bar} · {'holds' if holds else 'falls short'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of idling that are measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        stop(start(home)[0])  # the first one compiles, fills the disk cache and makes the database
        took, bare, worked = [], [], []
        for _ in range(options.runs):
            process, seconds = start(home)
            worked.append(cpu_seconds(process.pid))
            stop(process)
            took.append(seconds)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import grpc.aio, sqlalchemy.orm"], check=True)
            bare.append(time.perf_counter() - began)
        median = statistics.median(took)
        work = statistics.median(worked)  # what it would take on an idle machine, where others are at work too
        alone = statistics.median(bare)
        beside = (
            f"best {min(took):.2f} s, {work:.2f} s of CPU; Python importing grpc and SQLAlchemy alone {alone:.2f} s"
        )
        tell(f"mynad ready, median of {options.runs}", f"{median:.2f} s ({beside})", f"≤ {READY:g} s", median <= READY)

        process, _ = start(home)
        (home / "inbox" / "anna").mkdir(parents=True)
        time.sleep(5)  # what starting stirred up settles
        pids = family(process.pid)
        before, since = sum(map(cpu_seconds, pids)), time.perf_counter()
        time.sleep(options.idle)
        share = (sum(map(cpu_seconds, pids)) - before) / (time.perf_counter() - since)
        memory = sum(map(resident, pids))
        own = resident(process.pid)
        mapped = Path(f"/proc/{process.pid}/maps").read_text()
        heavy = [name for name in ("torch", "numpy", "scipy", "onnxruntime") if f"site-packages/{name}/" in mapped]
        stop(process)
    beside = f"mynad {own / 1e6:.0f} MB, launcher {(memory - own) / 1e6:.0f} MB"
    tell("mynad idle memory", f"{memory / 1e6:.0f} MB ({beside})", f"≤ {MEMORY / 1e6:.0f} MB", memory <= MEMORY)
    tell(f"mynad idle CPU over {options.idle:g} s", f"{share:.2%} of a core", f"≤ {CPU:.0%}", share <= CPU)
    tell("mynad without torch and numpy", ", ".join(heavy) or "none mapped", "none", not heavy)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
