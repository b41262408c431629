"""A run as a row of a table: what it was, how it was set, what came of it."""

from __future__ import annotations

import json
import math
from typing import Any

from proto import myna_pb2 as pb
from proto import run_words
from tui import wording
from tui.output import safe

#: What came of a run before how it was set: what a narrow terminal has no room for comes last.
HEAD = ("run", "voice", "steps", "best", "at", "from", "made", "data", "took", "rate", "batch", "LoRA", "engine")
SHRINKS = {"voice": 8}  #: `Table.shrinks`
#: What is said in place of a version where none came of a run.
OUTCOMES: dict[pb.RunOutcome.ValueType, str] = {
    pb.NOTHING_GAINED: "no gain",
    pb.NOTHING_NEW: "nothing new",
    pb.SAME_WEIGHTS: "no change",
}


def settings(run: pb.Run) -> dict[str, Any]:
    """The settings that it was trained with, by the names that people give them; empty when there are none to read.

    Adapters (`lora`: a table, or nothing) become `lora_rank` (0: all parameters were trained), `lora_alpha` and so on.
    """
    try:
        read = json.loads(run.settings_json or "{}")
    except ValueError:
        return {}
    if not isinstance(read, dict) or not read:
        return {}
    adapters = read.pop("lora", None)
    return {**read, "lora_rank": 0, **{f"lora_{name}": value for name, value in (adapters or {}).items()}}


def cells(run: pb.Run) -> tuple[str, ...]:
    """Texts in the order of HEAD."""
    chosen = settings(run)
    best = f"{run.best_loss:.4g}" if math.isfinite(run.best_loss) and run.best_loss else ""
    took = (
        (run.ended.ToNanoseconds() - run.started.ToNanoseconds()) / 1e9
        if run.ended.seconds and run.started.seconds
        else 0.0
    )
    made = f"@{run.to_version}" if run.to_version else OUTCOMES.get(run.outcome, "") if run.ended.seconds else "…"
    rank = chosen.get("lora_rank")
    return (
        f"#{run.id}",
        safe(run.voice),
        f"{run.step:,}" + (f" of {run.steps:,}" if run.steps and run.steps != run.step else ""),
        best,
        f"{run.best_step:,}" if best else "",
        run_words.came_from_briefly(run),
        made,
        f"#{run.dataset}",
        wording.duration(took) if took > 0 else "",
        _number(chosen.get("learning_rate")),
        _number(chosen.get("batch_size")),
        "full" if rank == 0 else _number(rank),
        safe(run.engine),
    )


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else ""
