"""Training, the daemon's side: what a voice is trained on and from, whether it can be, and the version that comes of
it.

A run and the number of its version are reserved at the first attempt and stay the same over all attempts, so that a
resumed attempt finds its checkpoints. A number whose folder exists already, and is not this run's
(`daemon/home/identity.py`), is passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Home, Job, PointRow, Run, SeriesRow, Version, Voice, now
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.home import identity
from daemon.kinds.kind import FollowUp, Kind
from daemon.state import clip_refs, engines, events, jobs, next_dataset, paging, verdict, voices
from daemon.state.values import Decision, Level, VersionKind, VersionState
from engines import registry
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.training import settings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire

if TYPE_CHECKING:
    from engines.base import EngineInfo, Learning

#: Copies of the weights that a run has on disk at its fullest: two checkpoints of weights and two optimizer moments,
#: the best, the version.
COPIES = 8
#: Bytes of cached features per second of audio: 80 mel bands of float32 every 10 ms, and as much again for what an
#: engine adds.
FEATURE_BYTES = 64_000
#: Seconds a step takes when nothing was ever measured here, for an engine of 1 GB training memory; said to be a guess.
GUESSED_STEP = 0.4


@dataclass(frozen=True)
class Work:
    """What a train spec comes to, with the database as it is now."""

    voice: Voice
    info: EngineInfo
    learning: Learning
    data: Dataset
    parent: Version | None  #: None: the engine's base

    @property
    def title(self) -> str:
        return f"train {self.voice.name} from {voices.name_of(self.parent)} on dataset #{self.data.number}"


class Train(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "train"
    wire = pb.TRAIN
    priority = 100
    gpu_lane = True
    yields_in_steps = True
    commits = frozenset({"trained"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        work = _work(session, spec.train)
        _settings(session, work, spec.train.options)
        return work.voice.name, work.title

    def gpu_memory(self, session: Session, job: Job) -> int:
        engine = engines.of_voice(session, job.voice)
        return engine.learning.memory if engine is not None and engine.learning is not None else 0

    def why_not(self, session: Session, job: Job) -> str:
        if job.run is not None:
            return self.disk.why_not()  # what a run takes most of the room for is on disk already
        scoring = jobs.at_work(session, "evaluate", job.voice)
        if scoring is not None:  # it may go on beside the GPU lane
            return f"evaluate #{scoring.id} decides what {job.voice} is trained from"
        spec = pb.JobSpec.FromString(job.spec).train
        if not spec.dataset and (why := next_dataset.why_wait(session, spec.voice)):
            return why
        work = _work(session, spec)
        return engines.why_not(session, work.info, self.home) or self.disk.why_not(
            _disk(session, work, _settings(session, work, spec.options))
        )

    def plan(self, session: Session, job: Job) -> Start:
        spec = pb.JobSpec.FromString(job.spec).train
        run = session.get(Run, job.run) if job.run is not None else None
        engines.consent(
            session, _info(voices.get(session, spec.voice).engine)
        )  # it waited for that, but a plan is a plan
        if run is None or (
            run.ended is not None and run.step == 0
        ):  # failed before its first step: what is mended since counts
            work = _work(session, spec)
            run = _reserve(session, job, work, spec.options, run)
            if not spec.dataset:
                _tell_left_out(session, work)
        run.ended = None
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
                out_dir=str(self.home / _folder(run.voice, run.to_version)),
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
            )
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        """The candidate's folder is complete: make its row, if there is one. Again, after a crash: nothing more
        happens."""
        trained = report.trained
        run = session.get(Run, job.run) if job.run is not None else None
        if run is None:
            raise NotFound(f"Job #{job.id} trained a version, but has no run.")
        run.step, run.best_step = trained.steps, trained.best_step
        run.best_loss = trained.best_loss if trained.held_out else None
        result: dict[str, Any] = json.loads(trained.result_json or "{}")
        outcome = trained.outcome or pb.VERSION_MADE
        told = {"seconds": trained.seconds, "held_out": dict(trained.held_out), "outcome": pb.RunOutcome.Name(outcome)}
        run.result = {**result, **told}
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
        info = _info(run.engine)
        folder = _folder(run.voice, run.to_version)
        row = Version(
            voice=run.voice,
            number=run.to_version,
            parent=run.from_version,
            dataset=run.dataset,
            run=run.id,
            engine=run.engine,
            kind=trained.kind or VersionKind.FULL,
            state=VersionState.CANDIDATE,
            metrics={f"train_{name}": value for name, value in trained.held_out.items()},
            licence=_licence(session, info),
            path=str(folder),
            size=trained.size,
            created=now(),
        )
        verdict.put_unscored(row, Decision.WAITING)
        session.add(row)
        voices.emit_version(session, row)
        voices.emit_voice(session, voices.get(session, run.voice))

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """Let the candidate be scored against the version that speaks now."""
        run = session.get(Run, job.run) if job.run is not None else None
        if run is None or not run.to_version:  # no version came of it
            return ()
        speaks = voices.promoted(session, voices.get(session, run.voice))
        against = speaks.number if speaks is not None and speaks.engine == run.engine else 0
        spec = pb.EvaluateSpec(voice=run.voice, version=run.to_version, against=against, promote_if_better=True)

        def refused(error: MynaError) -> None:  # the version is there all the same, and a person can listen to it
            made = voices.version(session, run.voice, run.to_version)
            verdict.put_unscored(made, Decision.NOT_SCORED, f"{error.sentence} {error.hint}")
            voices.emit_version(session, made)

        return [FollowUp(pb.JobSpec(evaluate=spec), f"score-of-run-{run.id}", refused)]

    def ended_badly(self, session: Session, job: Job) -> None:
        run = session.get(Run, job.run) if job.run is not None else None
        if run is not None and run.ended is None:
            run.ended = now()

    def estimate(self, session: Session, spec: pb.TrainSpec) -> pb.EstimateResponse:
        """What a training would take: steps, seconds (from the steps of earlier runs, else a guess that says so), bytes
        of GPU memory and disk."""
        work = _work(session, spec)
        overrides = _settings(session, work, spec.options)
        clips = clip_refs.training(session, work.voice, work.data, self.home, work.parent)
        new = sum(clip.is_new for clip in clips)
        steps = settings.plan(work.info, len(clips), new, work.parent is None, overrides).steps
        step_seconds, measured = _step_seconds(session, work)
        seconds = steps * step_seconds
        if overrides.get("max_seconds"):
            seconds = min(seconds, float(overrides["max_seconds"]))
        disk = _disk(session, work, overrides)
        what = f"{work.title}: {len(clips)} clips ({new} new), {work.data.held_out} held out, at most {steps} steps."
        how = (
            f"A step took {step_seconds:.2g} s in the runs before."
            if measured
            else f"No training of {work.info.name} was timed here yet: {step_seconds:.2g} s a step is a guess."
        )
        sentences = [what[0].upper() + what[1:], how]
        if short := self.disk.missing(disk):
            sentences.append(f"The disk is {short / 1e9:.1f} GB short.")
        return pb.EstimateResponse(
            steps=steps,
            seconds=seconds,
            gpu_memory=_memory(work.learning, lora=bool(overrides.get("lora"))),
            disk=disk,
            sentences=sentences,
            settings_json=json.dumps({"steps": steps, **overrides}, sort_keys=True),
        )


def _work(session: Session, spec: pb.TrainSpec) -> Work:
    """Raises NotFound, BadRequest or NotNow, with what is missing."""
    voice = voices.get(session, spec.voice)
    info = _info(voice.engine)
    engines.require(info, Capability.LEARNS)
    learning = registry.learning(info)
    if voices.language(voice.language) not in info.languages:
        known = ", ".join(info.languages)
        raise BadRequest(
            f"The engine {info.name} does not know the language {voice.language!r}.",
            f"It knows {known}: see `myna engines`.",
        )
    data = clip_refs.dataset(session, voice.name, spec.dataset)
    parent = _parent(session, voice, getattr(spec, "from"))
    if parent is not None and parent.engine != voice.engine:
        sentence = (
            f"Version {parent.number} of {voice.name} is of the engine {parent.engine}, and the "
            f"voice is now of {voice.engine}."
        )
        raise BadRequest(sentence, f"Train from the base: `myna train {voice.name} --from base`.")
    if parent is None and data.seconds < learning.min_seconds:
        short = learning.min_seconds - data.seconds
        need = f"{voice.name} needs {math.ceil(short)} s more audio"
        raise NotNow(
            f"{need}: a first training of {info.name} takes {learning.min_seconds:g} s.",
            f"Add recordings: `myna add {voice.name} FILES…`.",
        )
    if not data.clips:
        raise NotNow(
            f"Dataset #{data.number} of {voice.name} has no clips to train on.",
            f"`myna clips {voice.name} --dropped` says why.",
        )
    return Work(voice, info, learning, data, parent)


def _parent(session: Session, voice: Voice, chosen: str) -> Version | None:
    if not chosen:
        # A voice that moved to another engine starts anew there
        speaks = voices.promoted(session, voice)
        return speaks if speaks is not None and speaks.engine == voice.engine else None
    if chosen == "base":
        return None
    number = paging.whole(chosen.removeprefix("v"))
    if number is None:
        raise BadRequest(f"There is no version {chosen!r} to train from.", 'Give a version number, or "base".')
    return voices.version(session, voice.name, number)


def _info(engine: str) -> EngineInfo:
    info = registry.ENGINES.get(engine)
    if info is None:
        raise BadRequest(f"There is no engine named {engine!r}.", f"Use one of: {', '.join(registry.ENGINES)}.")
    return info


def _settings(session: Session, work: Work, options: pb.TrainOptions) -> dict[str, Any]:
    """The voice's own training options (voice.toml), with the job's over them, by the names of `TrainSettings`. Raises
    BadRequest."""
    before = (
        session.get(Run, work.parent.run) if work.parent is not None and work.parent.kind == VersionKind.LORA else None
    )
    try:
        given = {name: settings.read(name, text) for name, text in options.engine.items()}
        for field, value in options.ListFields():
            if field.name != "engine":
                given.setdefault(field.name, value)
        values = voices.option(work.voice, "train")
        if given.get("lora_rank") == 0:  # the voice's own settings of adapters say nothing then
            values = {name: value for name, value in values.items() if not name.startswith("lora_")}
        return settings.overrides(
            {**values, **given}, work.info, before.settings.get("lora") if before is not None else None
        )
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def _reserve(session: Session, job: Job, work: Work, options: pb.TrainOptions, run: Run | None = None) -> Run:
    """The run of this job. One that has not begun to learn (`run`) is told anew what to do."""
    overrides = _settings(session, work, options)
    clips = clip_refs.training(session, work.voice, work.data, Path(), work.parent)
    new = sum(clip.is_new for clip in clips)
    if run is None:
        run = Run(voice=work.voice.name, job=job.id, to_version=0, step=0, result={}, started=now())
    run.engine = work.info.name
    run.dataset = work.data.number
    run.from_version = work.parent.number if work.parent is not None else 0
    run.settings = overrides
    run.steps = settings.plan(work.info, len(clips), new, work.parent is None, overrides).steps
    session.add(run)
    session.flush()
    job.run = run.id
    job.title = work.title  # what is promoted may have changed since it was submitted
    return run


def _tell_left_out(session: Session, work: Work) -> None:
    """Say that the training does without changes whose dataset could not be made."""
    voice = work.voice.name
    failed = next_dataset.gave_up(session, voice) if next_dataset.wanted(session, voice) else None
    if failed is not None:
        sentence = f"{voice} is trained on dataset #{work.data.number} without what was changed since: "
        sentence += f"job #{failed.id} could not make the next one."
        events.notice(
            session, Level.WARNING, sentence, f"See why: `myna job {failed.id}`; then `myna retry {failed.id}`.", voice
        )


def unmarked_from(run: Run, home: Home) -> int:
    """From when on folders without a mark can be the run's, nanoseconds since 1970; 0: never, since it began when there
    were marks."""
    return int(run.started.timestamp() * 1e9) if run.started is not None and run.started < home.since else 0


def _number(session: Session, run: Run, home: Path, unmarked: int) -> None:
    """Have a number for the run's version: the one it has, unless another's folder came to lie there; else the next
    that neither a row nor the disk has. Numbers are never used twice."""
    folder = home / _folder(run.voice, run.to_version)
    if run.to_version and (not folder.exists() or identity.is_of(folder, run.uuid, unmarked)):
        return
    newest = select(func.max(Version.number)).where(Version.voice == run.voice)
    reserved = select(func.max(Run.to_version)).where(Run.voice == run.voice)
    known = max(session.scalar(newest) or 0, session.scalar(reserved) or 0)
    number = identity.free_number(home, run.voice, known + 1)
    for taken in range(known + 1, number):
        sentence = (
            f"The number {taken} is passed over for a new version of {run.voice}: files that this "
            f"database does not know have it."
        )
        events.notice(session, Level.WARNING, sentence, "`myna adopt --dry-run` lists what can be taken in.", run.voice)
    run.to_version = number
    session.flush()


def _folder(voice: str, number: int) -> Path:
    return Path("voices") / voice / str(number)


def _licence(session: Session, info: EngineInfo) -> str:
    """Shown with every version; for weights that need it, who accepted and when."""
    consent = engines.consent(session, info)
    return (
        f"{info.licence}, accepted by {consent.by} on {consent.time:%Y-%m-%d}" if consent is not None else info.licence
    )


def _disk(session: Session, work: Work, overrides: dict[str, Any]) -> int:
    """Bytes a run takes at its fullest: of versions of its kind as they were here, else as big as the base, or a
    hundredth for adapters."""
    lora = bool(overrides.get("lora"))
    made = select(Version.size).where(Version.engine == work.info.name, (Version.kind == VersionKind.LORA) == lora)
    size = session.scalar(made.order_by(Version.id.desc()).limit(1))
    if size is None:
        base = max((file.size for file in work.info.weights), default=work.info.speak_memory // 10)
        size = base // 100 if lora else base
    return size * COPIES + int((work.data.seconds + work.data.held_out_seconds) * FEATURE_BYTES)


def _memory(learning: Learning, *, lora: bool) -> int:
    """Bytes that a training takes on the GPU."""
    return (learning.adapters.memory if lora and learning.adapters is not None else 0) or learning.memory


def _step_seconds(session: Session, work: Work) -> tuple[float, bool]:
    """Mean seconds of a step in the engine's last run here, and whether it was measured."""
    runs = select(Run).where(Run.engine == work.info.name, Run.step > 0).order_by(Run.id.desc()).limit(5)
    for run in session.scalars(runs):
        spent = run.result.get("seconds")
        if isinstance(spent, int | float) and spent > 0:
            return float(spent) / run.step, True
        series = (
            select(SeriesRow.id).where(SeriesRow.run == run.id, SeriesRow.name == "seconds_per_step").scalar_subquery()
        )
        if (mean := session.scalar(select(func.avg(PointRow.value)).where(PointRow.series == series))) is not None:
            return float(mean), True
    return GUESSED_STEP * work.learning.memory / 1.5e9, False
