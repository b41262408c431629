"""Seconds of audio a second in training, on both sides of `gpu_xtts.py`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_sides import Asked, finish, memory_bytes, watched
from engines import coqui as coqui_imports
from engines import registry
from engines.audio import clip as clip_file
from engines.base import LoraSettings
from engines.training.loop import train
from engines.training.report import Collected
from engines.training.settings import plan
from engines.xtts import network

#: Clips in a step of ours; steps of Coqui's, and ours beyond an epoch, that do not count.
BATCH, WARM = 12, 2


def coqui(asked: Asked, *, bf16: bool, batch: int) -> dict[str, float]:
    """Coqui's `GPTTrainer` with its own dataset and collation, without the optimizer's steps: that favours it."""
    trainer, config, samples = _trainer(asked, batch)
    trainer.on_train_epoch_start(_Holder(trainer))
    trainer.get_optimizer()
    trainer.to(asked.device)
    audio, loader = 0.0, _endless(trainer, config, samples)
    autocast = torch.autocast(asked.device, dtype=torch.bfloat16) if bf16 else nullcontext()
    for _ in range(WARM):
        _step(trainer, next(loader), asked.device, autocast)
    finish(asked.device)
    began = time.perf_counter()
    with watched() as card:
        for _ in range(asked.steps):
            audio += _step(trainer, next(loader), asked.device, autocast)
        finish(asked.device)
    seconds = time.perf_counter() - began
    return {
        "audio_per_second": audio / seconds, "busy_share": card.busy_share, "memory_bytes": memory_bytes(asked.device)
    }  # fmt: skip


def _step(trainer: Any, batch: dict[str, Any], device: str, autocast: Any) -> float:
    """Forward and backward of one batch; its seconds of audio."""
    audio = float(batch["wav_lengths"].sum()) / 22_050
    there = {name: value.to(device) if torch.is_tensor(value) else value for name, value in batch.items()}
    there = trainer.format_batch_on_device(there)
    with autocast:
        _, losses = trainer.train_step(there, None)
    (losses["loss"] / 84).backward()
    return audio


def _trainer(asked: Asked, batch: int) -> tuple[Any, Any, list[dict[str, str]]]:
    threads = torch.get_num_threads()
    with coqui_imports.imports():
        from TTS.tts.configs.xtts_config import XttsAudioConfig
        from TTS.tts.layers.xtts.trainer import dataset
        from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig
    torch.set_num_threads(threads)  # importing its dataset sets one
    dataset.load_audio = _read  # its own wants FFmpeg
    base = asked.base()
    known = {one.name for one in fields(GPTArgs)}
    shape = {name: value for name, value in asdict(network.read_config(base).model_args).items() if name in known}
    ours = {
        "max_conditioning_length": 132_300, "min_conditioning_length": 66_150, "max_wav_length": 255_995,
        "max_text_length": 200, "mel_norm_file": str(base / "mel_stats.pth"), "dvae_checkpoint": str(base / "dvae.pth"),
        "xtts_checkpoint": str(base / "model.pth"), "tokenizer_file": str(base / "vocab.json"),
        "gpt_use_masking_gt_prompt_approach": True, "gpt_use_perceiver_resampler": True,
    }  # fmt: skip
    config = GPTTrainerConfig(
        model_args=GPTArgs(**{**shape, **ours}), audio=XttsAudioConfig(), batch_size=batch, num_loader_workers=0,
        optimizer="AdamW", lr=5e-6, optimizer_wd_only_on_weights=True,
        optimizer_params={"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2},
    )  # fmt: skip
    samples = [
        {"text": clip.text, "audio_file": str(clip.path), "language": "en", "speaker_name": "robin"}
        for clip in asked.clips()
    ]
    return GPTTrainer(config), config, samples


class _Holder:
    """What `GPTTrainer.on_train_epoch_start` wants to see of a trainer."""

    def __init__(self, model: Any) -> None:
        self.model = model


def _endless(trainer: Any, config: Any, samples: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    while True:
        yield from trainer.get_data_loader(config, is_eval=False, samples=samples)


def _read(path: str, rate: int) -> torch.Tensor:
    """In place of Coqui's reader: (1, samples)."""
    return torch.from_numpy(clip_file.read(Path(path), rate))[None]


def ours(asked: Asked, *, adapters: bool) -> dict[str, float]:
    """Our loop with the engine's defaults, on features that were encoded before; the steps that count come after the
    first epoch, when every prompt was heard."""
    asked.base()
    clips = asked.clips()
    engine: Any = registry.learner("xtts")
    features = [one for one in engine.encode_many(clips) if not isinstance(one, Exception)]
    first = max(WARM, -(-len(clips) // BATCH))
    rare = {
        "steps": first + asked.steps, "batch_size": BATCH, "micro_batch": BATCH, "eval_every": 10_000,
        "checkpoint_every": 10_000, "spoken_checkpoints": 0, "precision": "bf16",
    }  # fmt: skip
    lora = {"lora": vars(LoraSettings())} if adapters else {}
    settings = plan(engine.info, len(clips), len(clips), overrides={**rare, **lora})
    model, report = engine.load(None, device=asked.device, training=True), Collected()
    with tempfile.TemporaryDirectory() as folder, watched() as card:
        train(engine, model, features, [], settings, Path(folder), report=report)
    speeds = [report.curves["clips_per_second"][step] for step in range(first + 1, first + asked.steps + 1)]
    length = statistics.mean(clip.seconds for clip in clips)
    # the last looks are at the run's end, where weights are written, the first at its start
    looks = card.busy[len(card.busy) // 4 : -max(1, len(card.busy) // 8)]
    return {
        "audio_per_second": statistics.harmonic_mean(speeds) * length,
        "busy_share": statistics.mean(looks) if looks else 0.0,
        "memory_bytes": memory_bytes(asked.device),
    }
