"""The paper daemon's experiments."""

from __future__ import annotations

from typing import Any

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.rows import NOW, refuse


def trials() -> list[pb.Trial]:
    """One that is recommended, one that is better and dearer, one that breaks a limit, one that failed."""
    scored = {"state": pb.TRIAL_SCORED, "seconds": 95.0}
    return [
        pb.Trial(
            number=1, settings={"lora_rank": "8", "learning_rate": "3.1e-05"}, score=0.5, low=0.1, high=0.9,
            clips=4_800, version=7, on_front=True, **scored,
        ),
        pb.Trial(
            number=2, settings={"lora_rank": "16", "learning_rate": "6e-05"}, score=0.6, low=0.2, high=1.0,
            clips=9_600, version=8, on_front=True, **scored,
        ),
        pb.Trial(
            number=3, settings={"lora_rank": "16", "learning_rate": "9e-05"}, score=0.9, beyond_limit=True,
            clips=9_600, version=9, **scored,
        ),
        pb.Trial(
            number=4, settings={"lora_rank": "8", "learning_rate": "2e-05"}, state=pb.TRIAL_FAILED,
            why="It was too much.",
        ),
        pb.Trial(
            number=5, settings={"lora_rank": "8", "learning_rate": "5e-05"}, state=pb.TRIAL_STOPPED_EARLY, seconds=40.0,
            version=10, early_score=-0.25,
        ),
    ]  # fmt: skip


def experiment() -> pb.Experiment:
    made = pb.Experiment(
        id=3, voice="anna", number=2, state=pb.EXPERIMENT_COMPLETE, trials_wanted=4, seconds=285.0, dataset=4, rival=6,
        created=NOW, ended=NOW, trials=trials(), recommended=1, sentence="Trial 1 is to be taken.",
        space=[
            pb.SearchSetting(name="lora_rank", values="8,16"),
            pb.SearchSetting(name="learning_rate", values="1e-05..0.0001"),
        ],
        cost=pb.ExperimentCost(trials=4, training_seconds=80.0, scoring_seconds=10.0, seconds=360.0),
    )  # fmt: skip
    made.cost.sentences.append("A step took 0.2 s in the runs before.")
    return made


def priced() -> pb.Experiment:
    """The same where an hour costs 1.20 €, within a budget of 3 €."""
    made = experiment()
    for one in (made, *made.trials):
        one.money.CopyFrom(pb.Money(amount=one.seconds / 3_000, currency="€"))
    made.budget_money.CopyFrom(pb.Money(amount=3.0, currency="€"))
    made.budget_seconds = 9_000.0
    return made


class Experiments(stubs.ExperimentsServicer):
    def __init__(self) -> None:
        self.rows = [experiment()]
        self.started: list[pb.StartExperimentRequest] = []
        self.changed: list[tuple[str, str, int]] = []

    def Start(self, request: pb.StartExperimentRequest, context: Any) -> pb.Experiment:
        self.started.append(request)
        made = experiment()
        made.budget_seconds = request.budget_seconds
        if request.HasField("budget_money"):
            made.budget_money.CopyFrom(request.budget_money)
            made.cost.money.CopyFrom(pb.Money(amount=0.12, currency=request.budget_money.currency))
        made.number = 0 if request.dry_run else 3
        del made.trials[:]
        return made

    def List(self, request: pb.ListExperimentsRequest, context: Any) -> pb.ListExperimentsResponse:
        return pb.ListExperimentsResponse(experiments=self.rows)

    def Get(self, request: pb.ExperimentRequest, context: Any) -> pb.Experiment:
        for row in self.rows:
            if row.voice == request.voice and request.number in (0, row.number):
                return row
        refuse(context, grpc.StatusCode.NOT_FOUND, f"{request.voice} has no experiments yet.", "")
        raise AssertionError("refused")

    def Cancel(self, request: pb.ExperimentRequest, context: Any) -> pb.Experiment:
        self.changed.append(("Cancel", request.voice, request.number))
        return self.rows[0]

    def Apply(self, request: pb.ExperimentRequest, context: Any) -> pb.ApplyExperimentResponse:
        self.changed.append(("Apply", request.voice, request.number))
        return pb.ApplyExperimentResponse(
            number=2, trial=1, settings={"lora_rank": "8"}, path="/srv/myna/inbox/anna/voice.toml"
        )
