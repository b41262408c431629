"""Scoring in a worker: a candidate and its rival speak the same held-out lines with the same seed, are heard, and the
gate decides.

Everything costly is kept (spoken lines, scores), so an attempt goes on where the one before it ended, and a version
that was scored before on the same lines is not spoken again.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.kinds.evaluate import across_worker, report, rounds, told
from daemon.kinds.evaluate.rounds import BesideBase, Judge, Judged
from daemon.kinds.evaluate.understanding import Understanding
from daemon.worker import spoken, versions
from daemon.worker.bench import Bench, Steps, finite
from daemon.worker.job import Channel, Stopped
from daemon.worker.spoken import Speaker
from daemon.worker.steering import Steering
from engines import device, registry
from engines.base import Clip, Features, Learns, TrainableModel
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.features import encode_all
from engines.files import write_whole
from engines.metrics import gate
from engines.metrics.rule import Rule
from engines.metrics.score import Scores, summarise
from engines.metrics.summary import Summary
from engines.training import control, settings
from engines.training.held_out import held_out_losses
from engines.transcription.choose import choose
from proto import worker_pb2 as wire


def run(plan: wire.EvaluatePlan, channel: Channel) -> str:
    """Score, write the report into the version's folder, and have the verdict committed; or, of two voices or engines,
    have both say the same texts."""
    if plan.HasField("other"):
        return across_worker.run(plan, channel)
    began = time.monotonic()
    rule = Rule.from_json(json.loads(plan.rule_json or "{}"))
    engine, voice = registry.learner(plan.engine), registry.speaker(plan.engine)  # the same one
    clips, reference = versions.clips(plan.held_out), versions.clips(plan.reference)
    _check(plan)
    samples = Path(plan.samples_dir)
    steps = Steps(channel, total=5 * len(clips))

    steps.begin("reading the held-out recordings")
    recorded = spoken.recordings(samples, clips, engine.info.sample_rate, channel)
    candidate = spoken.speaker(engine, samples, plan.voice, plan.version, plan.version_dir, reference)
    rival = spoken.speaker(engine, samples, plan.voice, plan.against, plan.against_dir, reference)
    bench = Bench(engine, voice, plan.language, recorded, clips, reference, channel, steps)
    features = _features(engine, clips, channel)
    if (base := _third(plan, engine, samples, reference)) is not None:
        steps.more(2 * len(clips))
    losses = {}
    for who in filter(None, (candidate, rival, base)):
        with bench.loaded(who) as model:
            bench.speak(who, model, clips)
            if who is not base:
                losses[who.title] = _losses(engine, who, clips, features, model, channel, steps)

    steps.begin("loading a recogniser")
    choice = choose(plan.language, channel.home / "weights")
    channel.log("info", choice.why)
    bench.hear_with(choice)
    planned = rounds.plan(clips, plan.language, rule, hears=choice.transcriber is not None)
    rounds.speak_ahead(bench, planned, candidate, rival)
    ceiling = bench.score(recorded, clips)
    asked = _understanding(plan, bench, recorded, ceiling, channel)
    loss, parent_loss = (losses[who.title].get("loss") for who in (candidate, rival))
    judge = Judge(rule, plan.first, ceiling.summary, loss, parent_loss, asked.heard)
    judged = rounds.until_decided(bench, planned, judge, candidate, rival)
    based: BesideBase | None = None
    if base is not None:
        judged, based = rounds.beside_base(bench, judge, judged, base)

    scored = _Scored(plan, choice.why, clips, (recorded, candidate, rival), losses, ceiling, judged, based, asked)
    result = _result(scored, channel.home, began)
    channel.commit(wire.Report(evaluated=result))
    return _sentence(judged.verdict.outcome, candidate.title, rival.title, len(clips))


@dataclass(frozen=True)
class _Scored:
    """All that was measured."""

    plan: wire.EvaluatePlan
    recogniser: str  #: which, and why
    clips: Sequence[Clip]
    who: tuple[Speaker, Speaker, Speaker]  #: the recordings, the candidate, its rival
    losses: dict[str, dict[str, float]]  #: held-out losses by speaker's title
    ceiling: Scores  #: of the recordings
    judged: Judged
    base: BesideBase | None  #: the third side, where the base can sound like the voice without training
    understanding: Understanding  #: whether the recogniser follows the person


def _understanding(
    plan: wire.EvaluatePlan, bench: Bench, recorded: Speaker, ceiling: Scores, channel: Channel
) -> Understanding:
    """Whether the recogniser follows the person: by the held-out recordings, or where those are few and say no, by
    further ones with them."""
    lines, more = list(ceiling.lines), versions.clips(plan.more_recordings)
    if gate.understood(ceiling.summary) or not more:
        return Understanding(gate.understood(ceiling.summary), ceiling.summary.wer, len(lines), 0)
    bench.steps.more(len(more))
    spoken.recordings(Path(plan.samples_dir), more, registry.info(plan.engine).sample_rate, channel)
    lines += bench.score(recorded, more).lines
    together = summarise(lines, *bench.recogniser)
    channel.log("info", f"Listened to {len(more)} further recordings: the held-out ones were not understood.")
    return Understanding(gate.understood(together), together.wer, len(lines), len(more))


def _third(plan: wire.EvaluatePlan, engine: Learns, samples: Path, reference: Sequence[Clip]) -> Speaker | None:
    """The base beside two versions, where it imitates the voice's recordings: training has to be worth more than
    that."""
    if not plan.against or not reference or Capability.REFERENCES not in engine.info.capabilities:
        return None
    return spoken.speaker(engine, samples, plan.voice, 0, "", reference)


def _result(scored: _Scored, home: Path, began: float) -> wire.EvaluateResult:
    """What is reported, written into the version's folder too. `began`: when scoring did, on the monotonic clock."""
    plan, verdict, (mine, theirs) = scored.plan, scored.judged.verdict, scored.judged.held_out()
    _, candidate, rival = scored.who
    losses, other_losses = scored.losses[candidate.title], scored.losses[rival.title]
    own = dataclasses.replace(mine.summary, held_out_loss=losses.get("loss"))
    others = dataclasses.replace(theirs.summary, held_out_loss=other_losses.get("loss"))
    ceiling = scored.ceiling.summary
    seconds = round(time.monotonic() - began, 2)
    details = {
        **_findings(verdict),
        "lineage": json.loads(plan.lineage_json or "{}"),
        "summaries": {
            "candidate": finite(own.to_json()),
            "parent": finite(others.to_json()),
            "recordings": finite(ceiling.to_json()),
            **({} if scored.base is None else {"base": finite(scored.base.scores.summary.to_json())}),
        },
        **({} if scored.base is None else {"beside_base": finite(scored.base.to_json())}),
        "held_out_losses": {"candidate": finite(losses), "parent": finite(other_losses)},
        "lines": _lines(home, scored.clips, scored.who, (scored.ceiling, mine, theirs)),
        "further": scored.judged.further(home, candidate, rival),
        "lines_key": versions.data_digest(plan.held_out),
        "recogniser": scored.recogniser,
        "understanding": finite(scored.understanding.to_json()),
        "cost": {"scoring_seconds": seconds, "machine": device.name(), **scored.judged.cost()},
    }
    return wire.EvaluateResult(
        better=verdict.promote,
        verdict=" ".join(verdict.sentences),
        outcome=wire.EvaluateResult.Outcome.Value(verdict.outcome.name),
        metrics=_numbers(own),
        against_metrics=_numbers(others),
        recording_metrics=_numbers(ceiling),
        report_json=_write_report(Path(plan.version_dir), details),
    )


