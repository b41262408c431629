"""Training, the daemon's side: when a voice can be trained, its run, and the version that comes of it. What it is
trained on and from, and by which settings: `work.py`; what that takes: `cost.py`.

A run and the number of its version are reserved at the first attempt and stay the same over all attempts, so that a
resumed attempt finds its checkpoints. A number whose folder exists already, and is not this run's
(`daemon/home/identity.py`), is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Home, Job, Run, Version, now
from daemon.errors import MynaError, NotFound
from daemon.home import identity, same_weights
from daemon.kinds.evaluate import understanding
from daemon.kinds.experiment import trials
from daemon.kinds.kind import FollowUp, GpuNeed, Kind, nothing
from daemon.kinds.train import begun, cost, estimate
from daemon.kinds.train.work import Work, info_of, settings_of, work_of
from daemon.state import (
    clip_refs,
    consent_notes,
    engines,
    events,
    experiments,
    jobs,
    next_dataset,
    numbering,
    run_losses,
    runs,
    verdict,
    voices,
)
from daemon.state.values import Decision, Level, VersionKind, VersionState, Way
from engines.training import course
from engines.training.course import Course, Shape
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire


class Train(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "train"
    wire = pb.TRAIN
    priority = 100
    grows = True
    portable = True
    gpu_lane = True
    yields_in_steps = True
    commits = frozenset({"begun", "trained"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        work = work_of(session, spec.train)
        consent_notes.check(session, work.voice.name)
        settings_of(session, work, spec.train.options)
        return work.voice.name, work.title

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        engine = engines.of_voice(session, job.voice)
        if engine is None or engine.learning is None:
            return GpuNeed()
        run = session.get(Run, job.run) if job.run is not None else None
        try:
            asked = run.settings if run is not None else self._asked(session, job)
        except MynaError:  # what it lacks, `why_not` or its plan says
            asked = {}
        return cost.gpu_memory(session, engine, engine.learning, asked)

    def _asked(self, session: Session, job: Job) -> dict[str, Any]:
        """The settings of a job that has no run yet."""
        spec = pb.JobSpec.FromString(job.spec).train
        return settings_of(session, work_of(session, spec), spec.options)

    def why_not(self, session: Session, job: Job) -> str:
        training = jobs.at_work(session, self.name, job.voice)
        if training is not None and training.id != job.id:  # on another GPU: what becomes of it is gone on from
            return f"train #{training.id} is at work on {job.voice}"
        if job.run is not None:
            return self.disk.why_not()  # what a run takes most of the room for is on disk already
        scoring = jobs.at_work(session, "evaluate", job.voice)
        if scoring is not None:  # it may go on beside the GPU lane
            return f"evaluate #{scoring.id} decides what {job.voice} is trained from"
        spec = pb.JobSpec.FromString(job.spec).train
        if not spec.dataset and (why := next_dataset.why_wait(session, spec.voice)):
            return why
        work = work_of(session, spec)
        return engines.why_not(session, work.info, self.home) or self.disk.why_not(
            cost.disk(session, work, settings_of(session, work, spec.options))
        )

    def plan(self, session: Session, job: Job) -> Start:
        spec = pb.JobSpec.FromString(job.spec).train
        consent_notes.check(session, spec.voice)
        run = session.get(Run, job.run) if job.run is not None else None
        engines.consent(
            session, info_of(voices.get(session, spec.voice).engine)
        )  # it waited for that, but a plan is a plan
        if run is None or (
            run.ended is not None and run.step == 0
        ):  # failed before its first step: what is mended since counts
            work = work_of(session, spec)
            run = _reserve(session, job, work, spec.options, self.home, run)
            if (trial := experiments.trial_of(session, job)) is not None:
                job.title = trials.title(session, trial, job.title)
            if not spec.dataset:
                _warn_left_out(session, work)
        run.ended = None
        run.settings = begun.settings_of(run, self.home)
        ours = session.scalars(select(Home)).one()
        unmarked = unmarked_from(run, ours)
        _number(session, run, self.home, unmarked)
        # What was chosen at the first attempt stays: another parent or dataset would be another run
        voice = voices.get(session, run.voice)
        parent = voices.version(session, run.voice, run.from_version) if run.from_version else None
        before = session.get(Run, parent.run) if parent is not None else None
        data = clip_refs.dataset(session, run.voice, run.dataset)
        clips, held_out = (
            clip_refs.training(session, voice, data, self.home, parent),
            clip_refs.held_out(session, voice, data, self.home),
        )
        return Start(
            train=wire.TrainPlan(
                voice=run.voice,
                engine=run.engine,
                language=voices.language(voice.language),
                run=run.id,
                run_dir=str(self.home / "runs" / str(run.id)),
                parent_dir=str(voices.folder(session, parent, self.home)) if parent is not None else "",
                out_dir=str(self.home / numbering.folder(run.voice, run.to_version)),
                clips=clips,
                held_out=held_out,
                settings_json=json.dumps(run.settings, sort_keys=True),
                first=parent is None,
                version=run.to_version,
                reference=clip_refs.chosen(session, voice, self.home),
                run_uuid=run.uuid,
                home_uuid=ours.uuid,
                unmarked_from=unmarked,
                dataset=run.dataset,
                parent_uuid=before.uuid if before is not None else "",
                rule_json=voices.option_json(voice, "promotion"),
                written=[
                    clip.sha256
                    for clip in clip_refs.with_known_texts(session, voice, data, self.home, understanding.ENOUGH)
                ],
                known=() if experiments.trial_of(session, job) is not None else _known(session, run, self.home),
            )
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        """The way of the run is decided; or the candidate's folder is complete: make its row, if there is one. Again,
        after a crash: nothing more happens."""
        run = session.get(Run, job.run) if job.run is not None else None
        if run is None:
            raise NotFound(f"Job #{job.id} trained a version, but has no run.")
        if report.WhichOneof("report") == "begun":
            runs.begun(run, report.begun)
            return
        trained = report.trained
        run.step, run.best_step = trained.steps, trained.best_step
        run.best_loss = trained.best_loss if trained.held_out else None
        result: dict[str, Any] = json.loads(trained.result_json or "{}")
        outcome = trained.outcome or pb.VERSION_MADE
        taken = _course(session, run, first="course" not in run.result)
        summary = {
            "course": taken.to_json(),
            "seconds": trained.seconds,
            "held_out": dict(trained.held_out),
            "outcome": pb.RunOutcome.Name(outcome),
        }
        before = {name: run.result[name] for name in (runs.BEFORE,) if name in run.result}
        run.result = {**before, **result, **summary}
        if isinstance(result.get("settings"), dict):
            run.settings = result["settings"]  # the whole of them, as the loop had them
            run.steps = int(result["settings"].get("steps", run.steps))
        run.ended = run.ended or now()
        if outcome != pb.VERSION_MADE:
            run.to_version = 0
            return
        made = select(Version).where(Version.voice == run.voice, Version.number == run.to_version)
        if session.scalars(made).first() is not None:
            return
        info = info_of(run.engine)
        folder = numbering.folder(run.voice, run.to_version)
        row = Version(
            voice=run.voice,
            number=run.to_version,
            parent=0 if runs.way(run) is Way.BASE else run.from_version,
            dataset=run.dataset,
            run=run.id,
            engine=run.engine,
            kind=trained.kind or VersionKind.FULL,
            state=VersionState.CANDIDATE,
            metrics={f"train_{name}": value for name, value in trained.held_out.items()},
            licence=engines.licence(session, info),
            path=str(folder),
            size=trained.size,
            created=now(),
            sound=result.get("sound") or {},
        )
        verdict.put_unscored(row, Decision.WAITING)
        session.add(row)
        voices.emit_version(session, row)
        voices.emit_voice(session, voices.get(session, run.voice))

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """Let the candidate be scored: against the version that speaks now, or as the experiment wants whose trial it
        is."""
        run = session.get(Run, job.run) if job.run is not None else None
        trial = experiments.trial_of(session, job)
        if run is None or not run.to_version:  # no version came of it
            return trials.no_version(session, trial, run) if trial is not None else ()
        speaks = voices.promoted(session, voices.get(session, run.voice))
        against = speaks.number if speaks is not None and speaks.engine == run.engine else 0
        of_trial = trials.scoring(session, trial, run) if trial is not None else None
        if of_trial is not None:
            against = of_trial.against
        spec = pb.EvaluateSpec(
            voice=run.voice, version=run.to_version, against=against, promote_if_better=trial is None
        )

        def refused(error: MynaError) -> None:  # the version is there all the same, and a person can listen to it
            made = voices.version(session, run.voice, run.to_version)
            verdict.put_unscored(made, Decision.NOT_SCORED, f"{error.sentence} {error.hint}")
            voices.emit_version(session, made)
            if of_trial is not None:
                of_trial.refused(error)

        submitted = of_trial.submitted if of_trial is not None else nothing
        return [FollowUp(pb.JobSpec(evaluate=spec), f"score-of-run-{run.id}", refused, submitted)]

    def ended_badly(self, session: Session, job: Job) -> Sequence[FollowUp]:
        run = session.get(Run, job.run) if job.run is not None else None
        if run is not None and run.ended is None:
            run.ended = now()
        trial = experiments.trial_of(session, job)
        return trials.ended_badly(session, trial, job) if trial is not None else ()

    def estimate(self, session: Session, spec: pb.TrainSpec) -> pb.EstimateResponse:
        """What a training would take, as `daemon.kinds.train.estimate` says. Raises as `check` does."""
        work = work_of(session, spec)
        overrides = settings_of(session, work, spec.options)
        return estimate.of(session, work, overrides, self.home, self.disk, self.settings.cost)


def _reserve(
    session: Session, job: Job, work: Work, options: pb.TrainOptions, home: Path, run: Run | None = None
) -> Run:
    """The run of this job. One that has not begun to learn (`run`) is told anew what to do."""
    overrides = settings_of(session, work, options)
    clips = clip_refs.training(session, work.voice, work.data, Path(), work.parent)
    new = sum(clip.is_new for clip in clips)
    if run is None:
        run = Run(voice=work.voice.name, job=job.id, to_version=0, step=0, result={}, started=now())
    run.engine = work.info.name
    run.dataset = work.data.number
    run.from_version = work.parent.number if work.parent is not None else 0
    run.settings, run.result = overrides, {}
    run.steps = begun.expected(work, len(clips), new, overrides, home).steps
    session.add(run)
    session.flush()
    job.run = run.id
    job.title = work.title  # what is promoted may have changed since it was submitted
    return run


def _warn_left_out(session: Session, work: Work) -> None:
    """Say that the training does without changes whose dataset could not be made."""
    voice = work.voice.name
    failed = next_dataset.gave_up(session, voice) if next_dataset.wanted(session, voice) else None
    if failed is not None:
        sentence = f"{voice} is trained on dataset #{work.data.number} without what was changed since: "
        sentence += f"job #{failed.id} could not make the next one."
        events.notice(
            session, Level.WARNING, sentence, f"See why: `myna job {failed.id}`; then `myna retry {failed.id}`.", voice
        )


#: Courses of a training that a person is told of when it ends, and how much they matter.
_TOLD = {
    Shape.OVERTRAINED: Level.WARNING,
    Shape.DIVERGED: Level.WARNING,
    Shape.PLATEAU: Level.INFO,
    Shape.FALLING: Level.INFO,
}


def _course(session: Session, run: Run, *, first: bool) -> Course:
    """What the run's held-out loss did. `first`: people have not been told."""
    taken = course.course(course.measured(run_losses.evaluations(session, run.id)))
    if first and (level := _TOLD.get(taken.shape)) is not None:
        sentence = f"Run #{run.id} of {run.voice}: {course.sentence(taken)} {course.gap(taken)}".strip()
        events.notice(session, level, sentence, course.hint(taken), run.voice)
    return taken


