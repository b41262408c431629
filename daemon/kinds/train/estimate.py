"""What a training would take, before it begins: steps, time, energy, money, memory and disk; and what comes before and
after it by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.kinds.train import begun, cost, foresight, past_runs
from daemon.kinds.train.foresight import Range, Wanted
from daemon.kinds.train.past_runs import Past
from daemon.kinds.train.work import Work
from daemon.machine.disk_space import DiskSpace
from daemon.price import Price
from daemon.state import clip_refs
from engines.training.clock import duration
from proto import myna_pb2 as pb

#: seconds a step takes when nothing was ever measured here, for an engine of 1 GB training memory; said to be a guess
GUESSED_STEP = 0.4


def of(
    session: Session, work: Work, overrides: dict[str, Any], home: Path, space: DiskSpace, price: Price
) -> pb.EstimateResponse:
    """Raises what `settings.plan` raises for settings that cannot be."""
    clips = clip_refs.training(session, work.voice, work.data, home, work.parent)
    new = sum(clip.is_new for clip in clips)
    steps = begun.expected(work, len(clips), new, overrides, home).steps
    past = past_runs.like(session, work.info, overrides)
    parent = work.parent.number if work.parent is not None else 0
    wanted = past_runs.wanted(session, work.info, work.data, parent, overrides, steps)
    seconds = _seconds(work, overrides, wanted, past)
    disk = cost.disk(session, work, overrides)
    what = f"{work.title}: {len(clips)} clips ({new} new), {work.data.held_out} held out, at most {steps} steps."
    sentences = [what[0].upper() + what[1:], _how(work, past, seconds.likely / steps), *_early(past, wanted, seconds)]
    if short := space.missing(disk):
        sentences.append(f"The disk is {short / 1e9:.1f} GB short.")
    need = cost.gpu_memory(session, work.info, work.learning, overrides)
    told = pb.EstimateResponse(
        steps=steps,
        seconds=seconds.likely,
        gpu_memory=need.bytes,
        gpu=pb.GpuUse(needs=need.bytes, measured=need.measured),
        disk=disk,
        sentences=sentences,
        settings_json=json.dumps({"steps": steps, **overrides}, sort_keys=True),
        runs=len(past.runs),
    )
    told.training.CopyFrom(message(seconds, foresight.joules(past.runs, seconds), past.unmetered, price))
    _beside(session, work, told, price)
    return told


def message(
    seconds: Range, joules: Range | None, unmetered: Iterable[pb.Unmetered.ValueType], price: Price
) -> pb.Expected:
    """As the wire tells it, with what it costs."""
    told = pb.Expected(seconds=_range(seconds), currency=price.currency, unmetered=unmetered if joules else ())
    if joules is not None:
        told.joules.CopyFrom(_range(joules))
    ends = (seconds.low, seconds.likely, seconds.high)
    energy = (joules.low, joules.likely, joules.high) if joules is not None else (None, None, None)
    sums = [price.cost(time, one) for time, one in zip(ends, energy, strict=True)]
    if sums[0] is not None and sums[1] is not None and sums[2] is not None:
        told.money.CopyFrom(pb.Range(low=sums[0], likely=sums[1], high=sums[2]))
    return told


def _beside(session: Session, work: Work, told: pb.EstimateResponse, price: Price) -> None:
    """What comes before it and after it."""
    engine = work.info.name
    scoring = foresight.each(past_runs.scorings(session, engine), work.data.held_out)
    if scoring is not None and work.data.held_out:
        told.scoring.CopyFrom(message(scoring, None, (), price))
    if waiting := past_runs.uncut(session, work.voice.name):
        cutting = foresight.each(past_runs.cuttings(session, engine), waiting)
        if cutting is not None:
            told.cutting.CopyFrom(message(cutting, None, (), price))


def _seconds(work: Work, overrides: dict[str, Any], wanted: Wanted, past: Past) -> Range:
    found = foresight.before(past.runs, wanted)
    if found is None:
        guess = wanted.planned * GUESSED_STEP * work.learning.memory / 1.5e9
        found = Range(guess / (1 + foresight.ERRORS[0]), guess, guess * (1 + foresight.ERRORS[0]))
    limit = float(overrides.get("max_seconds") or 0.0)
    if limit:
        known = foresight.prior(past.runs, wanted)
        limit += (known.before or 0.0) + known.after_step(round(wanted.planned * known.share))
        found = Range(min(found.low, limit), min(found.likely, limit), min(found.high, limit))
    return found


def _how(work: Work, past: Past, step: float) -> str:
    count = len(past.runs)
    if not count:
        guess = f"{step:.2g} s a step is a guess, and what comes before and after its steps is not in it"
        return f"No training of {work.info.name} was timed here yet: {guess}."
    runs = "one run" if count == 1 else f"{count} runs"
    sure = "; three would make it surer" if count < 3 else ""
    return f"Learned from {runs} here: {step:.2g} s a step, with all that is around them{sure}."


def _early(past: Past, wanted: Wanted, seconds: Range) -> list[str]:
    """What is known of where it stops, if it may stop early."""
    if not wanted.patience or not past.runs:
        return []
    shares = foresight.shares(past.runs, wanted)
    most = f"to its last step it takes at most {duration(seconds.high)}"
    if not shares:
        return [f"It may stop early, and none like it was seen to: {most}."]
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    part = f"{low} to {high}" if low != high else low
    return [f"It may stop early: those before did {part} of their steps; {most}."]


def _range(found: Range) -> pb.Range:
    return pb.Range(low=found.low, likely=found.likely, high=found.high)