def _sentence(outcome: gate.Outcome, candidate: str, rival: str, count: int) -> str:
    lines = f"on {count} held-out line{'' if count == 1 else 's'}"
    match outcome:
        case gate.Outcome.BETTER:
            return f"{candidate} is better than {rival} {lines}."
        case gate.Outcome.WORSE:
            return f"{candidate} is worse than {rival} {lines}."
        case gate.Outcome.BROKEN:
            return f"{candidate} does not speak {lines}."
        case gate.Outcome.UNDECIDED:
            return f"The scores do not tell whether {candidate} is better than {rival} {lines}."


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
        "findings": [finite(one.to_json()) for one in verdict.findings],
        "broken": verdict.outcome is gate.Outcome.BROKEN,
        "table": [finite(dataclasses.asdict(row)) for row in verdict.rows],
        "spread": finite(dataclasses.asdict(verdict.spread)),
    }


def _write_report(folder: Path, details: dict[str, Any]) -> str:
    """Write the report into the version's folder, for programs and for people. Returns its JSON."""
    text = json.dumps(details, indent=1, sort_keys=True, allow_nan=False)
    write_whole(folder / "report.json", text.encode(), "the report")
    write_whole(folder / "curves.svg", report.curves_svg(details).encode(), "the report")
    write_whole(folder / "report.md", report.markdown(details).encode(), "the report")
    return text


def _losses(
    engine: Learns,
    who: Speaker,
    clips: Sequence[Clip],
    features: Sequence[Features],
    model: Callable[[], TrainableModel],
    channel: Channel,
    steps: Steps,
) -> dict[str, float]:
    """Its losses on the held-out lines, from before if nothing changed; none if it can be measured on none."""
    if not features:
        return {}
    steps.begin(f"measuring the held-out loss of {who.title}")

    def measured() -> dict[str, float]:
        plan = settings.plan(engine.info, len(features), len(features))
        return held_out_losses(engine, model(), features, plan)

    name = spoken.scored_before(who, clips, "losses")[1].stem.removeprefix("scores-")
    return _kept(who.folder / f"losses-{name}.json", measured, channel)


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


def _lines(home: Path, clips: Sequence[Clip], who: Sequence[Speaker], scores: Sequence[Scores]) -> list[dict[str, Any]]:
    """The table of lines: text, files (relative to home, empty if it was not spoken), and scores."""
    recorded, candidate, rival = who
    return [
        {
            "clip": clip.sha256,
            "text": clip.text,
            "recording": told.file(home, recorded, clip),
            "spoken": told.file(home, candidate, clip),
            "spoken_by_parent": told.file(home, rival, clip),
            "recording_scores": told.numbers(scores[0].lines[index]),
            "scores": told.numbers(scores[1].lines[index]),
            "parent_scores": told.numbers(scores[2].lines[index]),
        }
        for index, clip in enumerate(clips)
    ]


def _numbers(summary: Summary) -> dict[str, float]:
    """Its finite numbers, for the wire."""
    values = {name: value for name, value in summary.to_json().items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
