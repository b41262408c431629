"""Two thousand workers started one after another while a gRPC server in the same process answers: through the launcher,
and beside it by `subprocess` from the serving process itself (exec at once, nothing between fork and exec).

Of each way: how many were started and heard, how long one took, how long the slowest answer took meanwhile; and how
many processes that a worker had started outlive a kill -9 of the process that started the worker.

    python -m benchmarks.spawn_stress [--workers 2000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio

from benchmarks.made.siege import note
from daemon.processes.launcher import Launcher

WANTED, SLOW = 2_000, 0.2  #: workers of each way; seconds an answer may take
#: what a worker is here: it says that it is there, over its socket, and ends
WORKER = ["/bin/sh", "-c", "echo here >&3"]
#: a worker that starts something and waits
PARENT = ["/bin/sh", "-c", "sleep 600 & echo $! >&3; wait"]
WITHIN = 10.0  #: seconds until one that says nothing counts as lost
#: asks the server all the time, 8 at once, from another process; prints the slowest answer when told to end
CALLERS = """
import sys, threading, time, grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
over, slowest = threading.Event(), [0.0] * 8
def ask(number):
    with grpc.insecure_channel(sys.argv[1], options=[("myna.caller", number)]) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        while not over.is_set():
            began = time.perf_counter()
            check(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)
            slowest[number] = max(slowest[number], time.perf_counter() - began)
            time.sleep(0.005)
threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
[t.start() for t in threads]
sys.stdin.read()
over.set()
[t.join() for t in threads]
print(max(slowest))
"""

Start = Callable[[list[str]], Awaitable[bytes]]


async def direct(argv: list[str]) -> bytes:
    """Start one by subprocess; its first line, b"" if there is none."""
    ours, theirs = socket.socketpair()
    here = [part.replace(">&3", ">&0") for part in argv]
    process = subprocess.Popen(here, stdin=theirs)  # noqa: ASYNC220
    theirs.close()
    ours.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        return await asyncio.wait_for(reader.readline(), WITHIN)
    finally:
        writer.close()
        if argv is WORKER:
            await asyncio.to_thread(process.wait)


def by_launcher(launcher: Launcher) -> Start:
    async def start(argv: list[str]) -> bytes:
        child = await launcher.spawn(argv)
        line = await asyncio.wait_for(child.reader.readline(), WITHIN)
        if argv is WORKER:
            await child.exited
            child.close()
        return line

    return start


async def serve(home: Path, way: str, workers: int) -> None:
    """One round, in a process of its own: prints figures, then leaves a worker with a child and waits to be killed."""
    address = f"unix:{home}/sock"
    callers = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", CALLERS, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    launcher = Launcher(home) if way == "launcher" else None
    start: Start = direct
    if launcher is not None:
        launcher.attach()
        start = by_launcher(launcher)
    server = grpc.aio.server()
    health = aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(address)
    await server.start()
    failed, began = 0, time.perf_counter()
    for _ in range(workers):
        try:
            failed += await start(WORKER) != b"here\n"
        except (OSError, TimeoutError):
            failed += 1
    seconds = time.perf_counter() - began
    slowest, _ = await asyncio.to_thread(callers.communicate)
    grandchild = int(await start(PARENT))
    print(failed, seconds / workers, float(slowest), grandchild, flush=True)
    await asyncio.Event().wait()


def measured(way: str, workers: int) -> tuple[int, float, float, bool]:
    """(workers lost, seconds each, slowest answer, whether what a worker started lives on after a kill -9)."""
    with tempfile.TemporaryDirectory(prefix="myna-") as home:
        command = [sys.executable, "-m", "benchmarks.spawn_stress", "--serve", way, home, str(workers)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        failed, each, slowest, grandchild = process.stdout.readline().split()
        process.kill()
        process.wait()
        end = time.monotonic() + WITHIN
        while lives(int(grandchild)) and time.monotonic() < end:
            time.sleep(0.05)
        if outlived := lives(int(grandchild)):
            os.kill(int(grandchild), signal.SIGKILL)
        return int(failed), float(each), float(slowest), outlived


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=WANTED)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", nargs=3, metavar=("WAY", "HOME", "WORKERS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        way, home, workers = asked.serve
        asyncio.run(serve(Path(home), way, int(workers)))
        return 0
    figures: dict[str, list[tuple[int, float, float, bool]]] = {"launcher": [], "direct": []}
    share = -(-asked.workers // asked.rounds)
    for _ in range(asked.rounds):
        for way, rounds in figures.items():
            rounds.append(measured(way, share))
            note(f"{way}: {rounds[-1]}")
    for way, name in (("launcher", "workers through the launcher"), ("direct", "workers by subprocess (not used)")):
        rounds = figures[way]
        failed, outlived = sum(one[0] for one in rounds), sum(one[3] for one in rounds)
        each, slowest = statistics.median(one[1] for one in rounds), max(one[2] for one in rounds)
        holds = not failed and not outlived and slowest <= SLOW and share * asked.rounds >= WANTED
        print(
            f"{name} · {share * asked.rounds:,} started, {failed} lost, {each * 1000:.1f} ms each, answers ≤ "
            f"{slowest:.2f} s, {outlived} of {len(rounds)} grandchildren outlive a kill -9 · "
            f"≥ {WANTED:,}, 0 lost, ≤ {SLOW:g} s, 0 outlive · {'holds' if holds else 'falls short'}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
