"""Scoring in a worker: a candidate and its rival speak the same held-out lines with the same seed, are heard, and the
gate decides.

Everything costly is kept (spoken lines, scores), so an attempt goes on where the one before it ended, and a version
that was scored before on the same lines is not spoken again.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from daemon.kinds.evaluate import report
from daemon.kinds.train.worker import Steering
from daemon.worker import spoken, versions
from daemon.worker.job import Channel, Stopped
from daemon.worker.spoken import Speaker
from engines import device, registry
from engines.base import Clip, Features, Learns, Speaks, TrainableModel
from engines.errors import BadInput
from engines.features import encode_all
from engines.files import write_whole
from engines.metrics import gate
from engines.metrics.score import LineScores, Scores, score_lines
from engines.metrics.summary import Summary
from engines.training import control, memory, settings
from engines.training.held_out import held_out_losses
from engines.transcription.base import Transcriber
from engines.transcription.choose import Choice, choose
from proto import worker_pb2 as wire


def run(plan: wire.EvaluatePlan, channel: Channel) -> str:
    """Score, write the report into the version's folder, and have the verdict committed."""
    began = time.monotonic()
    rule = gate.Rule.from_json(json.loads(plan.rule_json or "{}"))
    engine, voice = registry.learner(plan.engine), registry.speaker(plan.engine)  # the same one
    clips, reference = versions.clips(plan.held_out), versions.clips(plan.reference)
    _check(plan)
    folder = Path(plan.version_dir)
    samples = Path(plan.samples_dir)
    steps = _Steps(channel, total=5 * len(clips))

    steps.begin("reading the held-out recordings")
    recorded = spoken.recordings(samples, clips, engine.info.sample_rate, channel)
    candidate = spoken.speaker(engine, samples, plan.version, plan.version_dir, reference)
    rival = spoken.speaker(engine, samples, plan.against, plan.against_dir, reference)
    features = _features(engine, clips, channel)
    losses = {}
    for who in (candidate, rival):
        losses[who.title] = _speak(engine, voice, who, clips, reference, features, channel, steps)

    steps.begin("loading a recogniser")
    choice = choose(plan.language, channel.home / "weights")
    channel.log("info", choice.why)
    _leave_the_gpu(choice, channel)
    scores = {}
    for who in (recorded, candidate, rival):
        steps.begin(f"listening to {who.title}")
        scores[who.title] = _score(who, recorded, clips, choice.transcriber, plan.language, channel, steps)

    ceiling = scores[recorded.title].summary
    mine = dataclasses.replace(scores[candidate.title].summary, held_out_loss=losses[candidate.title].get("loss"))
    theirs = dataclasses.replace(scores[rival.title].summary, held_out_loss=losses[rival.title].get("loss"))
    verdict = gate.better(mine, theirs, rule, first=plan.first, ceiling=ceiling)
    details = {
        **_findings(verdict),
        "lineage": json.loads(plan.lineage_json or "{}"),
        "summaries": {
            "candidate": _plain(mine.to_json()),
            "parent": _plain(theirs.to_json()),
            "recordings": _plain(ceiling.to_json()),
        },
        "held_out_losses": {"candidate": _plain(losses[candidate.title]), "parent": _plain(losses[rival.title])},
        "lines": _lines(channel.home, clips, (recorded, candidate, rival), scores),
        "lines_key": versions.data_digest(plan.held_out),
        "recogniser": choice.why,
        "cost": {"scoring_seconds": round(time.monotonic() - began, 2), "machine": device.name()},
    }
    result = wire.EvaluateResult(
        better=verdict.promote,
        verdict=" ".join(verdict.sentences),
        outcome=wire.EvaluateResult.Outcome.Value(verdict.outcome.name),
        metrics=_numbers(mine),
        against_metrics=_numbers(theirs),
        recording_metrics=_numbers(ceiling),
        report_json=_write_report(folder, details),
    )
    channel.commit(wire.Report(evaluated=result))
    outcome = "better" if verdict.promote else "not better"
    lines = f"{len(clips)} held-out line{'' if len(clips) == 1 else 's'}"
    return f"{candidate.title} is {outcome} than {rival.title} on {lines}."


