"""The whole way of engines on the pretended device, in a process of its own:

    python -m tests.pretend_gpu.journey FOLDER ENGINE…

Clips are encoded, the base is trained whole and by adapters, in fp32 and in bf16, measured, saved, loaded and spoken
with. Writes FOLDER/report.json: by engine "parts" of the way with their waits, and "failure", a traceback, or nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import soundfile
import torch
from torch.nn.modules import rnn

from engines import registry
from engines.autoregressive import decode, graphs, synthesis
from engines.base import (
    Clip,
    Converts,
    EncodesMany,
    Features,
    Finishes,
    Learns,
    LoraSettings,
    Speaks,
    SpeechRequest,
    TrainableModel,
)
from engines.capabilities import Capability
from engines.fast_paths import card, learning
from engines.fast_paths.proving import Proofs
from engines.fast_paths.record import Card, FastPath
from engines.glow import vocoder_tuning
from engines.openvoice.conversion import Conversion
from engines.own_sound import LearnsSound
from engines.training.control import Command, Free, Stopped
from engines.training.data import START, DataOrder
from engines.training.feed import Feed
from engines.training.held_out import held_out_losses
from engines.training.loop import train
from engines.training.rehearsal import rehearse
from engines.training.settings import TrainSettings
from engines.training.step import adamw, seed_everything, update
from tests.pretend_gpu.device import DEVICE, NAME, OnGpu, pretended, register
from tests.pretend_gpu.recorded import RecordedCall
from tests.pretend_gpu.waits import Record

RECORDINGS = Path(__file__).parents[2] / "demo" / "recordings"
#: A sentence.
TEXT = "Well, good morning to you."
SETTINGS = TrainSettings(steps=10, learning_rate=1e-4, batch_size=2, micro_batch=2)
LORA = LoraSettings(rank=4, alpha=8)


def _tiny_xtts(folder: Path) -> None:
    from engines.xtts import tiny_base

    if not folder.exists():
        tiny_base.write(folder)
    os.environ["MYNA_XTTS_BASE"] = str(folder)


def _tiny_fish(folder: Path) -> None:
    from engines.fish import tiny_base

    if not folder.exists():
        tiny_base.write(folder)
    os.environ["MYNA_FISH_BASE"] = str(folder)


def _tiny_openvoice(folder: Path) -> None:
    from engines.openvoice import tiny_base

    tiny_base.write(folder)
    os.environ["MYNA_OPENVOICE_BASE"] = str(folder)


#: By engine whose base is fetched: how a small one like it comes into a folder, and the engine finds it there.
BASES: Mapping[str, Callable[[Path], None]] = {"xtts": _tiny_xtts, "fish": _tiny_fish, "openvoice": _tiny_openvoice}


def main(folder: Path, names: Sequence[str]) -> None:
    register()
    report = {}
    for name in names:
        record, failure = Record(), ""
        try:
            _go(name, record, folder)
        except Exception:  # whatever it is, the others go on
            failure = traceback.format_exc()
        report[name] = {"failure": failure, "parts": [dataclasses.asdict(part) for part in record.parts.values()]}
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")


def _go(name: str, record: Record, folder: Path) -> None:
    info = registry.info(name)
    if info.weights and name not in BASES:
        raise LookupError(f"The base of {name} is not here: give BASES of {__file__} a small one like it.")
    if name in BASES:
        BASES[name](folder / f"{name}-base")
    engine, version = registry.load(name), None
    with _decoding_in_parts(record), _fast_paths(), pretended(record):
        if Capability.LEARNS in info.capabilities:
            version = folder / f"{name}-version"
            version.mkdir()
            _learn(cast("Learns", engine), record, version)
        if Capability.SPEAKS in info.capabilities:
            _speak(cast("Speaks", engine), record, version)
        if Capability.CONVERTS in info.capabilities:
            _convert(cast("Converts", engine), record)


def _learn(engine: Learns, record: Record, version: Path) -> None:
    """Train in every way, and save into a folder."""
    clips = _clips(4)
    features = _encode(engine, record, clips)
    with record.part("load"):
        model = engine.load(None, device=DEVICE, training=True, reference=clips[:1])
    _check_on_device(model.module)
    on_cpu = held_out_losses(engine, engine.load(None, reference=clips[:1]), features[2:], SETTINGS)
    with record.part("held-out losses"):
        measured = held_out_losses(engine, model, features[2:], SETTINGS)
    for loss, value in on_cpu.items():
        assert math.isclose(measured[loss], value, rel_tol=1e-3), (
            f"{loss} is {measured[loss]} on {DEVICE} and {value} on the CPU"
        )
    _run(engine, record, model, features, version.with_name(f"{version.name}-run"))
    adapts = Capability.ADAPTS in engine.info.capabilities
    for lora in (None, LORA) if adapts else (None,):
        for precision in ("fp32", "bf16"):
            _train(engine, record, model, features, dataclasses.replace(SETTINGS, precision=precision, lora=lora))
    _around_a_training(engine, record, model, clips, features, version.with_name(f"{version.name}-sound"))
    with record.part("save"):
        engine.save(model, version)


def _around_a_training(
    engine: Learns,
    record: Record,
    model: TrainableModel,
    clips: Sequence[Clip],
    features: Sequence[Features],
    kept: Path,
) -> None:
    """What some engines do before one and after it. The version is spoken with, with what came of that."""
    if isinstance(engine, LearnsSound):
        steps = mock.patch("engines.glow.engine.SOUND_STEPS", 1)
        with record.part("learn sound"), steps, mock.patch.object(vocoder_tuning, "GAIN", -1.0):
            engine.learn_sound(model, clips, kept, 1, lambda done, total: None)
        assert kept.stat().st_size
    if isinstance(engine, Finishes):
        with record.part("finish"):
            engine.finish(model, features)


def _encode(engine: Learns, record: Record, clips: Sequence[Clip]) -> list[Features]:
    with record.part("encode"):
        if not isinstance(engine, EncodesMany):
            return [engine.encode(clip) for clip in clips]
        made = engine.encode_many(clips)
    assert not any(isinstance(one, Exception) for one in made), made
    return cast("list[Features]", made)


class _StopAfterOneStep(Free):
    """Has a training leave before its second step."""

    polls = 0

    def poll(self) -> Command:
        self.polls += 1
        return Command.GO if self.polls == 1 else Command.STOP


def _run(engine: Learns, record: Record, model: TrainableModel, features: Sequence[Features], folder: Path) -> None:
    """A training by the loop itself: measured, stopped, resumed from its checkpoint, ended with its best weights."""
    settings = dataclasses.replace(SETTINGS, steps=2, eval_every=2, checkpoint_every=1, spoken_checkpoints=0)
    with record.part("run"):
        with suppress(Stopped):
            train(engine, model, features[:2], features[2:], settings, folder, _StopAfterOneStep())
        result = train(engine, model, features[:2], features[2:], settings, folder)
    assert result.steps == 2, result


def _train(
    engine: Learns, record: Record, model: TrainableModel, features: Sequence[Features], settings: TrainSettings
) -> None:
    """One update."""
    model.module.train()
    parameters = engine.trainable(model, settings.lora)
    optimizer = adamw(parameters, settings, model.device)
    order = DataOrder([engine.length(one) for one in features], [], settings.batch_size, 0.0, seed=1)
    way = f"{'adapters' if settings.lora else 'whole'}, {settings.precision}"
    with record.part("collate"):
        data = Feed(engine, features, order).step(START, settings.micro_batch)
    with record.part(f"rehearsal, {way}"):
        rehearse(engine, model, data, parameters, optimizer, settings)
    assert not any(parameter.grad is not None for parameter in parameters)
    seed_everything(settings.seed, 1)
    with record.part(f"step, {way}"):
        result = update(engine, model, data, parameters, optimizer, settings, meanwhile=lambda: None)
    assert result.updated, f"{way}: {result}"
    for parameter in parameters:
        assert isinstance(parameter, OnGpu), f"{way}: a parameter that trains is not on {DEVICE}"
        assert parameter.grad is None or isinstance(parameter.grad, OnGpu)


def _speak(engine: Speaks, record: Record, version: Path | None) -> None:
    with record.part("load to speak"):
        model = engine.load(version, device=DEVICE)
    if model.module is not None:
        _check_on_device(model.module)
    with record.part("first sentence"):  # proves what is quicker
        list(engine.speak(model, SpeechRequest(TEXT, seed=3)))
    with record.part("sentence"):
        heard = list(engine.speak(model, SpeechRequest(TEXT, seed=3)))
    assert sum(len(chunk.samples) for chunk in heard) > 0
    assert all(math.isfinite(float(chunk.samples.sum())) for chunk in heard)


def _convert(engine: Converts, record: Record) -> None:
    clips = _clips(2)
    held = SimpleNamespace(ref=lambda one: lambda: one)  # pretended tensors that a GRU refers to weakly cannot move
    with mock.patch.object(rnn, "weakref", held), record.part("load to convert"):
        model = engine.load(None, device=DEVICE, reference=clips[:1])
    assert model.module is not None
    _check_on_device(model.module)
    said, rate = soundfile.read(clips[1].path, dtype="float32")
    block = _as_part(record, "block", Conversion._block)
    with mock.patch.object(Conversion, "_block", block):
        conversion = engine.converting(model, rate, seed=3)
        heard = [*conversion.add(said), *conversion.end()]
    assert len(heard) == len(said)
    assert math.isfinite(float(sum(heard)))


def _check_on_device(module: torch.nn.Module) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        assert tensor.device.type == NAME, f"{name} was left on the CPU by load(device={DEVICE!r})"


@contextmanager
def _fast_paths() -> Iterator[None]:
    """Those that proved themselves, as on a card. Steps are recorded as calls, and proved over few codes, since each
    takes long here; there is no memory to pin, nor are there other kinds of product."""
    proofs = Proofs(Card("Pretended", DEVICE, "", torch.__version__), None)
    real = learning.allowed

    def allowed(path: FastPath, device: torch.device) -> bool:
        return path is FastPath.FUSED and device.type == NAME and real(path, device)

    with (
        mock.patch.object(card, "proofs", lambda device: proofs if device.type == NAME else None),
        mock.patch.object(learning, "allowed", allowed),
        mock.patch.object(learning, "refuses_bf16", return_value=False),
        mock.patch.object(graphs, "CudaGraph", RecordedCall),
        mock.patch.object(graphs, "GROWTH", 4),
    ):
        yield


@contextmanager
def _decoding_in_parts(record: Record) -> Iterator[None]:
    """Speaking has parts too, in an engine that says one code after another."""
    with ExitStack() as patched:
        for owner, method, name in (
            (decode.Batch, "join", "prefill"),
            (synthesis.Synthesis, "_step", "code"),
            (graphs._Recorded, "_work", "recorded"),
            (synthesis.Synthesis, "_vocode", "vocoder"),
        ):
            patched.enter_context(mock.patch.object(owner, method, _as_part(record, name, getattr(owner, method))))
        yield


def _as_part(record: Record, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        with record.part(name):
            return inner(*args, **kwargs)

    return outer


def _clips(count: int) -> list[Clip]:
    """The shortest demo recordings that have a text."""
    paths = [path for path in RECORDINGS.glob("d*.flac") if path.with_suffix(".txt").exists()]
    shortest = sorted(paths, key=lambda path: (path.stat().st_size, path.name))[:count]
    return [
        Clip(
            hashlib.sha256(path.read_bytes()).hexdigest(), path, path.with_suffix(".txt").read_text("utf-8").strip(),
            "en", soundfile.info(path).duration,
        )
        for path in shortest
    ]  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
