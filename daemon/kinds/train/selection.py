"""Which checkpoint of a run becomes its version: held-out loss does not tell how a voice sounds, so a few checkpoints
speak, and one that surely sounds better than the best by loss is taken in its place. Where none does an engine may want
the earliest that is not surely worse (`engines.base.Undecided`).

They speak selection lines: clips of the new ones that this run sets aside and does not train on, where there are many,
and texts that nobody has said. Held-out lines are never among them, so that the verdict is of lines that chose nothing.

    runs/<run>/selection/aside.json       which clips are set aside: decided once a run
                         step-000120/     what would be the version, until one is
                         samples/120/     what it said; kept, to listen to
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from daemon.home import run_folder
from daemon.home.identity import Mark
from daemon.kinds.evaluate.understanding import ENOUGH, Understanding
from daemon.worker import spoken, versions
from daemon.worker.bench import Bench, Steps, finite
from daemon.worker.job import Channel
from daemon.worker.spoken import Speaker
from engines import registry
from engines.base import Clip, Learns, TrainableModel, Undecided
from engines.capabilities import Capability
from engines.files import make_folder, write_whole
from engines.metrics import gate, intervals
from engines.metrics.further_texts import selection as texts_of
from engines.metrics.rows import rows
from engines.metrics.rule import Rule
from engines.metrics.score import LineScores, Scores, summarise
from engines.metrics.spread import Interval
from engines.metrics.summary import Summary
from engines.training.checkpoint import Checkpoints
from engines.training.loop import TrainResult
from engines.training.settings import TrainSettings
from engines.transcription.choose import choose as choose_recogniser
from proto import worker_pb2 as wire

#: Lines that each checkpoint speaks, and fewer than these tell nothing.
LINES, LEAST_LINES = 6, 3
#: New clips from which some are set aside: one in so many.
ENOUGH_CLIPS, ONE_IN = 60, 20
#: Recordings by which the person is known where a line has none.
PERSON = 8
#: Recordings that are asked first whether the recogniser understands the person. Where they are not surely understood
#: (`gate.UNCLEAR`), ENOUGH are asked.
FIRST = 4
#: How sure it must be that a checkpoint sounds better than the best by loss. Wrong costs little here: the verdict
#: judges what is chosen.
LEVEL = 0.8


class ChosenBy(StrEnum):
    """What chose the weights of a run."""

    SPEECH = "speech"  #: it surely sounds better than the best by held-out loss
    LOSS = "loss"  #: no other checkpoint surely sounds better
    EARLIEST = "earliest"  #: none does, and of those that surely sound no worse it is the first


@dataclass(frozen=True)
class Heard:
    """One checkpoint as it was heard. Differences are to the best by loss."""

    step: int
    summary: Summary
    score: float = 0.0  #: balance of all differences; above 0: it sounds better
    sure: Interval | None = None  #: where that lies; None: nothing to compare, or too few lines to say

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "score": self.score,
            "sure": None if self.sure is None else asdict(self.sure),
            **{name: value for name, value in self.summary.to_json().items() if name != "held_out_loss"},
        }


@dataclass(frozen=True)
class Choice:
    """The checkpoint that was chosen, and why."""

    step: int  #: 0: what the run began from
    by: ChosenBy
    heard: tuple[Heard, ...]  #: by step, the first is what the run began from
    set_aside: int  #: clips that were not trained on for it
    recogniser: str  #: which, and why
    understanding: Understanding | None  #: of the person, by the recogniser; None: nothing was heard so badly
    samples: tuple[tuple[str, Mapping[int, str]], ...]  #: each line's text, and its file by step, relative to the home

    @property
    def words(self) -> bool:
        """Whether they took part; else the recogniser does not understand the person."""
        return self.understanding is None or self.understanding.heard

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = finite(
            {
                "step": self.step,
                "by": self.by,
                "heard": [one.to_json() for one in self.heard],
                "set_aside": self.set_aside,
                "recogniser": self.recogniser,
                "words": self.words,
                "understanding": None if self.understanding is None else self.understanding.to_json(),
                "samples": [
                    {"text": text, "files": {str(step): file for step, file in files.items()}}
                    for text, files in self.samples
                ],
            }
        )
        return found


def set_aside(plan: wire.TrainPlan, wanted: bool) -> frozenset[str]:
    """Hashes of the new clips that this run does not train on; the same at each attempt. None of a run that began
    without."""
    path = Path(plan.run_dir) / "selection" / "aside.json"
    new = [ref.sha256 for ref in plan.clips if ref.is_new]
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))) & set(new)
    except (OSError, ValueError):
        began = (Path(plan.run_dir) / "checkpoints").exists()
    count = min(LINES, len(new) // ONE_IN) if wanted and not began and len(new) >= ENOUGH_CLIPS else 0
    drawn = sorted(new, key=lambda clip: hashlib.sha256(f"{plan.run_uuid} {clip}".encode()).digest())[:count]
    make_folder(path.parent)
    write_whole(path, json.dumps(sorted(drawn)).encode(), "which clips are set aside")
    return frozenset(drawn)


def lines(plan: wire.TrainPlan, aside: frozenset[str]) -> list[Clip]:
    """What the checkpoints say; empty if there is too little for it in the voice's language."""
    known = {clip.text for clip in versions.clips([*plan.clips, *plan.held_out])}
    clips = [clip for clip in versions.clips(plan.clips) if clip.sha256 in aside]
    texts = [spoken.unrecorded(text, plan.language) for text in texts_of(plan.language) if text not in known]
    found = [*clips, *texts][:LINES]
    return found if len(found) >= LEAST_LINES else []


