"""The demo as a person runs it, and whether what it says of itself meets the bars: its time, and how the new voice
sounds.

python -m benchmarks.demo
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "demo" / "out" / "report.json"
MINUTES = 6.0  #: the demo, after set-up
VERSION_MINUTES = 3.0  #: from the last recording's arrival to the first version
WER_RATIO = 1.6  #: of the recordings' own WER
CLOSER = 0.5  #: share of the way from the base's similarity to the recordings' own


def main() -> int:
    REPORT.unlink(missing_ok=True)  # one of an earlier demo must not speak for this one
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "demo.run"], cwd=ROOT, capture_output=True, text=True)
    minutes = (time.perf_counter() - began) / 60
    print("".join(f"# {line}\n" for line in done.stdout.splitlines()), end="")
    good = done.returncode == 0 and minutes <= MINUTES
    tell("make demo after set-up", f"{minutes:.1f} min, exit {done.returncode}", f"≤ {MINUTES:g} min, exit 0", good)
    if not REPORT.is_file():
        print(f"The demo left no report: {(done.stderr or done.stdout).strip().splitlines()[-1:]}", file=sys.stderr)
        return 1
    report = json.loads(REPORT.read_text())
    first = report["version_seconds"] / 60
    told, bar = f"{first:.1f} min", f"≤ {VERSION_MINUTES:g} min"
    tell("last recording's arrival to the first version", told, bar, first <= VERSION_MINUTES)
    metrics: dict[str, dict[str, Any]] = {metric["name"]: metric for metric in report["metrics"]}
    words, similarity = metrics.get("wer"), metrics.get("similarity")
    missing = [name for name, metric in (("wer", words), ("similarity", similarity)) if not complete(metric)]
    if missing or words is None or similarity is None:
        print(f"The demo's report lacks {' and '.join(missing)}.", file=sys.stderr)
        return 1
    lines = f"{len(report['lines'])} lines"
    allowed = WER_RATIO * words["recordings"]
    told = f"{words['after']:.3f}, recordings {words['recordings']:.3f}, base {words['before']:.3f} ({lines})"
    tell(
        "held-out lines spoken after: WER",
        told,
        f"≤ {WER_RATIO:g} × the recordings' = {allowed:.3f}",
        words["after"] <= allowed,
    )
    way = similarity["recordings"] - similarity["before"]
    covered = (similarity["after"] - similarity["before"]) / way if way > 0 else math.inf
    before, after, recordings = (similarity[name] for name in ("before", "after", "recordings"))
    told = f"{covered:.0%} of the way ({before:.3f} → {after:.3f}, recordings {recordings:.3f}; {lines})"
    tell("held-out lines spoken after: speaker similarity", told, f"≥ {CLOSER:.0%} of the way", covered >= CLOSER)
    return 0


def complete(metric: dict[str, Any] | None) -> bool:
    """Base, version and recordings were all measured."""
    return metric is not None and all(metric[key] is not None for key in ("before", "after", "recordings"))


def tell(name: str, measured: str, bar: str, holds: bool) -> None:
    """One bar."""
    print(f"{name} · {measured} · {bar} · {'holds' if holds else 'falls short'}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
