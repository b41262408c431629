"""Every engine's whole way on a pretended GPU: no tensor is left on the CPU, and the host waits for the card no oftener
than is stated here. A new engine is taken along by itself; it needs a line in LIMITS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engines.registry import ENGINES

#: Some 20 seconds of a CPU; on one that is shared by many it has taken minutes.
pytestmark = [pytest.mark.timeout(600), pytest.mark.long]

ROOT = Path(__file__).parents[2]
#: By engine: "failure", a traceback or nothing, and "parts", each as `waits.Part`.
Report = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Limits:
    """Times that the host may wait for the card; None: the engine has no such part."""

    step: int | None = None  #: in one update of a training
    held_out: int | None = None  #: in measuring two held-out clips at once
    sentence: int | None = None  #: in a sentence, beside its codes and its sound
    prefill: int | None = None  #: in reading a text
    code: int | None = None  #: in saying one code
    recorded: int | None = None  #: in a step that is recorded as a graph; a card refuses to record a wait
    vocoder: int | None = None  #: in making a chunk of sound
    block: int | None = None  #: in converting some seconds of sound


LIMITS = {
    # three for the alignment, which is sought on the host; durations and the mel
    "glow": Limits(step=4, held_out=4, sentence=2),
    # codes are drawn on the host; a sentence is said three times by the tiny base, and its sound fetched twice
    "xtts": Limits(step=1, held_out=1, sentence=5, prefill=0, code=1, recorded=0, vocoder=0),
    # the ten codes of a frame are drawn on the card, and fetched together
    "fish": Limits(step=1, held_out=1, sentence=5, prefill=0, code=1, recorded=0, vocoder=0),
    # its sound is fetched in pieces; Coqui's modules look at the loudest sample twice, and send a zero a coupling
    "openvoice": Limits(block=8),
}
#: Parts of the way by limit: those whose names begin so.
PARTS = {
    "step": "step, ",
    "held_out": "held-out losses",
    "sentence": "sentence",
    "prefill": "prefill",
    "code": "code",
    "recorded": "recorded",
    "vocoder": "vocoder",
    "block": "block",
}


def test_the_pretended_device_refuses_records_and_computes_as_a_card() -> None:
    done = _program("tests.pretend_gpu.device_program")
    assert done.stdout.strip() == "as it should", done.stderr[-4_000:]


@pytest.mark.parametrize("name", ENGINES)
def test_no_tensor_is_left_on_the_cpu(name: str, report: Report) -> None:
    failure = report[name]["failure"]  # an operation between two devices ends the way
    assert not failure, f"The engine {name} does not run on a GPU:\n{failure[-6_000:]}"


@pytest.mark.parametrize("name", ENGINES)
def test_the_host_waits_no_oftener_than_is_stated(name: str, report: Report) -> None:
    limits = LIMITS.get(name, Limits())
    went = [part["name"] for part in report[name]["parts"]]
    for limit, begins in PARTS.items():
        there = getattr(limits, limit) is None or any(part.startswith(begins) for part in went)
        assert there, f"{name} has no part {begins!r}, which {limit} of its LIMITS is about"
    assert ("code" in went) == ("recorded" in went), f"steps of {name} recorded: {went}"
    too_many = []
    for part in report[name]["parts"]:
        each = -(-len(part["waits"]) // part["times"])
        for limit, begins in PARTS.items():
            allowed = getattr(limits, limit)
            if part["name"].startswith(begins) and (allowed is None or each > allowed):
                too_many.append(f"{part['name']}: {each} waits, {limit}={allowed}\n{_told(part)}")
    assert not too_many, (
        f"The host waits for the card oftener than LIMITS[{name!r}] of {Path(__file__).name} allows: send with "
        f"non_blocking=True, keep on the host what the host needs, or state the number.\n" + "\n".join(too_many)
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What came of every engine's way. One process for all: most of its time goes into imports."""
    folder = tmp_path_factory.mktemp("pretend-gpu")
    shared = tmp_path_factory.getbasetemp() / "xtts-base"  # tests of XTTS make it too
    if shared.exists():
        (folder / shared.name).symlink_to(shared)
    done = _program("tests.pretend_gpu.journey", str(folder), *ENGINES)
    assert done.returncode == 0, done.stderr[-6_000:]
    found: Report = json.loads((folder / "report.json").read_text())
    return found


def _program(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip


def _told(part: dict[str, Any]) -> str:
    """Where the waits are, the most frequent first."""
    counts: dict[str, int] = {}
    for wait in part["waits"]:
        line = f"{wait['why']:>6}  {wait['where']}"
        counts[line] = counts.get(line, 0) + 1
    return "\n".join(f"  {count:3} × {line}" for line, count in sorted(counts.items(), key=lambda one: -one[1]))
