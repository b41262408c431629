"""The HTTP door beside gRPC, by the shipped base: first bytes of the same request, side by side in turns; a caller who
hangs up in a text of a minute and the next one's first sound; each format decoded whole.

    python -m benchmarks.doors_speaking [--rounds 10]
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import av
import httpx

from benchmarks.bars import tell
from benchmarks.made.doors import TEXT, Workplace
from proto import myna_pb2 as pb
from proto.client import Client, connect
from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

LATER, FREED, OFF = 0.010, 0.5, 0.05  #: seconds
LONG = " ".join(["Nobody knew how deep the lake was, and nobody asked about it in those days."] * 16)
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


def by_grpc(client: Client, text: str = TEXT) -> float:
    """Seconds to the first sound; the rest is heard to its end."""
    began, first = time.perf_counter(), 0.0
    for chunk in client.synthesize(pb.SpeakSpec(voice="anna", text=text, seed=7)):
        if chunk.samples and not first:
            first = time.perf_counter() - began
    return first


def by_http(client: httpx.Client, format: str, text: str = TEXT, *, hang_up: bool = False) -> float:
    """Seconds to the first byte of the body; the rest is heard to its end, unless it hangs up."""
    body = {"model": "myna", "voice": "anna", "input": text, "response_format": format, "seed": 7}
    began = time.perf_counter()
    with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        answer.raise_for_status()
        parts = answer.iter_raw()
        next(parts)
        first = time.perf_counter() - began
        if not hang_up:
            for _ in parts:
                pass
    return first


def first_bytes(client: Client, http: httpx.Client, rounds: int, where: str) -> None:
    """Both ways in turns, each first every other time; the median of the differences."""
    for format in ("wav", "mp3"):
        pairs = []
        for number in range(rounds + 1):
            if number % 2:
                here, there = by_grpc(client), by_http(http, format)
            else:
                there, here = by_http(http, format), by_grpc(client)
            pairs.append((here, there))
        pairs = pairs[1:]  # the first warms both
        differences = sorted(there - here for here, there in pairs)
        later = statistics.median(differences)
        grpc, over = (statistics.median(side) for side in zip(*pairs, strict=True))
        half = differences[rounds // 4], differences[-1 - rounds // 4]
        measured = (
            f"{later * 1000:+.1f} ms (half of the pairs {half[0] * 1000:+.0f} to {half[1] * 1000:+.0f} ms; "
            f"gRPC {grpc * 1000:.0f} ms, HTTP {over * 1000:.0f} ms)"
        )
        what = f"first byte over HTTP, {format}, {where}, median of {rounds} pairs"
        tell(what, measured, f"≤ +{LATER * 1000:.0f} ms", later <= LATER)


def door_alone(rounds: int) -> None:
    """In front of a daemon that has its sound ready: what the door itself takes."""
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        stage = Stage(Path(folder))
        stage.open()
        opened = Opened(stage.home, http={"listen": "127.0.0.1:0"})
        try:
            with (
                connect(home=stage.home) as client,
                httpx.Client(base_url=opened.http, timeout=60, trust_env=False) as http,
            ):
                first_bytes(client, http, rounds, "no engine")
        finally:
            opened.close()
            stage.close()


def hanging_up(http: httpx.Client, rounds: int) -> None:
    idle = statistics.median(by_http(http, "wav") for _ in range(rounds))
    after = []
    for _ in range(rounds):
        by_http(http, "wav", LONG, hang_up=True)
        after.append(by_http(http, "wav"))
    worst = max(after)
    measured = f"{worst:.2f} s at worst of {rounds}, {statistics.median(after):.2f} s median (idle {idle:.2f} s)"
    bar = f"≤ {FREED:g} s more than idle"
    tell("a caller hangs up in a text of a minute: the next one's first sound", measured, bar, worst <= idle + FREED)


def formats(place: Workplace) -> None:
    expected = len(place.speak(TEXT, "pcm")) / 2 / 24_000
    off = {}
    for format in FORMATS:
        data = place.speak(TEXT, format)
        off[format] = _seconds(data, format) - expected
    measured = ", ".join(f"{format} {seconds * 1000:+.0f} ms" for format, seconds in off.items())
    worst = max(map(abs, off.values()))
    tell("each format is decoded whole by PyAV", measured, f"within {OFF * 1000:.0f} ms", worst <= OFF)


def _seconds(data: bytes, format: str) -> float:
    if format == "pcm":
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    door_alone(10 * rounds)
    with Workplace() as place, httpx.Client(base_url=place.http, timeout=120, trust_env=False) as http:
        with place.client() as client:
            first_bytes(client, http, 4 * rounds, "glow")  # ten pairs of a spread of 20 ms tell nothing of 10
        hanging_up(http, max(3, rounds // 4))
        formats(place)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