def _check(plan: wire.EvaluatePlan) -> None:
    """Raises BadInput if there is nothing to score, or nothing to score on."""
    if not plan.held_out:
        raise BadInput(
            f"{plan.voice} has no held-out lines to score on.", "Add recordings: about a tenth of them is held out."
        )
    if versions.lineage(Path(plan.version_dir)) is None:
        raise BadInput(
            f"The folder of version {plan.version} of {plan.voice} is missing or incomplete.",
            f"It should be {plan.version_dir}.",
        )


def _findings(verdict: gate.Verdict) -> dict[str, Any]:
    """What the gate found, for the report."""
    return {
        "verdict": {
            "outcome": verdict.outcome,
            "better": verdict.promote,
            "reasons": list(verdict.sentences),
            "score": verdict.score,
        },
        "findings": [_plain(one.to_json()) for one in verdict.findings],
        "broken": verdict.outcome is gate.Outcome.BROKEN,
        "table": [_plain(dataclasses.asdict(row)) for row in verdict.rows],
    }


def _write_report(folder: Path, details: dict[str, Any]) -> str:
    """Write the report into the version's folder, for programs and for people. Returns its JSON."""
    text = json.dumps(details, indent=1, sort_keys=True, allow_nan=False)
    write_whole(folder / "report.json", text.encode(), "the report")
    write_whole(folder / "curves.svg", report.curves_svg(details).encode(), "the report")
    write_whole(folder / "report.md", report.markdown(details).encode(), "the report")
    return text


def _leave_the_gpu(choice: Choice, channel: Channel) -> None:
    """All is spoken. What is left runs on the CPU unless the recogniser uses the GPU: give that back, so that the next
    job has it. Where there is no GPU the lane stands for the CPU, which is still needed."""
    if device.device() == "cpu" or choice.device != "cpu":
        return
    gc.collect()  # a model may be part of a circle
    memory.release(device.torch_device())
    channel.report(wire.Report(lane_free=wire.LaneFree()))


class _Steps:
    """Counts lines for the progress bar."""

    def __init__(self, channel: Channel, total: int) -> None:
        self._channel, self._total, self._done, self._began = channel, total, 0, time.monotonic()
        self._sentence, self._left = "", 0.0

    def begin(self, sentence: str) -> None:
        """What is done from now on, told at once: the first line may be minutes away."""
        self._sentence = sentence
        self._tell()

    def one(self, count: int = 1) -> None:
        self._done += count
        self._left = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        self._tell()

    def _tell(self) -> None:
        self._channel.progress(self._done, self._total, "lines", self._sentence, self._left)


def _speak(
    engine: Learns,
    voice: Speaks,
    who: Speaker,
    clips: Sequence[Clip],
    reference: Sequence[Clip],
    features: Sequence[Features],
    channel: Channel,
    steps: _Steps,
) -> dict[str, float]:
    """Have one speaker's lines on disk; returns its held-out losses."""
    loaded: list[TrainableModel] = []

    def model() -> TrainableModel:
        if not loaded:
            channel.log("info", f"Loads {who.title}.")
            steps.begin(f"loading {who.title}")
            loaded.append(engine.load(who.version, device=device.device(), reference=() if who.version else reference))
            steps.begin(f"{who.title} speaks")
        return loaded[0]

    steps.begin(f"{who.title} speaks")
    spoken_now = spoken.speak_all(voice, model, who, clips, channel, steps.one)
    channel.log("info", f"{who.title}: {spoken_now} lines spoken, {len(clips) - spoken_now} were there from before.")
    if not features:
        return {}
    steps.begin(f"measuring the held-out loss of {who.title}")
    return _kept(
        who.folder / f"losses-{_losses_key(who, clips)}.json", lambda: _losses(engine, model(), features), channel
    )


