"""A voice's vocoder is learned before the rest, once a run, and its bands are measured of what the version has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from recorded import Recorded

from daemon.home import run_folder
from daemon.kinds.train import selection
from daemon.kinds.train import sound as sounds
from daemon.kinds.train import worker as train
from daemon.kinds.train.beginning import Beginning
from daemon.state.values import Way
from daemon.worker import versions
from daemon.worker.job import Stopped
from daemon.worker.steering import Steering
from engines import registry
from engines.errors import Cancelled
from engines.glow import bands, vocoder
from engines.glow.model import BASE_VARIABLE, GlowModel
from engines.own_sound import OwnSound
from engines.training.settings import TrainSettings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

STEPS = 4
LEARNING = "learning how the voice sounds"


@pytest.fixture(autouse=True)
def base(tiny_base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny base, with a vocoder as tiny."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_base_folder, folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vocoder.save(vocoder.HarmonicNoise(vocoder.Settings(channels=8, layers=1)), folder)
    monkeypatch.setenv(BASE_VARIABLE, str(folder))
    monkeypatch.setattr("engines.glow.engine.SOUND_STEPS", STEPS)
    monkeypatch.setattr("engines.glow.vocoder_tuning.GAIN", -1.0)  # so few steps teach hardly anything


def other(plan: wire.TrainPlan, home: Path) -> wire.TrainPlan:
    """The same training, as another run."""
    found = wire.TrainPlan.FromString(plan.SerializeToString())
    found.run_dir, found.out_dir = str(home / "runs" / "6"), str(home / "voices" / "anna" / "2")
    return found


def sound(plan: wire.TrainPlan) -> dict[str, bytes]:
    return {name: (Path(plan.out_dir) / name).read_bytes() for name in (vocoder.WEIGHTS, vocoder.SETTINGS, bands.FILE)}


def learned(channel: Recorded) -> list[int]:
    """Steps of learning how the voice sounds, as they were told; the first once, though it is told while recordings are
    read."""
    told = [int(done) for (done, _, _), said in zip(channel.told, channel.said, strict=True) if said == LEARNING]
    return [step for step, _ in groupby(told)]


def test_a_version_has_its_own_and_the_run_keeps_none_of_it(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    train.run(train_plan, channel)
    assert learned(channel) == list(range(STEPS))
    assert all(sound(train_plan).values())
    own = {"vocoder": True, "bands": True}
    assert (versions.lineage(Path(train_plan.out_dir)) or {})["result"]["sound"] == own
    assert json.loads(channel.committed[-1].trained.result_json)["sound"] == own
    assert not list(Path(train_plan.run_dir).glob("sound*"))


def test_an_increment_that_is_averaged_with_its_parent_goes_on_from_the_parents(
    train_plan: wire.TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train.run(train_plan, Recorded(tmp_path))
    monkeypatch.setattr("engines.glow.vocoder_tuning.GAIN", 0.9)  # nothing brings it so much nearer: what it was stays
    increment, channel = other(train_plan, tmp_path), Recorded(tmp_path)
    increment.parent_dir, increment.first, increment.version = train_plan.out_dir, False, 2
    train.run(increment, channel)
    assert [one.begun.way for one in channel.committed if one.HasField("begun")] == [pb.RUN_WAY_AVERAGED]
    assert learned(channel) == list(range(STEPS)), "it was tried"
    assert sound(increment)[vocoder.WEIGHTS] == sound(train_plan)[vocoder.WEIGHTS]


def test_each_checkpoint_that_speaks_has_it_with_bands_of_its_own(
    train_plan: wire.TrainPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_plan.settings_json = json.dumps({**json.loads(train_plan.settings_json), "spoken_checkpoints": 2})

    def stop(*_: object) -> None:
        raise Stopped  # what they say is not heard here

    monkeypatch.setattr(selection, "choose", stop)
    channel = Recorded(tmp_path)
    with pytest.raises(Stopped):
        train.run(train_plan, channel)
    assert learned(channel) == list(range(STEPS))
    run = Path(train_plan.run_dir)
    kept = run / run_folder.SOUND
    made = [path for path in run_folder.only_to_go_on(run) if path.name.startswith("step-")]
    assert len(made) >= 2
    assert {(path / vocoder.WEIGHTS).read_bytes() for path in made} == {kept.read_bytes()}
    assert len({(path / bands.FILE).read_bytes() for path in made}) == len(made)


@pytest.mark.long
def test_a_training_that_stopped_after_it_does_not_learn_it_again(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    again, channel = other(train_plan, tmp_path), Recorded(tmp_path)
    train.run(train_plan, channel)
    with pytest.raises(Stopped):
        train.run(
            again, Recorded(tmp_path, lambda channel: "stop" if 6 in channel.curves.get("train/loss", {}) else "")
        )
    assert [path.name for path in run_folder.only_to_go_on(Path(again.run_dir))] == ["sound.safetensors", "checkpoints"]
    after = Recorded(tmp_path)
    train.run(again, after)
    assert not learned(after)
    assert not run_folder.only_to_go_on(Path(again.run_dir))
    assert sound(again) == sound(train_plan)


@pytest.mark.long
@pytest.mark.parametrize("order", ["stop", "cancel"])
def test_it_can_be_left_while_it_is_learned_and_begins_anew(
    train_plan: wire.TrainPlan, tmp_path: Path, order: str
) -> None:
    again, undisturbed = other(train_plan, tmp_path), Recorded(tmp_path)
    train.run(train_plan, undisturbed)
    with pytest.raises(Stopped if order == "stop" else Cancelled):
        train.run(again, Recorded(tmp_path, lambda channel: order if learned(channel)[-1:] == [2] else ""))
    assert not list(Path(again.run_dir).glob("sound*"))
    after = Recorded(tmp_path)
    train.run(again, after)
    assert learned(after) == list(range(STEPS))
    assert sound(again) == sound(train_plan)


def test_giving_way_waits_between_its_steps(train_plan: wire.TrainPlan, tmp_path: Path) -> None:
    channel = Recorded(tmp_path, lambda channel: "yield" if LEARNING in channel.said and not channel.waited else "")
    train.run(train_plan, channel)
    assert channel.waited == 1
    assert learned(channel) == list(range(STEPS))


class OnACard:
    """A model that tells where it is."""

    device, kind = torch.device("cuda"), "full"

    def __init__(self) -> None:
        self.module: Any = self
        self.place = "cuda"

    def to(self, device: str | torch.device) -> None:
        self.place = torch.device(device).type


class Teaches:
    """An engine that learns how a voice sounds in one step."""

    def sound_like(self, model: object, version: Path) -> None:
        raise AssertionError("it is averaged with nothing")

    def own_sound(self, version: Path) -> OwnSound:
        raise AssertionError("no version is made")

    def learn_sound(self, model: object, clips: object, kept: Path, seed: int, on_step: Callable[..., None]) -> None:
        on_step(0, 1)


@pytest.mark.parametrize(("order", "place"), [("offload", "cpu"), ("yield", "cuda")])
def test_a_model_makes_room_on_the_card_while_its_memory_is_wanted(
    train_plan: wire.TrainPlan, tmp_path: Path, order: str, place: str
) -> None:
    model, waited = OnACard(), []

    class Waiting(Recorded):
        def wait_resumed(self) -> str:
            waited.append(model.place)
            return super().wait_resumed()

    channel = Waiting(tmp_path, lambda channel: "" if channel.waited else order)
    chosen = TrainSettings(steps=1, learning_rate=1e-4)
    begins = Beginning(chosen, Way.BASE, None, None, "")
    sounds.learn(cast(Any, Teaches()), model, train_plan, frozenset(), begins, channel, Steering(channel))
    assert waited == [place]
    assert model.place == "cuda"


def test_bands_are_measured_of_weights_that_were_averaged_with_the_parents(
    train_plan: wire.TrainPlan, tmp_path: Path
) -> None:
    engine = registry.learner("glow")
    features = [engine.encode(clip) for clip in versions.clips(train_plan.clips)[:2]]
    own, parent, alone = (engine.load(None) for _ in range(3))
    assert isinstance(own, GlowModel)
    assert isinstance(alone, GlowModel)
    for seed, model in ((1, own), (2, parent), (1, alone)):
        noise = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.module.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=noise))
    engine.save(parent, tmp_path)
    chosen = TrainSettings(steps=1, learning_rate=1e-4, parent_share=0.5)
    Beginning(chosen, Way.AVERAGED, None, tmp_path, "").finish(engine, features, own)
    Beginning(chosen, Way.BASE, None, None, "").finish(engine, features, alone)
    averaged = bands.measure(own.module, own.speaker, features, engine.collate)
    assert own.bands is not None
    assert averaged is not None
    assert alone.bands is not None
    assert torch.equal(own.bands.scale, averaged.scale)
    assert torch.equal(own.bands.shift, averaged.shift)
    assert not torch.equal(own.bands.shift, alone.bands.shift)
