"""What `make demo` runs: the main job, end to end, as its users would see it, through the public client only.

A daemon in a scratch home; recordings dropped into its inbox; a dataset, a training, a score and a promotion that
happen by themselves; a sentence in the new voice. Writes demo/out/report.json and prints the same as a table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, connect, state_of

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
VOICE = "robin"
SENTENCE = (
    "Good evening. My name is Robin, and four minutes ago I had never spoken. It is 7:30 "
    "p.m. and 3 people are listening."
)
#: how long the whole way may take before the demo gives up, seconds (it takes a few minutes on two cores)
PATIENCE = 1_500.0

console = Console(highlight=False)


class Trouble(Exception):
    """Something went wrong that the person should read as one sentence."""


def main() -> int:
    began = time.monotonic()
    if OUT.exists():
        shutil.rmtree(OUT)  # only ever the output of an earlier demo
    home = OUT / "home"
    home.mkdir(parents=True)
    try:
        with daemon(home) as client:
            say(f"daemon ready in {home.relative_to(HERE.parent)}")
            drop(home)
            dropped = time.monotonic()
            version, made = follow(client, began)
            report = measure(client, version)
            report["version_seconds"] = made - dropped
            report["first_audio_seconds"], report["speech_seconds"] = speak(client)
            report["seconds"] = time.monotonic() - began
    except (Trouble, ClientError) as error:
        console.print(f"[bold red]The demo failed:[/] {error}")
        console.print(f"Logs: {(home / 'log').relative_to(HERE.parent)}/")
        return 1
    (OUT / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    show(report)
    return 0


@contextmanager
def daemon(home: Path) -> Iterator[Client]:
    """A mynad of its own for the length of the block."""
    env = {**os.environ, "MYNA_HOME": str(home)}
    with (OUT / "mynad.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon.main"], env=env, stdout=log, stderr=log, cwd=HERE.parent
        )
        client = connect(home=home)
        try:
            client.wait_ready(30.0)
            yield client
        finally:
            client.close()
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def drop(home: Path) -> None:
    """Copy the recordings into the inbox, as a person would."""
    files = sorted(path for path in (HERE / "recordings").iterdir() if path.suffix in (".flac", ".txt"))
    inbox = home / "inbox" / VOICE
    inbox.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, inbox / path.name)
    audio = sum(path.suffix == ".flac" for path in files)
    say(f"{audio} recordings dropped into inbox/{VOICE}/, {len(files) - audio} with their text, the rest without")


def follow(client: Client, began: float) -> tuple[int, float]:
    """Show what happens until the first version has been scored; its number, and when it was made (monotonic)."""
    shown: dict[int, tuple[str, int]] = {}
    taken = refused = 0
    made = began
    for event in client.watch(0, progress=True):
        if time.monotonic() - began > PATIENCE:
            raise Trouble(f"nothing came of it within {PATIENCE:.0f} seconds.")
        match event.WhichOneof("what"):
            case "inbox" if event.inbox.state == "taken":
                taken += 1
            case "inbox" if event.inbox.state == "refused":
                refused += 1
                say(f"refused {event.inbox.name}: {event.inbox.why}")
            case "dataset":
                data = event.dataset
                dropped = sum(data.dropped.values())
                say(
                    f"dataset #{data.number}: {data.clips} clips to train on ({data.seconds:.0f} s), "
                    f"{data.held_out} held out ({data.held_out_seconds:.0f} s), {dropped} dropped{reasons(data)}"
                )
            case "job":
                tell(event.job, shown)
                state = state_of(event.job)
                if state == "failed":
                    error = event.job.status.failed.error
                    raise Trouble(f"{event.job.title}: {error.sentence} {error.hint}")
                if event.job.kind == pb.TRAIN and state == "succeeded":
                    made = time.monotonic()
                if event.job.kind == pb.EVALUATE and state == "succeeded":
                    return event.job.spec.evaluate.version, made
    raise Trouble("the daemon stopped telling what happens.")


def reasons(data: pb.Dataset) -> str:
    """Why clips were dropped, counted."""
    return (
        f" ({', '.join(f'{count} {reason}' for reason, count in sorted(data.dropped.items()))})" if data.dropped else ""
    )


def tell(job: pb.Job, shown: dict[int, tuple[str, int]]) -> None:
    """One line when a job changes its state or gets a tenth further."""
    state = state_of(job)
    progress = job.status.running.progress
    tenth = int(10 * progress.done / progress.total) if state == "running" and progress.total else -1
    if shown.get(job.id) == (state, tenth):
        return
    shown[job.id] = (state, tenth)
    if state == "running" and tenth >= 0:
        eta = f", {progress.eta_seconds:.0f} s to go" if progress.eta_seconds else ""
        say(
            f"  {job.title}: {progress.done:.0f} of {progress.total:.0f} "
            f"{progress.unit}{eta} {progress.sentence}".rstrip()
        )
    elif state in ("queued", "running"):
        say(f"{job.title}: {state}")
    elif state == "succeeded":
        say(f"{job.title}: {job.status.succeeded.sentence or 'done'}")


def measure(client: Client, number: int) -> dict[str, object]:
    """Held-out lines and metrics of the version against the base, with paths to what was spoken."""
    version = client.version(VOICE, number)
    compared = client.compare(VOICE, 0, number)
    if not compared.ready:
        raise Trouble(compared.sentence)
    nearer_one = {info.name for info in compared.infos if info.nearer_one_is_better}
    return {
        "voice": VOICE,
        "version": number,
        "state": version.state,
        "verdict": version.verdict,
        "lines": [
            {
                "text": line.text,
                "recording": line.recording,
                "spoken_before": line.spoken_a,
                "spoken_after": line.spoken_b,
            }
            for line in compared.lines
        ],
        "metrics": [
            {
                "name": metric.name,
                "before": finite(metric.a),
                "after": finite(metric.b),
                "recordings": finite(metric.recordings),
                "lower_is_better": metric.lower_is_better,
                "nearer_one_is_better": metric.name in nearer_one,
            }
            for metric in compared.metrics
        ],
    }


def arrow(metric: dict[str, object]) -> str:
    """Which way a metric is better: ≈1 is best of a ratio."""
    return "≈1" if metric["nearer_one_is_better"] else "↓" if metric["lower_is_better"] else "↑"


def finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None


def speak(client: Client) -> tuple[float, float]:
    """Say a sentence in the new voice into demo/out/spoken.wav: (seconds to the first audio, seconds of audio)."""
    began = time.monotonic()
    first, samples, rate = 0.0, bytearray(), 16_000
    for chunk in client.synthesize(pb.SpeakSpec(voice=VOICE, text=SENTENCE, seed=1)):
        if chunk.samples and not samples:
            first = time.monotonic() - began
        samples += chunk.samples
        rate = chunk.sample_rate or rate
    floats = memoryview(bytes(samples)).cast("f")
    with wave.open(str(OUT / "spoken.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            b"".join(int(max(-1.0, min(1.0, x)) * 32767).to_bytes(2, "little", signed=True) for x in floats)
        )
    return first, len(floats) / rate


def show(report: dict[str, object]) -> None:
    """The table, and what to do next."""
    table = Table(title=f"Held-out lines of {VOICE}, never trained on", title_justify="left")
    for heading, side in (
        ("metric", "left"),
        ("base", "right"),
        (f"{VOICE}@{report['version']}", "right"),
        ("recordings", "right"),
    ):
        table.add_column(heading, justify="right" if side == "right" else "left")
    metrics = report["metrics"]
    assert isinstance(metrics, list)
    for metric in metrics:
        cells = ("–" if metric[key] is None else f"{metric[key]:.3f}" for key in ("before", "after", "recordings"))
        table.add_row(f"{metric['name']} {arrow(metric)}", *cells)
    console.print()
    console.print(table)
    console.print(f"{report['state']}: {report['verdict']}")
    console.print(
        f"Spoken: demo/out/spoken.wav, {report['speech_seconds']:.1f} s; first audio after "
        f"{report['first_audio_seconds']:.1f} s."
    )
    console.print(
        f"The version was made {report['version_seconds']:.0f} s after the last file came; the whole way took "
        f"{report['seconds']:.0f} s. Report: demo/out/report.json"
    )
    console.print("Open it: [bold]MYNA_HOME=demo/out/home .venv/bin/myna[/]")


def say(line: str) -> None:
    """A plain line with the time."""
    console.print(f"{time.strftime('%H:%M:%S')}  {line}", markup=False)


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    raise SystemExit(main())
