"""Scoring, the daemon's side: which lines two versions speak, and what their scores mean for the voice.

The candidate is promoted in the same transaction that records its scores, and only over the version it was compared
with: if somebody promoted another one meanwhile, it stays a candidate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Evaluation, Job, Run, Version, Voice, now
from daemon.errors import BadRequest, NotNow
from daemon.kinds.evaluate import across, rival, understanding
from daemon.kinds.experiment import trials
from daemon.kinds.kind import FollowUp, GpuNeed, Kind
from daemon.kinds.push import after_promotion
from daemon.state import (
    charges,
    clip_refs,
    consent_notes,
    derived,
    engines,
    events,
    experiments,
    lineage,
    listening,
    occasions,
    remote_voices,
    run_losses,
    spent,
    verdict,
    voices,
)
from daemon.state.values import Decision, Level, VersionState
from engines import registry
from engines.capabilities import Capability
from engines.metrics.findings import Finding, Found
from engines.metrics.rule import Rule
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire

#: Curves shown in a report.
CURVES = ("train/loss", "held_out/loss")


class Evaluate(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "evaluate"
    wire = pb.EVALUATE
    priority = 300
    gpu_lane = True
    exclusive = "samples"
    commits = frozenset({"evaluated", "charged"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.evaluate
        for name in filter(None, (asked.voice, asked.against_voice)):  # both speak
            if not remote_voices.is_one(name):
                consent_notes.check(session, voices.get(session, name).name)
        if (both := across.wanted(session, asked)) is not None:
            return across.check(session, both, asked, self.home)
        candidate, _ = _pair(session, asked)
        engines.require(engines.info(candidate.engine), Capability.SPEAKS)  # its lines are spoken
        data = clip_refs.dataset(session, asked.voice)
        if not data.held_out:
            sentence = f"Dataset #{data.number} of {asked.voice} has no held-out clips, so versions cannot be compared."
            raise NotNow(sentence, "Add recordings: about a tenth is held out.")
        other = voices.said(asked.voice, asked.against)
        return asked.voice, f"score {voices.said(asked.voice, candidate.number)} against {other}"

    def why_not(self, session: Session, job: Job) -> str:
        asked = pb.JobSpec.FromString(job.spec).evaluate
        if busy := across.at_samples(session, job):
            return busy
        if (both := across.wanted(session, asked)) is not None:
            return across.why_not(session, both, self.home)
        candidate, _ = _pair(session, asked)
        return engines.why_not(session, engines.info(candidate.engine), self.home)

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        both = across.wanted(session, pb.JobSpec.FromString(job.spec).evaluate)
        return GpuNeed(across.gpu_memory(both)) if both is not None else super().gpu_memory(session, job)

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).evaluate
        if (both := across.wanted(session, asked)) is not None:
            return Start(evaluate=across.plan(session, both, self.home, job.person))
        candidate, against = _pair(session, asked)
        voice = voices.get(session, asked.voice)
        data = clip_refs.dataset(session, voice.name)
        return Start(
            evaluate=wire.EvaluatePlan(
                voice=voice.name,
                engine=candidate.engine,
                language=voices.language(voice.language),
                version=candidate.number,
                version_dir=str(voices.folder(session, candidate, self.home)),
                against=asked.against,
                against_dir=str(voices.folder(session, against, self.home)) if against is not None else "",
                held_out=(held_out := clip_refs.held_out(session, voice, data, self.home)),
                more_recordings=clip_refs.with_known_texts(
                    session, voice, data, self.home, understanding.ENOUGH - len(held_out)
                ),
                reference=clip_refs.reference(session, voice, self.home),
                samples_dir=str(self.home / "samples" / voice.name),
                rule_json=voices.option_json(voice, "promotion"),
                lineage_json=json.dumps(_lineage(session, voice, candidate, against), sort_keys=True),
                first=against is None,
            )
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        """Record the scores and, where that was asked for and earned, promote: one transaction. The same report again
        changes nothing."""
        if report.HasField("charged"):
            charges.add(session, job, report.charged)
            return
        if session.scalars(select(Evaluation).where(Evaluation.job == job.id)).first() is not None:
            return
        asked, scored = pb.JobSpec.FromString(job.spec).evaluate, report.evaluated
        if (both := across.wanted(session, asked)) is not None:
            across.commit(session, job, both, scored)
            return
        details: dict[str, Any] = json.loads(scored.report_json or "{}")
        candidate, against = _pair(session, asked)
        voice = voices.get(session, asked.voice)
        decision = _decide(voice, candidate, asked, scored.outcome, same=_same(details))
        rule = Rule.from_json(voices.option(voice, "promotion"))
        about = listening.about(voice, candidate, asked.against, rule)
        words = f"{verdict.sentence(decision, about)} {scored.verdict}".strip()
        session.add(
            Evaluation(
                voice=voice.name,
                version=candidate.number,
                against=asked.against,
                job=job.id,
                metrics=dict(scored.metrics),
                against_metrics=dict(scored.against_metrics),
                recording_metrics=dict(scored.recording_metrics),
                report={**details, verdict.DECISION: decision.value, verdict.ASKED: asked.promote_if_better},
                better=scored.better,
                verdict=words,
                time=now(),
            )
        )
        on = hashlib.sha256(json.dumps([details.get("lines_key"), details.get("recogniser")]).encode()).hexdigest()[:16]
        _set_scores(candidate, scored.metrics, on)
        if against is not None:  # what it had was of the lines that were held out when it was scored itself
            _set_scores(against, scored.against_metrics, on)
            voices.emit_version(session, against)
        verdict.put(candidate, decision, words)
        if decision is Decision.PROMOTED:
            voices.promote(session, voice.name, candidate.number, voices.BY_SCORE)
            return
        if decision is Decision.BROKEN and candidate.state == VersionState.CANDIDATE:
            candidate.state = VersionState.REJECTED
        voices.emit_version(session, candidate)
        waits = decision is Decision.UNDECIDED and candidate.state == VersionState.CANDIDATE
        if waits and listening.decide_scored(session, candidate) is None and asked.promote_if_better:
            hint = verdict.how_to_decide(about.name, about.listen_days)
            events.notice(session, Level.INFO, f"The scores leave {about.name} undecided.", hint, voice.name)
            occasions.judged(session, candidate, decision, hint)
        elif decision is not Decision.UNDECIDED and asked.promote_if_better:
            occasions.judged(session, candidate, decision)

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """The scores of a trial let its experiment go on. Where trainings were built on each other, let one from the
        base compete with what came of them."""
        if (trial := experiments.trial_of(session, job)) is not None:
            return trials.scored(session, trial, job)
        asked = pb.JobSpec.FromString(job.spec).evaluate
        voice = voices.get(session, asked.voice)
        if across.wanted(session, asked) is not None:
            return ()
        trains = self.settings.auto_train and bool(voice.options.get("auto_train", True))
        if voice.promoted == asked.version:
            pushed = after_promotion.follow_ups(session, voice, self.settings)
            return [*pushed, *rival.follow_ups(session, voice, trains=trains)]
        candidate = voices.version(session, voice.name, asked.version)
        return rival.after_refusal(session, voice, candidate, trains=trains) if asked.promote_if_better else ()

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """A candidate that could not be scored stays one, and says why; one that has scores or a history of its own
        keeps its verdict."""
        self._say_unscored(session, job)
        trial = experiments.trial_of(session, job)
        return trials.ended_badly(session, trial, job) if trial is not None else ()

    def _say_unscored(self, session: Session, job: Job) -> None:
        asked = pb.JobSpec.FromString(job.spec).evaluate
        if across.is_across(session, asked):
            return
        row = session.scalars(
            select(Version).where(Version.voice == asked.voice, Version.number == asked.version)
        ).first()
        if row is None or row.adopted is not None or _scored(session, row):
            return
        why = f"{job.why or 'its evaluation did not end'} (job #{job.id}; `myna retry {job.id}`)."
        verdict.put_unscored(row, Decision.NOT_SCORED, why)
        voices.emit_version(session, row)


def _set_scores(row: Version, metrics: Mapping[str, float], on: str) -> None:
    """Give a version its newest scores, and what they are of."""
    kept = {name: value for name, value in row.metrics.items() if name.startswith("train_") or name in verdict.KEPT}
    row.metrics = {**kept, **dict(metrics), voices.SCORED_ON: on}


def _pair(session: Session, asked: pb.EvaluateSpec) -> tuple[Version, Version | None]:
    """The version asked for and the one it is compared with (None: the base)."""
    if asked.version <= 0:
        raise BadRequest(
            "The base cannot be the candidate of a comparison.",
            "Give a version number, and 0 (the base) as the other one.",
        )
    candidate = voices.usable(session, asked.voice, asked.version)
    against = voices.usable(session, asked.voice, asked.against) if asked.against else None
    if against is not None and against.number == candidate.number:
        raise BadRequest(f"Version {candidate.number} cannot be compared with itself.", "Give two versions.")
    if candidate.engine not in registry.ENGINES:
        raise BadRequest(
            f"There is no engine named {candidate.engine!r} any more.", f"There are: {', '.join(registry.ENGINES)}."
        )
    return candidate, against


def _scored(session: Session, row: Version) -> bool:
    """Whether there are scores of the version as a candidate."""
    query = select(Evaluation.id).where(Evaluation.voice == row.voice, Evaluation.version == row.number)
    return session.scalars(query.limit(1)).first() is not None


def _same(details: Mapping[str, Any]) -> bool:
    """Whether the candidate says every line exactly as what it was compared with."""
    found = (Finding.from_json(one) for one in details.get("findings", ()))
    return any(one is not None and one.found is Found.SAME for one in found)


def _decide(
    voice: Voice,
    candidate: Version,
    asked: pb.EvaluateSpec,
    outcome: wire.EvaluateResult.Outcome.ValueType,
    *,
    same: bool,
) -> Decision:
    """What becomes of the candidate. `same`: it cannot be told from the other one, so nobody is asked to listen."""
    if outcome == wire.EvaluateResult.BROKEN:
        return Decision.BROKEN
    if outcome == wire.EvaluateResult.UNDECIDED and same:
        return Decision.NOT_BETTER
    if outcome != wire.EvaluateResult.BETTER:
        return Decision.UNDECIDED if outcome == wire.EvaluateResult.UNDECIDED else Decision.WORSE
    if voice.promoted == candidate.number:
        return Decision.PROMOTED_ALREADY
    if not asked.promote_if_better:
        return Decision.NOT_ASKED
    if (voice.promoted or 0) != asked.against:
        return Decision.OTHER_SPEAKS
    return Decision.PROMOTED if candidate.state == VersionState.CANDIDATE else Decision.PUT_ASIDE


def _lineage(session: Session, voice: Voice, candidate: Version, against: Version | None) -> dict[str, Any]:
    """What the report tells of where the candidate comes from."""
    run = session.get(Run, candidate.run)
    own = session.scalars(
        select(Dataset).where(Dataset.voice == voice.name, Dataset.number == candidate.dataset)
    ).first()
    return {
        "voice": voice.name,
        "version": candidate.number,
        "engine": candidate.engine,
        "kind": candidate.kind,
        "licence": candidate.licence,
        "language": voice.language,
        "consent": consent_notes.plain(session, voice.name),
        "derivation": derived.lineage(session, voice),
        "parent": candidate.parent,
        "against": against.number if against is not None else 0,
        "ancestors": lineage.ancestors(session, candidate),
        "created": candidate.created.isoformat(),
        "size": candidate.size,
        "run": candidate.run,
        "dataset": None
        if own is None
        else {
            "number": own.number,
            "clips": own.clips,
            "seconds": own.seconds,
            "held_out": own.held_out,
            "held_out_seconds": own.held_out_seconds,
            "new_clips": own.new_clips,
            "dropped": own.dropped,
        },
        "settings": run.settings if run is not None else {},
        "training": run.result if run is not None else {},
        "spent": spent.of_job(session, run.job).plain() if run is not None else {},
        "steps": run.step if run is not None else 0,
        "best_step": run.best_step if run is not None else 0,
        "curves": {name: run_losses.curve(session, candidate.run, name) for name in CURVES},
        "evaluations": run_losses.evaluations(session, candidate.run),
    }
