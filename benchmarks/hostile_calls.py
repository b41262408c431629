"""Ten thousand hostile calls over all RPCs, many at once: does mynad make a mistake, fall over, or keep others waiting?

python -m benchmarks.hostile_calls [--calls 10000] [--at-once 16] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc.aio

from benchmarks.made import hostile_audio
from benchmarks.made.siege import Outcome, Watch, note, tracebacks
from proto import myna_pb2 as pb
from proto.client import Client
from proto.home import socket_path
from tests.e2e.workshop import RECORDINGS, ROOT, Workshop, job_is, until

SETTINGS = "settle = 0.2\nauto_train = false\nmin_free_disk = 0\nthreads = 1\n"
VOICE, NAMES = "anna", ("d01", "d02", "d03")
#: what a call must not be answered with: mynad made a mistake, or is not there
MISTAKES, ABSENT = ("INTERNAL", "UNKNOWN"), ("UNAVAILABLE",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        fuzzing = importlib.import_module("benchmarks.fuzzing")
    except ModuleNotFoundError:
        raise SystemExit("benchmarks/fuzzing.py, which makes the calls, is not there") from None
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        workshop = Workshop(Path(scratch) / "home", ROOT / "engines" / "glow" / "base", SETTINGS)
        client = workshop.up()
        try:
            known = fill(workshop, client)
            before = kept(workshop.home)
            with Watch(workshop.home) as watch:
                codes = asyncio.run(stormed(fuzzing, workshop.home, asked, known))
            alive = workshop.daemon is not None and workshop.daemon.poll() is None
            lost = len(before - kept(workshop.home))
        finally:
            client.close()
            workshop.kill()
        wrong, gone = sum(codes[code] for code in MISTAKES), sum(codes[code] for code in ABSENT)
        traces = tracebacks(workshop.home)
        note(", ".join(f"{code} {count}" for code, count in codes.most_common()))
        beside = f"{wrong} INTERNAL or UNKNOWN, {gone} UNAVAILABLE, {traces} tracebacks"
        count = sum(codes.values())
        Outcome(
            "fuzzed calls over all RPCs",
            count,
            10_000,
            lost,
            int(not alive),
            watch.finding,
            beside,
            faults=wrong + gone + traces,
        ).tell()
    return 0


def kept(home: Path) -> set[str]:
    """SHA-256 of the recordings that have a row and are where it says; a call may rename or delete their voice."""
    with closing(sqlite3.connect(home / "myna.db")) as db:
        rows = db.execute("SELECT sha256, path FROM recordings").fetchall()
    return {sha256 for sha256, path in rows if (home / path).is_file()}


def fill(workshop: Workshop, client: Client) -> dict[str, list[str]]:
    """Something to ask about; texts that mean something, by the names of fields."""
    inbox = workshop.home / "inbox" / VOICE
    inbox.mkdir(parents=True)
    for name in NAMES:
        for ending in ("txt", "flac"):
            shutil.copyfile(RECORDINGS / f"{name}.{ending}", inbox / f"{name}.{ending}")
    (inbox / "tone.wav").write_bytes(hostile_audio.whole(random.Random(1), 0)[0])
    until(client, job_is(pb.DATASET, "succeeded"))
    hashes = [one.sha256 for one in client.recordings(VOICE)]
    clips = [one.sha256 for one in client.clips(VOICE)]
    return {"voice": [VOICE], "engine": ["glow", "xtts"], "sha256": hashes + clips, "clip": clips, "recording": hashes}


async def stormed(fuzzing: Any, home: Path, asked: argparse.Namespace, known: dict[str, list[str]]) -> Counter[str]:
    """Answers by their code. What mynad answers to a mistake of its own is told."""
    codes = Counter[str]()
    calls: Iterator[Any] = fuzzing.requests(asked.seed, known)
    left = iter(range(asked.calls))

    async def caller(channel: grpc.aio.Channel) -> None:
        for _ in left:
            answer = await fuzzing.answer(channel, next(calls))
            if answer.code in (*MISTAKES, *ABSENT) and codes[answer.code] < 5:
                note(f"{answer.call.path}: {answer.code} {answer.details}")
            codes[answer.code] += 1

    async with grpc.aio.insecure_channel(f"unix:{socket_path(home)}") as channel:
        await asyncio.gather(*(caller(channel) for _ in range(asked.at_once)))
    return codes


if __name__ == "__main__":
    raise SystemExit(main())
