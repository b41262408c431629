"""Experiments and their trials: the rows, what they cost so far, and how they are told. What follows from what:
`daemon.kinds.experiment.trials`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.experiment_rows import Experiment, Trial
from daemon.database.models import Attempt, Job, now
from daemon.errors import NotFound
from daemon.price import Price
from daemon.state import events, paging, recommendation, seen, voices
from daemon.state import spent as taken
from daemon.state.recommendation import Scored
from daemon.state.stamp import stamp
from daemon.state.status import Outcome, State
from daemon.state.values import ExperimentState, TrialState, on_wire
from engines.training import space
from proto import myna_pb2 as pb

#: Trials that have not ended.
LIVE = (TrialState.TRAINING, TrialState.SCORING)
#: Scorings whose time is averaged.
TIMED = 5


def get(session: Session, voice: str, number: int = 0) -> Experiment:
    """A voice's experiment; 0: the newest. Raises NotFound."""
    voices.get(session, voice)
    query = select(Experiment).where(Experiment.voice == voice).order_by(Experiment.number.desc()).limit(1)
    row = session.scalars(query.where(Experiment.number == number) if number else query).first()
    if row is None and number:
        raise NotFound(f"{voice} has no experiment {number}.", f"`myna experiments {voice}` lists those there are.")
    if row is None:
        raise NotFound(
            f"{voice} has no experiments yet.", f"`myna experiment {voice} --set learning_rate=1e-5..1e-4` begins one."
        )
    return row


def page(session: Session, voice: str, token: str, size: int) -> tuple[list[Experiment], str]:
    """(experiments of a voice, or of all, the newest first; token of the next page)."""
    size, before = paging.size(size), paging.number(token)
    query = select(Experiment).order_by(Experiment.id.desc()).limit(size + 1)
    if (where := seen.voices_where(session, Experiment.voice, Right.READ)) is not None:
        query = query.where(where)
    if voice:
        voices.get(session, voice)
        query = query.where(Experiment.voice == voice)
    rows = session.scalars(query.where(Experiment.id < before) if before else query).all()
    return paging.cut(rows, size, lambda row: row.id)


def running(session: Session, voice: str) -> Experiment | None:
    """The voice's experiment that has not ended, if there is one."""
    live = Experiment.voice == voice, Experiment.state == ExperimentState.RUNNING
    return session.scalars(select(Experiment).where(*live).limit(1)).first()


def next_number(session: Session, voice: str) -> int:
    """Of the voice's next experiment."""
    return (session.scalar(select(func.max(Experiment.number)).where(Experiment.voice == voice)) or 0) + 1


def trials(session: Session, experiment: Experiment) -> list[Trial]:
    """In their order."""
    return list(session.scalars(select(Trial).where(Trial.experiment == experiment.id).order_by(Trial.number)))


def trial(session: Session, experiment: Experiment, number: int) -> Trial | None:
    """The trial with this number."""
    return session.scalars(select(Trial).where(Trial.experiment == experiment.id, Trial.number == number)).first()


def trial_of(session: Session, job: Job) -> Trial | None:
    """The trial that a training or a scoring belongs to; None: it belongs to none."""
    return session.scalars(
        select(Trial).where(or_(Trial.train_job == job.id, Trial.evaluate_job == job.id)).limit(1)
    ).first()


def end(session: Session, experiment: Experiment, state: ExperimentState, why: str = "") -> None:
    """The experiment is over; one that is over already stays as it is."""
    if experiment.state == ExperimentState.RUNNING:
        experiment.state, experiment.why, experiment.ended = state, why, now()
        changed(session, experiment)


def changed(session: Session, experiment: Experiment) -> None:
    """Tell watchers of an experiment as it is now."""
    session.flush()
    told = message(session, experiment)
    told.ClearField("trials")
    events.emit(session, pb.Event(experiment=told), experiment.voice)


def worked(session: Session, jobs: Sequence[int | None]) -> float:
    """Seconds that workers were at these jobs. Attempts that ended because mynad was gone do not count: nobody knows
    when they did."""
    its = select(Attempt.started, Attempt.ended).where(
        Attempt.job.in_([job for job in jobs if job is not None]),
        Attempt.ended.is_not(None),
        Attempt.outcome != Outcome.LOST,
    )
    return float(sum((ended - started).total_seconds() for started, ended in session.execute(its) if ended is not None))


def scoring(session: Session, voice: str) -> tuple[float, float | None]:
    """(seconds, joules) that a scoring of the voice took lately, on average, else one of any voice; 0 seconds: none was
    done here; joules that are None were not measured."""
    done = select(Job.id).where(Job.kind == "evaluate", Job.state == State.SUCCEEDED).order_by(Job.id.desc())
    for query in (done.where(Job.voice == voice), done):
        if found := session.scalars(query.limit(TIMED)).all():
            joules = [one for job in found if (one := taken.of_job(session, job).joules) is not None]
            return worked(session, found) / len(found), sum(joules) / len(joules) if joules else None
    return 0.0, None


def cost(session: Session, experiment: Experiment, trial: Trial) -> pb.Money | None:
    """What the trial cost so far, its hours and its energy, at the prices of when the experiment began; None: there
    were none."""
    own = price(experiment)
    its = trial.early_train_job, trial.early_evaluate_job, trial.train_job, trial.evaluate_job
    measured = taken.measured(session, [job for job in its if job is not None]) if own.per_kwh else None
    return own.of(trial.seconds, None if measured is None else measured + own.rest_watts * trial.seconds)


def money_spent(session: Session, experiment: Experiment) -> pb.Money | None:
    """What its trials cost so far; None: there was no price."""
    return _together(experiment, [cost(session, experiment, one) for one in trials(session, experiment)])


