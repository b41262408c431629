"""The self-test's program (`python -m daemon.self_test`, which `myna doctor --gpu` runs).

Exits 0 when nothing failed, 1 when something did, 2 when there is nothing to test: no GPU, or a daemon that uses it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from daemon.machine.gpu import Gpus
from daemon.self_test import words
from engines.self_test.result import Check, Reason, Result, State, failed, skipped
from proto import lock
from proto import myna_pb2 as pb
from proto.home import home as usual_home

#: Seconds after which no further check begins.
MOST = 120.0
NOTHING_TO_TEST = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="myna doctor --gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help="where files go; a tiny base stays for the next time")
    parser.add_argument("--most", type=float, default=MOST, help="seconds after which no further check begins")
    asked = parser.parse_args()
    if asked.folder is not None:
        try:
            asked.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--folder: {asked.folder} cannot be made ({error.strerror}): name a folder of yours.")
    home = usual_home()
    os.environ["MYNA_HOME"] = str(home)  # where the fast paths' record is
    gpus = Gpus()
    if asked.device == "cuda" and (why := unusable(home, gpus)) is not None:
        sentence, hint = words.refusal(why, gpus.no_gpu)
        if asked.json:
            print(json.dumps({"error": sentence, "hint": hint, "reason": why}))
        else:
            print(f"myna: {sentence}\n  {hint}", file=sys.stderr)
        return NOTHING_TO_TEST
    with tempfile.TemporaryDirectory(prefix="myna-self-test-") as scratch:
        return test(asked.device, asked.folder or Path(scratch), gpus, asked.most, as_json=asked.json)


def unusable(home: Path, gpus: Gpus) -> words.Unusable | None:
    """Why there is no GPU to test now; None if there is."""
    if lock.is_held(home):
        return words.Unusable.DAEMON
    if not gpus.sample():
        return words.Unusable.NO_GPU
    from engines import device

    return words.Unusable.TORCH if device.device() == "cpu" else None


def test(where: str, folder: Path, gpus: Gpus, most: float, *, as_json: bool) -> int:
    """Run the checks, beginning none after `most` seconds, and show what they find; the exit status."""
    began, results, machine = time.monotonic(), list[Result](), _machine(gpus)
    if not as_json:
        print(" · ".join(machine.values()), flush=True)
    for result in _results(where, folder, gpus, most):
        results.append(result)
        if not as_json:
            print(words.line(result), flush=True)
    seconds = time.monotonic() - began
    bad = sum(result.state is State.FAILED for result in results)
    if as_json:
        print(json.dumps({"machine": machine, "seconds": round(seconds, 1), "results": [*map(_plain, results)]}))
    else:
        print(f"{f'{bad} failed' if bad else 'Nothing failed'}, in {seconds:.0f} s.")
    return 1 if bad else 0


def _results(where: str, folder: Path, gpus: Gpus, most: float) -> Iterator[Result]:
    yield skipped(Check.CARD, Reason.NO_CARD) if where == "cpu" else card(gpus)
    from engines.self_test import checks  # takes seconds, and is not needed to refuse

    yield from checks.results(where, folder, lambda: _used(gpus), most)


def card(gpus: Gpus) -> Result:
    """What NVML tells of the one that we work on: all that the dashboard and the scheduler ask it for."""
    gpu = _ours(gpus)
    if gpu is None:
        return failed(Check.CARD, Reason.NOT_TOLD, error=gpus.no_gpu)
    figures = {
        "memory_used_bytes": float(gpu.memory_used), "memory_total_bytes": float(gpu.memory_total),
        "busy_share": gpu.utilisation, "temperature_celsius": gpu.temperature, "power_watts": gpu.power,
        "power_limit_watts": gpu.power_limit,
    }  # fmt: skip
    if not gpu.memory_total or not gpu.name:
        return failed(Check.CARD, Reason.NOT_TOLD, figures)
    others = {f"process {one.pid}": f"{one.owner} holds {one.memory / 1e9:.1f} GB" for one in gpu.processes}
    return Result(Check.CARD, State.OK, figures=figures, texts=others)


def _ours(gpus: Gpus) -> pb.Gpu | None:
    return next((gpu for gpu in gpus.sample() if gpu.owned), None)


def _used(gpus: Gpus) -> int | None:
    gpu = _ours(gpus)
    return None if gpu is None else gpu.memory_used


def _machine(gpus: Gpus) -> dict[str, str]:
    """What a figure can be compared by."""
    gpu = _ours(gpus)
    return {
        "gpu": "no GPU" if gpu is None else f"{gpu.name}, {gpu.memory_total / 1e9:.0f} GB",
        "driver": gpus.driver() or "no driver",
        "torch": f"torch {version('torch')}",
        "python": f"Python {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _plain(result: Result) -> dict[str, Any]:
    return {
        "check": result.check, "state": result.state, "reason": result.reason, "sentence": words.sentence(result),
        "figures": dict(result.figures), "texts": dict(result.texts),
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
