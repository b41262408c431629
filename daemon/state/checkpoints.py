"""How a run's checkpoints sounded at its end (`daemon/kinds/train/selection.py`), as people compare them: losses,
scores, and a few lines to listen to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.models import Run
from daemon.errors import NotFound
from daemon.state import checkpoint_words, compare, run_losses, runs, voices
from daemon.state.values import NotHeard, Way, on_wire
from engines.metrics.table import METRICS
from engines.training import gain
from proto import myna_pb2 as pb

LINES = 3  #: to listen to


def told(session: Session, run: Run) -> pb.CheckpointsResponse:
    """The table; without one, why there is none."""
    selection: dict[str, Any] = run.result.get("selection") or {}
    if not selection:
        why = _why(run)
        sentence = checkpoint_words.not_heard(run.id, why)
        return pb.CheckpointsResponse(not_heard=on_wire(NotHeard, why), sentence=sentence, voice=run.voice)
    losses = {row["step"]: row["held_out"].get("loss") for row in run_losses.evaluations(session, run.id)}
    best = run.best_step
    why_chosen = checkpoint_words.chosen(selection["by"], selection["step"], best)
    if unheard := checkpoint_words.understood(selection):
        why_chosen += f" {unheard}"
    averaged = _parent(run)
    if averaged:
        why_chosen += f" {checkpoint_words.averaged(averaged)}"
    response = pb.CheckpointsResponse(
        checkpoints=[
            _checkpoint(one, losses, selection["step"], best, parent=bool(averaged)) for one in selection["heard"]
        ],
        lines=[_line(line) for line in selection["samples"][:LINES]],
        sentence=checkpoint_words.heard(len(selection["samples"]), selection["set_aside"], why_chosen),
        set_aside=selection["set_aside"],
        voice=run.voice,
    )
    response.infos.extend(compare.metric_message(info) for info in METRICS.values())
    return response


def sample(session: Session, run: int, step: int, name: str, home: Path) -> tuple[Path, str, str]:
    """(file, who speaks, text) of a line as a checkpoint said it. Raises NotFound."""
    row = runs.get(session, run)
    began = f"{parent}, the parent of run #{run}" if (parent := _parent(row)) else f"what run #{run} began from"
    who = f"step {step} of run #{run}" if step else began
    for line in (row.result.get("selection") or {}).get("samples", ()):
        file = line["files"].get(str(step))
        if file is not None and Path(file).stem == name and (home / file).is_file():
            return home / file, who, line["text"]
    raise NotFound(
        f"The line {name[:12]!r} of {who} is not here.", f"`myna run {run} --checkpoints` lists those there are."
    )


def _parent(run: Run) -> str:
    """The version that a run's weights were averaged with, which spoke in the place of what it began from; empty:
    none."""
    averaged = runs.way(run) is Way.AVERAGED
    return voices.spelt(run.voice, run.from_version) if averaged else ""


def _why(run: Run) -> NotHeard:
    """Why its checkpoints were not heard."""
    outcome = run.result.get("outcome")
    if run.ended is None:
        return NotHeard.NOT_YET
    if outcome == pb.RunOutcome.Name(pb.NOTHING_NEW):
        return NotHeard.NOTHING_TRAINED
    if outcome is None:
        return NotHeard.ENDED_BADLY
    return NotHeard.NOT_ASKED if run.settings.get("spoken_checkpoints") == 0 else NotHeard.NOT_POSSIBLE


def _checkpoint(
    one: dict[str, Any], losses: dict[int, float | None], chosen: int, best: int, *, parent: bool
) -> pb.Checkpoint:
    """`parent`: the first of them is the parent, whose loss was not measured."""
    step, sure = one["step"], one["sure"]
    loss, start = losses.get(step), losses.get(0)
    return pb.Checkpoint(
        step=step,
        loss=None if parent and not step else loss,
        gain=gain.gain(loss, start) if step and loss is not None and start is not None else None,
        metrics={name: one[name] for name in METRICS if one.get(name) is not None},
        score=one["score"] if sure is not None else None,
        low=sure["low"] if sure is not None else None,
        high=sure["high"] if sure is not None else None,
        chosen=step == chosen,
        lowest_loss=step == best,
    )


def _line(line: dict[str, Any]) -> pb.CheckpointLine:
    files = line["files"]
    name = Path(next(iter(files.values()))).stem if files else ""
    return pb.CheckpointLine(name=name, text=line["text"], steps=sorted(map(int, files)))