def _together(experiment: Experiment, costs: Sequence[pb.Money | None]) -> pb.Money | None:
    own = price(experiment)
    amount = sum(one.amount for one in costs if one is not None)
    return pb.Money(amount=amount, currency=own.currency) if own.known else None


def spent(session: Session, experiment: Experiment) -> float:
    """Seconds that its trials took so far."""
    return float(
        session.scalar(select(func.coalesce(func.sum(Trial.seconds), 0.0)).where(Trial.experiment == experiment.id))
        or 0.0
    )


def price(experiment: Experiment) -> Price:
    """What work cost when it began: that holds to its end, whatever it costs later."""
    if not experiment.currency:
        return Price()
    return Price(experiment.per_hour, experiment.currency, experiment.per_kwh, experiment.rest_watts)


def budget_money(experiment: Experiment) -> pb.Money | None:
    """The sum that its budget was given as; None: it has none, or a time."""
    given = experiment.budget_money
    return pb.Money(amount=given, currency=experiment.currency) if given else None


def scored(rows: Sequence[Trial]) -> list[Scored]:
    """Those that can be recommended."""
    return [
        Scored(row.number, row.score, row.high, row.clips)
        for row in rows
        if row.state == TrialState.SCORED and row.score is not None and not row.beyond_limit
    ]


def recommended(session: Session, experiment: Experiment) -> Trial | None:
    """The trial whose settings are recommended; None: no trial can be."""
    rows = trials(session, experiment)
    number = recommendation.recommended(scored(rows))
    return next((row for row in rows if row.number == number), None)


def message(session: Session, row: Experiment) -> pb.Experiment:
    """The experiment on the wire."""
    rows = trials(session, row)
    candidates = scored(rows)
    front, chosen = recommendation.front(candidates), recommendation.recommended(candidates)
    seconds, costs = spent(session, row), [cost(session, row, one) for one in rows]
    told = pb.Experiment(
        id=row.id,
        voice=row.voice,
        number=row.number,
        state=on_wire(ExperimentState, row.state),
        space=[pb.SearchSetting(name=name, values=str(one)) for name, one in space.from_json(row.space).items()],
        trials_wanted=row.trials,
        budget_seconds=row.budget,
        budget_money=budget_money(row),
        seconds=seconds,
        money=_together(row, costs),
        dataset=row.dataset,
        rival=row.rival,
        stop_early=row.stop_early,
        seed=row.seed,
        created=stamp(row.created) if row.created else None,
        ended=stamp(row.ended) if row.ended else None,
        why=row.why,
        trials=[
            _trial_message(one, money, on_front=one.number in front) for one, money in zip(rows, costs, strict=True)
        ],
        recommended=chosen or 0,
        sentence=_sentence(row, rows, candidates, chosen),
    )
    setattr(told, "from", row.start)
    return told


def settings_text(values: dict[str, space.Value]) -> dict[str, str]:
    """Settings as people write them."""
    return {name: space.written(value) for name, value in values.items()}


def _trial_message(row: Trial, money: pb.Money | None, *, on_front: bool) -> pb.Trial:
    return pb.Trial(
        number=row.number,
        settings=settings_text(row.settings),
        state=on_wire(TrialState, row.state),
        train_job=row.train_job or 0,
        evaluate_job=row.evaluate_job or 0,
        version=row.version,
        score=row.score,
        early_score=row.early_score,
        low=row.low,
        high=row.high,
        beyond_limit=row.beyond_limit,
        seconds=row.seconds,
        money=money,
        clips=row.clips,
        why=row.why,
        on_front=on_front,
    )


def _sentence(row: Experiment, rows: Sequence[Trial], candidates: Sequence[Scored], chosen: int | None) -> str:
    """What came of it so far, and what is to be done."""
    return " ".join(filter(None, (_standing(row, rows), _finding(row, rows, candidates, chosen))))


def _standing(row: Experiment, rows: Sequence[Trial]) -> str:
    ended = sum(one.state not in LIVE for one in rows)
    match row.state:
        case ExperimentState.RUNNING:
            return f"{ended} of {row.trials} trials have ended."
        case ExperimentState.BUDGET_SPENT:
            return f"The budget was spent after {ended} of {row.trials} trials."
        case ExperimentState.CANCELLED:
            return f"It was cancelled after {ended} of {row.trials} trials."
        case ExperimentState.FAILED:
            return f"It failed after {ended} of {row.trials} trials: {row.why}"
    return ""


def _finding(row: Experiment, rows: Sequence[Trial], candidates: Sequence[Scored], chosen: int | None) -> str:
    if chosen is None:
        over = row.state != ExperimentState.RUNNING
        return "No settings are recommended: no trial came to a version that the scores let pass." if over else ""
    by_number = {one.number: one for one in candidates}
    best = max(candidates, key=lambda one: (one.score, -one.clips, -one.number))
    take = by_number[chosen]
    settings = ", ".join(f"{name} = {text}" for name, text in settings_text(rows[chosen - 1].settings).items())
    reason = f"Trial {chosen} has the best score, {take.score:+.2f}"
    if take is not best:
        reason = (
            f"Trial {chosen} (score {take.score:+.2f}) cannot be told from the best, trial {best.number} "
            f"({best.score:+.2f}), and costs least"
        )
    against = voices.said(row.voice, row.rival)
    low = rows[chosen - 1].low
    sure = "" if low is not None and low > 0 else f" It is not sure to be better than {against}."
    apply = f"`myna experiment apply {row.voice} {row.number}` writes them into its voice.toml."
    return f"{reason}: {settings}.{sure} {apply}"