def possible(engine: Learns, chosen: TrainSettings, result: TrainResult, said: Sequence[Clip]) -> bool:
    """Whether there is something to choose from, and something to choose by."""
    speaks = Capability.SPEAKS in engine.info.capabilities
    return bool(chosen.spoken_checkpoints and said and speaks and any(result.kept))


def folder(plan: wire.TrainPlan, step: int) -> Path:
    """Of a checkpoint as a version would be."""
    return run_folder.to_choose(Path(plan.run_dir), step)


def save(
    engine: Learns,
    model: TrainableModel,
    plan: wire.TrainPlan,
    result: TrainResult,
    about: dict[str, Any],
    mark: Mark,
    finish: Callable[[TrainableModel], None],
) -> None:
    """Write each kept checkpoint as the version it would be, `finish`ed. `model` holds other weights after it."""
    checkpoints = Checkpoints(Path(plan.run_dir) / "checkpoints")
    for step in filter(None, result.kept):
        if versions.lineage(folder(plan, step)) is None:
            checkpoints.load_weights(step, model.module)
            finish(model)
            versions.write(folder(plan, step), lambda empty: engine.save(model, empty), about, mark)


def choose(
    engine: Learns, plan: wire.TrainPlan, result: TrainResult, said: Sequence[Clip], aside: int, channel: Channel
) -> Choice:
    """Have the kept checkpoints and what the run began from say the lines, hear them, and choose. Raises Stopped and
    Cancelled: what was spoken and heard is there for the next attempt."""
    samples = Path(plan.run_dir) / "selection" / "samples"
    reference = sorted(versions.clips(plan.reference or plan.clips), key=lambda clip: clip.sha256)
    person = sorted(versions.clips(plan.clips), key=lambda clip: clip.sha256)[:PERSON]
    recorded_lines = [clip for clip in said if clip.path != spoken.NOWHERE]
    recorded = spoken.recordings(samples, [*person, *recorded_lines], engine.info.sample_rate, channel)
    began = int(Path(plan.parent_dir).name) if plan.parent_dir else 0
    start = spoken.speaker(engine, samples / "start", plan.voice, began, plan.parent_dir, reference)
    who = {0: start, **{step: _speaker(plan, samples, step) for step in result.kept if step}}
    steps = Steps(channel, total=2 * len(who) * len(said))
    voice = registry.speaker(plan.engine)
    bench = Bench(engine, voice, plan.language, recorded, person, reference, channel, steps)
    for one in who.values():
        with bench.loaded(one) as model:
            bench.speak(one, model, said)
    recogniser = choose_recogniser(plan.language, channel.home / "weights")
    bench.hear_with(recogniser)
    bench.leave_the_gpu()
    scores = {step: bench.score(one, said) for step, one in who.items()}
    rule = Rule.from_json(json.loads(plan.rule_json or "{}"))
    understanding: Understanding | None = None
    if _heard_badly(scores):
        asked = to_understand(plan)
        spoken.recordings(samples, asked, engine.info.sample_rate, channel)
        understanding = understood(bench, recorded, asked)
    summary = _summary(bench.recogniser, words=understanding is None or understanding.heard)
    heard = tuple(_compared(step, scores, result.best_step, rule, summary) for step in sorted(scores))
    undecided = engine.info.learning.undecided if engine.info.learning else Undecided.LOWEST_LOSS
    best, by = _best(heard, result.best_step, rule, undecided)
    files = tuple((clip.text, _files(channel.home, who, clip)) for clip in said)
    return Choice(best, by, heard, aside, recogniser.why, understanding, files)


