"""Choosing the settings of an experiment's next trial, in a worker of the CPU lane.

What was tried so far goes into a study of Optuna that lives as long as this call: what lasts is in Myna's database. The
sampler's seed follows from the experiment's and the trial's number, so the same trials before it give the same choice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from daemon.worker.job import Channel
from engines.training import space
from engines.training.space import Choices, Range, Space, Value
from proto import worker_pb2 as wire

#: Trials drawn by chance before the sampler learns from them: a third of all, within these bounds.
LEAST_BY_CHANCE, MOST_BY_CHANCE = 3, 10
#: How often settings are drawn anew that were tried already.
PATIENCE = 100
#: What keeps the seeds of an experiment's trials apart.
STRIDE = 1_000_003

STATES = {
    wire.TrialOutcome.SCORED: TrialState.COMPLETE,
    wire.TrialOutcome.PRUNED: TrialState.PRUNED,
    wire.TrialOutcome.FAILED: TrialState.FAIL,
}


def run(plan: wire.ExperimentPlan, channel: Channel) -> str:
    """Choose, and have the choice committed."""
    channel.progress(0, 1, "choices", "choosing settings")
    tried = space.from_json(json.loads(plan.space_json))
    chosen = choose(tried, plan.before, plan.seed, plan.trial, plan.trials)
    channel.commit(wire.Report(chosen=wire.TrialChosen(settings_json=json.dumps(chosen))))
    said = ", ".join(f"{name} = {space.written(value)}" for name, value in chosen.items())
    return f"Trial {plan.trial} is trained with {said}."


def choose(tried: Space, before: Sequence[wire.TrialOutcome], seed: int, number: int, trials: int) -> dict[str, Value]:
    """Settings for the trial with this number, after those before it. None comes twice while there are others."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    by_chance = min(MOST_BY_CHANCE, max(LEAST_BY_CHANCE, trials // 3))
    sampler = optuna.samplers.TPESampler(n_startup_trials=by_chance, seed=(seed * STRIDE + number) % 2**32)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {name: _distribution(one) for name, one in tried.items()}
    seen = []
    for one in before:
        settings = json.loads(one.settings_json)
        seen.append(_told(settings, tried))
        study.add_trial(_frozen(one, settings, distributions))
    for _ in range(PATIENCE):
        drawn = _told(study.ask(distributions).params, tried)
        if drawn not in seen:
            return drawn
    return _untried(tried, seen) or drawn


def _distribution(one: Choices | Range) -> BaseDistribution:
    if isinstance(one, Choices):
        return CategoricalDistribution(one.values)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


def _frozen(
    outcome: wire.TrialOutcome, settings: Mapping[str, Value], distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    state = STATES[outcome.outcome]
    value = outcome.score if state == TrialState.COMPLETE else None
    early = {1: outcome.early} if outcome.HasField("early") else {}
    return create_trial(
        state=state, value=value, params=dict(settings), distributions=distributions, intermediate_values=early
    )


def _told(drawn: Mapping[str, Value], tried: Space) -> dict[str, Value]:
    """In the order of the space; numbers from ranges as people can read them."""
    found = {}
    for name, one in tried.items():
        value = drawn[name]
        found[name] = one.rounded(value) if isinstance(one, Range) and isinstance(value, float) else value
    return found


def _untried(tried: Space, seen: Sequence[Mapping[str, Value]]) -> dict[str, Value] | None:
    """The first settings that were not tried; None: there are none, or more than can be listed."""
    if space.combinations(tried) == float("inf"):
        return None
    every = (dict(zip(tried, values, strict=True)) for values in product(*tried.values()))
    return next((one for one in every if one not in seen), None)
