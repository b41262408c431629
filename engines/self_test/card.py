"""Checks of the card itself: bf16, the fast paths, how much it does in a second."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from engines.autoregressive import graphs
from engines.autoregressive.decode import Batch, Decoder, Frames, Steps
from engines.autoregressive.sampling import Sampling
from engines.errors import EngineError
from engines.fast_paths import card, learning
from engines.fast_paths.record import FastPath, Outcome
from engines.self_test.bench import STEPS, Bench, run
from engines.self_test.result import Check, Reason, Result, State, failed, passed, skipped
from engines.xtts import decode as xtts
from engines.xtts.engine import XttsEngine

#: How far a product in bf16 may be from that in fp32, as a share: eight bits of mantissa.
BF16_ERROR = 0.02
#: Width of a square product that keeps a card, and one that keeps a CPU, busy for a moment.
LARGE, SMALL = 8_192, 512
#: Seconds for the fast paths; codes that are said for their speed.
PATIENCE, CODES = 90.0, 60


def bf16(bench: Bench) -> Result:
    """A product in bf16 beside the same in fp32."""
    if bench.device.type == "cuda" and not learning.capable(FastPath.BF16, bench.device):
        return skipped(Check.BF16, Reason.NOT_CAPABLE)
    luck = torch.Generator().manual_seed(1)
    one, other = (torch.randn(SMALL, SMALL, generator=luck).to(bench.device) for _ in range(2))
    exact, rough = one @ other, (one.bfloat16() @ other.bfloat16()).float()
    error = float((exact - rough).norm() / exact.norm())
    if not error <= BF16_ERROR:
        return failed(Check.BF16, Reason.INACCURATE, {"error_share": error})
    return passed(Check.BF16, {"error_share": error})


def fast_paths(bench: Bench) -> Result:
    """Each is proved anew, in a process of its own, since a path may take its process with it."""
    if card.proofs(bench.device) is None:
        off = bench.device.type == "cuda"
        return skipped(Check.FAST_PATHS, Reason.SWITCHED_OFF if off else Reason.NO_CARD)
    command = [sys.executable, "-m", "engines.self_test.child", "paths", str(bench.device), str(bench.folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        told, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        told, code = (late.stdout or b"").decode(), 1  # bytes, whatever was asked for
    return judged(told, code)


def judged(told: str, code: int) -> Result:
    """What the process said of each path, a line of JSON each, and how it ended."""
    outcomes: dict[str, str] = {one["path"]: one["outcome"] for one in map(json.loads, told.splitlines())}
    good = sum(outcome == Outcome.EQUAL for outcome in outcomes.values())
    figures = {"equal_paths": float(good), "tried_paths": float(len(outcomes))}
    if code:
        return Result(Check.FAST_PATHS, State.FAILED, Reason.DIED, figures, outcomes)
    if good < len(outcomes):
        return Result(Check.FAST_PATHS, State.FAILED, Reason.DIFFERS, figures, outcomes)
    return Result(Check.FAST_PATHS, State.OK, Reason.NONE, figures, outcomes)


def prove(bench: Bench, path: FastPath) -> Outcome:
    """One of them now. What failed before on larger models is forgotten where it holds on the tiny ones: they are
    proved again when they speak next. Raises OSError, DiskFull where the record cannot be kept."""
    known = card.proofs(bench.device)
    assert known is not None, "asked on a card only"
    if path is not FastPath.GRAPHS:
        return known.prove(path, "", lambda: learning.compare(path, bench.device)).outcome
    outcomes = []
    for decoder, conditioning, frames in _decoders(bench):
        work = partial(graphs.compare, decoder, conditioning, partial(graphs.CudaGraph, bench.device), frames)
        outcomes.append(known.prove(path, graphs.kind(decoder), work).outcome)
    worst = next((outcome for outcome in outcomes if outcome is not Outcome.EQUAL), Outcome.EQUAL)
    if worst is Outcome.EQUAL:
        known.forget_failures(path)
    return worst


def _decoders(bench: Bench) -> Iterator[tuple[Decoder, torch.Tensor, Frames | None]]:
    """Of every engine whose steps are recorded, in each precision: how its tiny model decodes, a voice, and what draws
    its frames."""
    for fast in (False, True):
        yield *voice(bench, fast=fast), None
    try:
        from engines.fish import decode, model, tiny_base
    except EngineError:
        return  # what fish needs is not installed: nobody speaks with it here
    from engines.fish.sampling import Drawing

    fish = model.load(bench.made("fish", tiny_base.write), None, str(bench.device), training=False, reference=())
    for precision in (torch.float32, torch.bfloat16):
        fish.transformer.to(precision)
        decoder = decode.Decoder(fish.transformer, fish.prompts)
        yield decoder, fish.prompts.opening(()), decode.Frames(decoder, Drawing.of(Sampling()))


def throughput(bench: Bench) -> Result:
    """Products, trained clips, and codes said one after another, in a second. The last two are the tiny model's: they
    tell how long the host takes to ask, and compare machines."""
    width = LARGE if bench.device.type == "cuda" else SMALL
    luck = torch.Generator().manual_seed(1)
    one = torch.randn(width, width, generator=luck).to(bench.device)
    flops = 2.0 * width**3
    reduced = one.bfloat16()
    figures = {
        "fp32_teraflops": flops / _seconds(bench.device, lambda: one @ one) / 1e12,
        "bf16_teraflops": flops / _seconds(bench.device, lambda: reduced @ reduced) / 1e12,
    }
    began = time.perf_counter()
    run(bench.device, bench.run_folder("throughput"))
    figures["trained_clips_per_second"] = STEPS * 4 / (time.perf_counter() - began)
    decoder, conditioning = voice(bench)
    figures["codes_per_second"] = _codes_per_second(decoder, conditioning, None)
    steps = graphs.captures(decoder, conditioning)
    if steps is not None:
        figures["recorded_codes_per_second"] = _codes_per_second(decoder, conditioning, steps)
    return passed(Check.THROUGHPUT, figures)


def voice(bench: Bench, *, fast: bool = False) -> tuple[xtts.Decoder, torch.Tensor]:
    """A decoder of the tiny model, and how one of its voices sounds."""
    model = XttsEngine().load(None, device=str(bench.device))
    latents = model.speakers[min(model.speakers)].to(model.device)
    return xtts.Decoder(model.module, fast=fast), latents.gpt


@torch.inference_mode()
def _codes_per_second(decoder: Decoder, conditioning: torch.Tensor, steps: Steps | None) -> float:
    """One row, whatever it says."""
    batch = Batch(decoder, conditioning, steps)
    batch.join([decoder.prompt(range(1, 12))])
    batch.step([1], [1])
    began = time.perf_counter()
    for position in range(2, CODES + 2):
        batch.step([1], [position]).logits.cpu()
    return CODES / (time.perf_counter() - began)


def _seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Of the quickest of five."""
    best = math.inf
    for _ in range(5):
        _wait_for(device)
        began = time.perf_counter()
        work()
        _wait_for(device)
        best = min(best, time.perf_counter() - began)
    return best


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