def take(plan: wire.TrainPlan, step: int, empty: Path) -> None:
    """Fill an empty folder with a checkpoint's files, as a version has them."""
    made = folder(plan, step)
    shutil.copytree(made, empty, ignore=shutil.ignore_patterns(*versions.BESIDE), dirs_exist_ok=True)


def _speaker(plan: wire.TrainPlan, samples: Path, step: int) -> Speaker:
    return Speaker(
        f"step {step}", samples / str(step), folder(plan, step), f"{plan.run_uuid} {step}", f"{plan.voice}, step {step}"
    )


def _heard_badly(scores: Mapping[int, Scores]) -> bool:
    """Whether a checkpoint is. Then the person's own recordings are heard, too: of a person whom the recogniser does
    not understand, the likest checkpoint is the worst."""
    found = [one.summary.wer for one in scores.values() if one.summary.wer is not None]
    return bool(found) and max(found) >= gate.UNCLEAR


def to_understand(plan: wire.TrainPlan) -> list[Clip]:
    """The recordings by which it is asked whether the recogniser understands the person, always the same ones for the
    same data: those whose texts no recogniser wrote, or where there are none any."""
    clips = sorted(versions.clips(plan.clips), key=lambda clip: clip.sha256)
    written = set(plan.written)
    return ([clip for clip in clips if clip.sha256 in written] or clips)[:ENOUGH]


def understood(bench: Bench, recorded: Speaker, asked: Sequence[Clip]) -> Understanding:
    """Whether the recogniser understands the person: by the first few, or where those do not surely say yes, by all."""
    lines: list[LineScores] = []
    for some in filter(None, (asked[:FIRST], asked[FIRST:])):
        bench.steps.more(len(some))
        lines += bench.score(recorded, some).lines
        found = summarise(lines, *bench.recogniser)
        if found.wer is None or found.wer < gate.UNCLEAR:
            break
    return Understanding(gate.understood(found), found.wer, len(lines), len(lines))


def _summary(recogniser: tuple[str, str], *, words: bool) -> Callable[[Sequence[LineScores]], Summary]:
    """What lines come to; without `words` as though nobody had listened for them."""

    def summary(heard: Sequence[LineScores]) -> Summary:
        found = summarise(heard, *recogniser)
        return found if words else gate.without_words(found)

    return summary


def _compared(
    step: int,
    scores: Mapping[int, Scores],
    best_step: int,
    rule: Rule,
    summary: Callable[[Sequence[LineScores]], Summary],
) -> Heard:
    """How a checkpoint sounds beside the best by loss."""

    def balance(mine: Summary, theirs: Summary) -> float:
        return gate.balance(mine, theirs, rule)

    mine, theirs = ([[line] for line in scores[one].lines] for one in (step, best_step))
    own = summary([line for takes in mine for line in takes])
    if step == best_step:
        return Heard(step, own)
    spread = intervals.paired(mine, theirs, summary, balance, LEVEL)
    return Heard(step, own, balance(own, summary([line for takes in theirs for line in takes])), spread.balance)


def _best(heard: Sequence[Heard], best_step: int, rule: Rule, undecided: Undecided) -> tuple[int, ChosenBy]:
    """The checkpoint that sounds best, if that is sure and it keeps the voice's limits beside the best by loss; else
    the best by loss, or the earliest that surely sounds no worse than that, nor worse than what the run began from.
    What it began from is no checkpoint."""
    loss = next((one.summary for one in heard if one.step == best_step), None)

    def keeps_limits(one: Heard) -> bool:
        return loss is None or all(row.ok for row in rows(one.summary, loss, rule, False, None, one.summary.lines))

    told = [one for one in heard if one.step and one.sure is not None and keeps_limits(one)]
    better = [one for one in told if one.sure is not None and one.sure.low > 0]
    if better:
        return max(better, key=lambda one: (one.score, -one.step)).step, ChosenBy.SPEECH
    began = max((one.score for one in heard if not one.step), default=-math.inf)
    adequate = [one.step for one in told if one.sure is not None and one.sure.high >= 0 and one.score >= began]
    earliest = min((step for step in adequate if step < best_step), default=best_step)
    if undecided == Undecided.EARLIEST and earliest < best_step:
        return earliest, ChosenBy.EARLIEST
    return best_step, ChosenBy.LOSS


def _files(home: Path, who: Mapping[int, Speaker], clip: Clip) -> dict[int, str]:
    spoken_by = {step: one.wav(clip) for step, one in who.items()}
    return {step: str(wav.relative_to(home)) for step, wav in spoken_by.items() if wav.is_file()}
