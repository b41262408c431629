"""How soon the first sound of a sentence comes while a training has the machine: a real mynad, its workers, the shipped
base.

A training that would last for hours runs; a sentence is asked for, again and again, from a voice that is loaded
already. Each time the training gives way and goes on afterwards. Without the shipped base a tiny random one stands in,
and the figure says so.

    python -m benchmarks.speech_during_training [--sentences 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from proto import myna_pb2 as pb
from proto.client import Client, state_of
from tests.e2e.workshop import ANNA, NAMES, ROOT, SETTINGS, Workshop, ended, job_is, reach_step, until

BAR = 2.0  #: seconds to the first audio
SHIPPED = ROOT / "engines" / "glow" / "base"
TEXTS = (
    "The ferry leaves at noon.",
    "Nobody knew how deep the lake was, and nobody asked.",
    "At 7:30 p.m. the lamps along the harbour are lit, one by one, by a man with a ladder.",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=9)
    sentences = parser.parse_args().sentences
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        base, which = base_of(Path(folder))
        workshop = Workshop(Path(folder) / "home", base, SETTINGS + "auto_train = false\n")
        try:
            with workshop.up() as client:
                first, steps = measure(workshop, client, sentences)
        finally:
            workshop.kill()
    worst, median = max(first), statistics.median(first)
    print(
        f"# {which}; each: {', '.join(f'{seconds:.2f}' for seconds in first)} s; the training "
        f"went on by {steps} steps meanwhile"
    )
    measured = f"{worst:.2f} s at worst of {sentences} (median {median:.2f} s; {which})"
    print(
        f"first audio during a training, model warm · {measured} · ≤ {BAR:g} s · "
        f"{'holds' if worst <= BAR else 'falls short'}"
    )
    return 0


def base_of(folder: Path) -> tuple[Path, str]:
    """The shipped base, or a tiny random one, and what to call it."""
    if (SHIPPED / "model.safetensors").is_file():
        return SHIPPED, "shipped base"
    subprocess.run([sys.executable, "-m", "engines.glow.recipe.tiny_base", str(folder / "base")], cwd=ROOT, check=True)
    return folder / "base", "tiny random base"


def measure(workshop: Workshop, client: Client, sentences: int) -> tuple[list[float], int]:
    """(seconds to the first audio of each sentence, steps the training made meanwhile)."""
    workshop.drop(ANNA, NAMES, options="")
    until(client, job_is(pb.DATASET, "succeeded"))
    train = client.train(ANNA, steps=1_000_000, patience=0, seed=1)
    before = reach_step(client, train.id, 2)
    speak(client, TEXTS[0])  # the speech worker starts and loads the voice: that is not what is measured
    first = [speak(client, TEXTS[number % len(TEXTS)]) for number in range(sentences)]
    if state_of(client.job(train.id)) not in ("running", "paused"):
        raise SystemExit(f"The training did not last: {client.job(train.id).status}")
    after = reach_step(client, train.id, before + 1)
    client.cancel(train.id)
    ended(client, train.id, "cancelled")
    return first, after - before


def speak(client: Client, text: str) -> float:
    """Seconds from asking to the first audio; returns when all of it has come."""
    began = time.perf_counter()
    first = 0.0
    for chunk in client.synthesize(pb.SpeakSpec(voice=ANNA, version=-1, text=text)):
        if chunk.samples and not first:
            first = time.perf_counter() - began
    if not first:
        raise SystemExit(f"No sound came for {text!r}.")
    return first


if __name__ == "__main__":
    raise SystemExit(main())