def _losses(engine: Learns, model: TrainableModel, features: Sequence[Features]) -> dict[str, float]:
    measured = settings.plan(engine.info, len(features), len(features))
    return held_out_losses(engine, model, features, measured)


def _losses_key(who: Speaker, clips: Sequence[Clip]) -> str:
    return spoken.scored_before(who, clips, "losses")[1].stem.removeprefix("scores-")


def _score(
    who: Speaker,
    recorded: Speaker,
    clips: Sequence[Clip],
    recogniser: Transcriber | None,
    language: str,
    channel: Channel,
    steps: _Steps,
) -> Scores:
    """Scores of all lines, from before if nothing changed."""
    name = f"{recogniser.name} {recogniser.trust}" if recogniser is not None else "none"
    lines = spoken.lines(who, recorded, clips)
    kept, path = spoken.scored_before(who, clips, name)
    if kept:
        steps.one(len(clips))
        return spoken.scores_from_json(kept, lines)

    heard = spoken.HeardLines(path, lines)

    def on_scored(number: int, scored: LineScores) -> None:
        if heard.known(number) is None:
            heard.keep(number, scored)
            channel.lasting()
        steps.one()
        channel.check()

    scores = score_lines(lines, recogniser, language=language, known=heard.known, on_scored=on_scored)
    write_whole(path, json.dumps(_plain(spoken.scores_to_json(scores))).encode(), "the scores")
    heard.forget()
    return scores


def _features(engine: Learns, clips: Sequence[Clip], channel: Channel) -> list[Features]:
    """Features of the lines that the engine can measure a loss on."""
    steering = Steering(channel)
    try:
        encoded = encode_all(
            engine, clips, channel.home / "features" / engine.info.name, steering, on_made=channel.lasting
        )
    except control.Stopped as stopped:
        raise Stopped from stopped
    for clip, reason in encoded.dropped:
        channel.log("warning", f"No loss is measured on line {clip.sha256[:12]}: {reason}")
    return [features for _, features in encoded.kept]


def _kept(path: Path, make: Callable[[], dict[str, float]], channel: Channel) -> dict[str, float]:
    """Read numbers from a file, or make them and keep them there."""
    try:
        found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = make()
        write_whole(path, json.dumps(found).encode(), "held-out losses")
        channel.lasting()
    return found


def _lines(
    home: Path, clips: Sequence[Clip], who: Sequence[Speaker], scores: dict[str, Scores]
) -> list[dict[str, Any]]:
    """The table of lines: text, files (relative to home, empty if it was not spoken), and scores."""

    def file(one: Speaker, clip: Clip) -> str:
        wav = one.wav(clip)
        return str(wav.relative_to(home)) if wav.is_file() else ""

    def numbers(line: LineScores) -> dict[str, Any]:
        values: dict[str, Any] = _plain(
            {name: value for name, value in vars(line).items() if name != "line" and value is not None}
        )
        return values

    recorded, candidate, rival = who
    return [
        {
            "clip": clip.sha256,
            "text": clip.text,
            "recording": file(recorded, clip),
            "spoken": file(candidate, clip),
            "spoken_by_parent": file(rival, clip),
            "recording_scores": numbers(scores[recorded.title].lines[index]),
            "scores": numbers(scores[candidate.title].lines[index]),
            "parent_scores": numbers(scores[rival.title].lines[index]),
        }
        for index, clip in enumerate(clips)
    ]


def _numbers(summary: Summary) -> dict[str, float]:
    """Its finite numbers, for the wire."""
    values = {name: value for name, value in summary.to_json().items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _plain(values: Any) -> Any:
    """For JSON, which knows no infinity and no NaN: those become null."""
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values
