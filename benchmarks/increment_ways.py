"""What an increment's rate, its steps and its share of old clips do: the table that chose the defaults. A voice is
trained on some recordings; more come; each way of going on is trained from the same version, and so is one from the
base on all recordings. The train and evaluate workers are Myna's own (`real_workers.py`), the verdict is the one that
promotes.

Speakers are those that may be tried on: figures of how good a voice gets are of others (`learning_curve.py`).

python -m benchmarks.learning_increments --ways [--speakers 1]
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.real_workers import Judgement, Workshop, known, recorded
from engines.glow.info import INFO
from engines.glow.recipe.corpus import Speaker
from engines.registry import learning

#: Recordings of the first training, those that come later, and lines held out.
FIRST, LATER, HELD_OUT = 45, 30, 12
#: Of every training, beside what differs: loss alone chooses the checkpoint, and batches are a third of the usual ones,
#: so that a table takes minutes.
COMMON: Mapping[str, Any] = {"threads": 2, "spoken_checkpoints": 0, "batch_size": 8}
#: Each line is said once.
RULE: Mapping[str, Any] = {"takes": 1}


@dataclass(frozen=True)
class Way:
    """One way of going on."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    from_base: bool = False


def _ways() -> Iterator[Way]:
    usual = learning(INFO)
    for share in (0.2, 0.5, 0.7):
        yield Way(f"from the base on all, averaged, {share:.0%} its parent's", {"parent_share": share})
    for each in (1, 2):
        yield Way(
            f"from the base on all, averaged, {each} {'step' if each == 1 else 'steps'} a clip",
            {"steps": each * (FIRST + LATER)},
        )
    on_top = {"parent_share": 0.0, "steps": usual.increment_steps[0]}
    for share in (0.1, 0.3, 1.0):
        yield Way(f"rate x {share:g}", {**on_top, "learning_rate": share * usual.learning_rate})
    middle = {**on_top, "learning_rate": 0.3 * usual.learning_rate}
    yield Way("rate x 0.3, twice the steps", {**middle, "steps": 2 * usual.increment_steps[0]})
    yield Way("rate x 0.3, no old clips", {**middle, "old_clip_share": 0.0})
    yield Way("rate x 0.3, four old clips for a new one", {**middle, "old_clip_share": 0.8})
    yield Way("from the base, on all", from_base=True)


def show(speaker: Speaker) -> None:
    """Print the table of one speaker, in comment lines."""
    with tempfile.TemporaryDirectory(prefix="myna-") as folder:
        home = Path(folder)
        clips = recorded(home, speaker, FIRST + LATER + HELD_OUT)
        workshop = Workshop(home, clips[FIRST + LATER :], clips[:FIRST])
        workshop.train(1, clips[:FIRST], COMMON)
        print(f"# {speaker.name}: {FIRST} recordings, then {LATER} more", flush=True)
        _show("the first training", workshop.judge(1, 0, rule=RULE))
        for number, way in enumerate(_ways(), 2):
            old = 0 if way.from_base else FIRST
            told = known(clips[: FIRST + LATER], old)
            made = workshop.train(number, told, {**COMMON, **way.settings}, 0 if way.from_base else 1)
            if not made.step:
                print(f"#   {way.name} | it gained nothing", flush=True)
                continue
            _show(f"{way.name} ({made.seconds:.0f} s)", workshop.judge(number, 1, rule=RULE))


def _show(name: str, found: Judgement) -> None:
    """One row: likeness and word errors of what was trained, the balance against what it is judged by, the verdict."""
    mine = found.summaries["candidate"]
    score = "" if found.score is None else f"{found.score:+.2f}"
    print(
        f"#   {name} | {mine['similarity'] or 0:.3f} | {mine['wer'] or 0:.3f} | {score} | {found.outcome}", flush=True
    )
