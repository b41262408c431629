"""The Experiments service: which settings a voice is best trained with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.experiment_rows import Experiment
from daemon.database.models import LIVE, Job
from daemon.database.store import Store
from daemon.errors import NotNow
from daemon.home.voice_folders import VoiceFolders
from daemon.inbox import voice_toml_change
from daemon.inbox.folder import InboxFolder
from daemon.kinds.experiment import start, trials
from daemon.kinds.lifecycle import Lifecycle
from daemon.services.errors import plain
from daemon.state import experiments, voices
from daemon.state.values import ExperimentState
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs


@plain
class ExperimentsService(stubs.ExperimentsServicer):
    """See the service in proto/myna.proto. `still(voices…)`: a block in which the inbox leaves their folders alone."""

    def __init__(
        self,
        home: Path,
        store: Store,
        lifecycle: Lifecycle,
        folders: VoiceFolders,
        still: Callable[..., AbstractAsyncContextManager[None]],
    ) -> None:
        self.home = home
        self.store = store
        self.lifecycle = lifecycle
        self.folders = folders
        self.still = still

    async def Start(self, request: pb.StartExperimentRequest, context: Any) -> pb.Experiment:
        train = self.lifecycle.kinds.train

        def price(session: Session) -> pb.Experiment:
            experiment, cost = start.planned(session, train, request)
            told = experiments.message(session, experiment)
            told.cost.CopyFrom(cost.message())
            return told

        def begin(session: Session) -> pb.Experiment:
            experiment, cost = start.start(session, train, request)
            self.lifecycle.follow(session, trials.next_choice(session, experiment))
            experiments.changed(session, experiment)
            told = experiments.message(session, experiment)
            told.cost.CopyFrom(cost.message())
            return told

        return await (self.store.read(price) if request.dry_run else self.store.write(begin))

    async def List(self, request: pb.ListExperimentsRequest, context: Any) -> pb.ListExperimentsResponse:
        def query(session: Session) -> pb.ListExperimentsResponse:
            rows, token = experiments.page(session, request.voice, request.page.token, request.page.size)
            messages = [experiments.message(session, row) for row in rows]
            for message in messages:
                message.ClearField("trials")
            return pb.ListExperimentsResponse(experiments=messages, next_token=token)

        answer: pb.ListExperimentsResponse = await self.store.read(query)
        return answer

    async def Get(self, request: pb.ExperimentRequest, context: Any) -> pb.Experiment:
        def query(session: Session) -> pb.Experiment:
            return experiments.message(session, experiments.get(session, request.voice, request.number))

        answer: pb.Experiment = await self.store.read(query)
        return answer

    async def Cancel(self, request: pb.ExperimentRequest, context: Any) -> pb.Experiment:
        def act(session: Session) -> pb.Experiment:
            row = experiments.get(session, request.voice, request.number)
            if row.state != ExperimentState.RUNNING:
                raise NotNow(f"Experiment {row.number} of {row.voice} has ended already: it is {row.state}.", "")
            experiments.end(session, row, ExperimentState.CANCELLED)
            for job in _jobs_of(session, row):
                if not job.cancelled_by:
                    self.lifecycle.cancel(session, job)
            return experiments.message(session, row)

        answer: pb.Experiment = await self.store.write(act)
        return answer

    async def Apply(self, request: pb.ExperimentRequest, context: Any) -> pb.ApplyExperimentResponse:
        def chosen(session: Session) -> tuple[str, int, int, dict[str, Any]]:
            row = experiments.get(session, request.voice, request.number)
            trial = experiments.recommended(session, row)
            if trial is None:
                raise NotNow(
                    f"Experiment {row.number} of {row.voice} recommends no settings.",
                    f"`myna experiment show {row.voice} {row.number}` says why.",
                )
            engine = voices.get(session, row.voice).engine
            if engine != row.engine:
                raise NotNow(
                    f"Experiment {row.number} is of the engine {row.engine}, and {row.voice} is now of {engine}.",
                    "Start another one.",
                )
            return engine, row.number, trial.number, trial.settings

        async with self.folders.one, self.still(request.voice):
            engine, number, trial, settings = await self.store.read(chosen)
            folder = InboxFolder(self.home, request.voice)
            await asyncio.to_thread(voice_toml_change.set_training, folder, engine, settings)
        return pb.ApplyExperimentResponse(
            number=number,
            trial=trial,
            settings=experiments.settings_text(settings),
            path=str(self.home / "inbox" / request.voice / "voice.toml"),
        )


def _jobs_of(session: Session, row: Experiment) -> list[Job]:
    """Its jobs that have not ended."""
    of_trials = {job for one in experiments.trials(session, row) for job in (one.train_job, one.evaluate_job)}
    live = session.scalars(select(Job).where(text(LIVE), Job.voice == row.voice).order_by(Job.id))
    return [job for job in live if job.id in of_trials or _chooses_for(job, row)]


def _chooses_for(job: Job, row: Experiment) -> bool:
    return job.kind == "experiment" and pb.JobSpec.FromString(job.spec).experiment.experiment == row.id