def _known(session: Session, run: Run, home: Path) -> list[wire.KnownWeights]:
    """Of the versions that a run need not make again. (A trial of an experiment does: it is judged by its own.)"""
    found = []
    for row in session.scalars(select(Version).where(Version.voice == run.voice, Version.engine == run.engine)):
        with suppress(MynaError):  # purged, or another's folder lies there
            if own := same_weights.digest(voices.folder(session, row, home)):
                found.append(wire.KnownWeights(version=row.number, digest=own))
    return found


def unmarked_from(run: Run, home: Home) -> int:
    """From when on folders without a mark can be the run's, nanoseconds since 1970; 0: never, since it began when there
    were marks."""
    return int(run.started.timestamp() * 1e9) if run.started is not None and run.started < home.since else 0


def _number(session: Session, run: Run, home: Path, unmarked: int) -> None:
    """Have a number for the run's version: the one it has, unless another's folder came to lie there; else the next
    that neither a row nor the disk has. Numbers are never used twice."""
    folder = home / numbering.folder(run.voice, run.to_version)
    if run.to_version and (not folder.exists() or identity.is_of(folder, run.uuid, unmarked)):
        return
    number, passed = numbering.following(session, run.voice, home)
    for taken in passed:
        sentence = (
            f"The number {taken} is passed over for a new version of {run.voice}: files that this "
            f"database does not know have it."
        )
        events.notice(session, Level.WARNING, sentence, "`myna adopt --dry-run` lists what can be taken in.", run.voice)
    run.to_version = number
    session.flush()
