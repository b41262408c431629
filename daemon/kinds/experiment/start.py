"""Beginning an experiment: what is asked for, checked and priced before anything is done."""

from __future__ import annotations

import math

from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment
from daemon.database.models import now
from daemon.errors import BadRequest, NotNow
from daemon.kinds.experiment import cost
from daemon.kinds.experiment.cost import Cost
from daemon.kinds.train.server import Train
from daemon.state import clip_refs, consent_notes, engines, experiments, voices
from daemon.state.values import ExperimentState
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.training import space
from proto import money
from proto import myna_pb2 as pb

#: Trials of an experiment if none are asked for, and at most.
USUAL, MOST = 12, 200
#: The greatest seed: SQLite's whole numbers have a sign.
LARGEST_SEED = 2**63 - 1


def planned(session: Session, train: Train, request: pb.StartExperimentRequest) -> tuple[Experiment, Cost]:
    """The experiment as it would begin (it is in no session yet), and what it takes at most. Raises BadRequest for what
    cannot be meant; NotNow for a voice that cannot be trained and scored now, and for a budget of less than a trial."""
    voice = voices.get(session, request.voice)
    consent_notes.check(session, voice.name)
    tried = _space(request)
    if request.seed > LARGEST_SEED:
        raise BadRequest("The seed is too large.", f"Use one of at most {LARGEST_SEED:,}.")
    if request.trials > MOST:
        raise BadRequest(f"{request.trials:,} trials are too many.", f"Ask for at most {MOST}.")
    price = train.settings.cost
    budget = _time(request)
    data = clip_refs.dataset(session, voice.name, request.dataset)
    if not data.held_out:
        sentence = f"Dataset #{data.number} of {voice.name} has no held-out clips, so trials cannot be scored."
        raise NotNow(sentence, "Add recordings: about a tenth is held out.")
    speaks = voices.promoted(session, voice)
    experiment = Experiment(
        voice=voice.name,
        number=0,
        engine=voice.engine,
        space=space.to_json(tried),
        trials=int(min(request.trials or USUAL, space.combinations(tried))),
        budget=budget,
        budget_money=request.budget_money.amount,
        per_hour=price.per_hour,
        per_kwh=price.per_kwh,
        rest_watts=price.rest_watts,
        currency=price.currency if price.known else "",
        start=getattr(request, "from") or "base",
        dataset=data.number,
        rival=speaks.number if speaks is not None and speaks.engine == voice.engine else 0,
        stop_early=request.stop_early,
        seed=request.seed,
        state=ExperimentState.RUNNING,
        why="",
        created=now(),
    )
    takes = cost.of_all(session, train, experiment)
    engines.require(engines.info(voice.engine), Capability.SPEAKS)  # its lines are spoken
    if request.HasField("budget_money"):
        experiment.budget = price.seconds(request.budget_money, takes.watts)
    if experiment.budget and experiment.budget < takes.trial:
        raise _too_little(experiment, takes)
    return experiment, takes


def start(session: Session, train: Train, request: pb.StartExperimentRequest) -> tuple[Experiment, Cost]:
    """Begin it. Raises as `planned` does, and NotNow while another one of the voice has not ended."""
    experiment, takes = planned(session, train, request)
    if (other := experiments.running(session, experiment.voice)) is not None:
        raise NotNow(
            f"Experiment {other.number} of {other.voice} has not ended.",
            f"Wait for it, or `myna experiment cancel {other.voice}`.",
        )
    experiment.number = experiments.next_number(session, experiment.voice)
    session.add(experiment)
    session.flush()
    return experiment, takes


def _time(request: pb.StartExperimentRequest) -> float:
    """Seconds of a budget that is a time; 0: it is none. Raises BadRequest."""
    seconds = request.budget_seconds
    if not (math.isfinite(seconds) and seconds >= 0):
        raise BadRequest("The budget is no length of time.", "Give seconds; 0 is no budget.")
    if seconds and request.HasField("budget_money"):
        raise BadRequest("The budget is given twice: as a time and as a sum of money.", "Give one of the two.")
    return seconds


def _too_little(experiment: Experiment, takes: Cost) -> NotNow:
    """The budget has no room for a single trial."""
    if (budget := experiments.budget_money(experiment)) is not None and takes.trial_money is not None:
        sentence = (
            f"The budget of {money.said(budget)} is less than one trial, "
            f"which costs about {money.said(takes.trial_money)}."
        )
        return NotNow(sentence, "Give more, or fewer steps in each trial (--set steps=…).")
    sentence = f"The budget of {experiment.budget:.0f} s is less than one trial, which takes about {takes.trial:.0f} s."
    return NotNow(sentence, "Give more time, or fewer steps in each trial (--set steps=…).")


def _space(request: pb.StartExperimentRequest) -> space.Space:
    given: dict[str, str] = {}
    for one in request.space:
        if one.name in given:
            raise BadRequest(f"{one.name} is given twice.", f"Give all its values at once: {one.name}=A,B,C.")
        given[one.name] = one.values
    if not given:
        raise BadRequest(
            "No setting to search was named.", "Name one, as --set lora_rank=8,16,32 or --set learning_rate=1e-5..1e-4."
        )
    try:
        return space.read(given)
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None
