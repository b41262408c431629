"""How a voice sounds, learned before the rest is trained, of engines that have a part for it."""

from __future__ import annotations

from pathlib import Path

from daemon.home import run_folder
from daemon.kinds.train.beginning import Beginning
from daemon.worker import versions
from daemon.worker.job import Channel
from daemon.worker.steering import Steering
from engines.base import Learns, TrainableModel
from engines.own_sound import LearnsSound
from engines.training import memory
from engines.training.control import Command, obey
from engines.training.step import use_threads
from proto import worker_pb2 as wire


def learn(
    engine: Learns,
    model: TrainableModel,
    plan: wire.TrainPlan,
    aside: frozenset[str],
    begins: Beginning,
    channel: Channel,
    steering: Steering,
) -> None:
    """Have the model learn it from all clips but those set `aside`, once a run; one that is averaged with its parent
    goes on from what that knows of it. Raises Cancelled and Stopped."""
    if not isinstance(engine, LearnsSound):
        return
    if begins.averaged is not None:
        engine.sound_like(model, begins.averaged)
    clips = [clip for clip in versions.clips(plan.clips) if clip.sha256 not in aside]

    lending = _Lending(steering, model)

    def on_step(done: int, total: int) -> None:
        obey(lending, "Learning how the voice sounds", f"after {done} of {total} rounds")
        channel.progress(done, total, "rounds", "learning how the voice sounds")

    use_threads(begins.settings)
    known = _kept(plan).is_file()
    engine.learn_sound(model, clips, _kept(plan), begins.settings.seed, on_step)
    if not known and _kept(plan).is_file():
        channel.lasting()


class _Lending:
    """The job's `Control`, of a model that makes room on the card while that is lent out."""

    def __init__(self, steering: Steering, model: TrainableModel) -> None:
        self._steering, self._model = steering, model

    def poll(self) -> Command:
        return self._steering.poll()

    def wait(self) -> None:
        where = self._model.device
        if where.type == "cpu" or self._steering.poll() is not Command.YIELD:
            self._steering.wait()
            return
        self._model.module.to("cpu")
        memory.release(where)
        try:
            self._steering.wait()
        finally:
            self._model.module.to(where)


def _kept(plan: wire.TrainPlan) -> Path:
    return Path(plan.run_dir) / run_folder.SOUND
