"""Clips a second in training XTTS-v2 of full size, beside Coqui's own trainer: same clips, same random weights, one
run.

Coqui's side is `GPTTrainer` as its recipe ships (batches of 3, gradients gathered over 84 of them, prompts of 3 to 6 s,
DVAE codes made on the way), with its dataset and collation; its files are read by soundfile, since torchaudio's reader
wants FFmpeg. It trains in fp32, under bf16 autocast as its Trainer offers (the bars are held against that), and under
bf16 autocast with codes and mels made before and larger batches, which it does not offer (of 6 clips: with our 12 it
needs more than 24 GB of memory). No optimizer step falls into the measured steps: that favours it. It has all threads,
although importing its dataset sets torch to one, and no setting of ours for threads in its environment. Dropout is what
each side trains with: GPT-2's 0.1 everywhere on Coqui's, in the residuals alone in full training of ours, nowhere in
training by adapters.

Our side is the training loop with the engine's defaults, on cached features; encoding them is measured on a line of its
own. The steps that count come after the first epoch: what adapters need of a prompt is listened to once in a run. Coqui
draws its clips at random, so both sides' speed is taken in seconds of audio, and told in clips of the mean length of
all.

Beside them stands what this processor could do at most: the products of the transformer's matrices that our step
cannot do without, forward and backward in bf16 on batches of the same lengths, by torch alone and with nothing between
them. A bar above it asks for more than that.

    python -m benchmarks.xtts_training
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.made import xtts as made
from benchmarks.sides import measured, ours, spread, tell_times, untouched
from engines import device

CLIPS = 24
PARTS = ("coqui", "coqui-bf16", "coqui-cached", "lora", "full", "products")
#: bars: adapters and full training, times Coqui's clips a second under bf16 autocast
LORA_BAR, FULL_BAR = 6.0, 4.0
#: Clips in a step of ours, and steps that are counted.
BATCH, STEPS = 12, 2
#: The same of Coqui's, as its recipe has them and with cached codes; a step before those that are counted is not.
COQUI_BATCH, COQUI_CACHED_BATCH = 3, 6
COQUI_STEPS, COQUI_CACHED_STEPS = 4, 2
#: What the bars are held against.
PEER = "coqui-bf16"
OURS = ("lora", "full", "products")
#: The transformer of XTTS-v2: layers, and what goes in and comes out of each of a layer's matrices; positions of a
#: prompt, and clips of ours that hear one; times a product is tried.
LAYERS, MATRICES = 30, ((1_024, 3_072), (1_024, 1_024), (1_024, 4_096), (4_096, 1_024))
PROMPT, ONE_PROMPT = 32, 6
TRIES = 10
NAMES = {
    "coqui": "GPTTrainer full fp32, dropout everywhere",
    "coqui-bf16": "GPTTrainer full bf16 autocast, dropout everywhere",
    "coqui-cached": f"GPTTrainer full bf16 autocast, dropout everywhere, codes cached, batches of {COQUI_CACHED_BATCH}",
    "lora": "myna LoRA bf16, no dropout, one prompt for six clips",
    "full": "myna full bf16, dropout in the residuals, one prompt for six clips",
    "products": "bf16 products alone",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="", help="one side alone; prints JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bars", action="store_true", help="only the sides that the bars ask for")
    asked = parser.parse_args()
    if asked.part:
        print(json.dumps(SIDES.get(asked.part, coqui_trainer)(asked.part)))
        return
    seconds = statistics.mean(clip.seconds for clip in made.mixed_clips(CLIPS))
    parts = (PEER, *OURS) if asked.bars else PARTS
    found: dict[str, list[dict[str, float]]] = {part: [] for part in parts}
    for _ in range(asked.rounds):
        for part in parts:
            once = measured("benchmarks.xtts_training", part, ours() if part in OURS else untouched())
            found[part].append({**once, "clips": once["audio"] / seconds, "memory": once["memory"] / 1e9})
    products = found.pop("products")
    for part, several in found.items():
        clips, memory = spread(several, "clips"), spread(several, "memory")
        print(f"# {NAMES[part]}: {clips} clips/s, at most {memory} GB")
    print(f"# features: {spread(found['lora'], 'encoding')} clips/s encoded, once a clip")
    for part, bar in (("lora", LORA_BAR), ("full", FULL_BAR)):
        for peer in (peer for peer in parts if peer.startswith("coqui")):
            us, them = spread(found[part], "clips"), spread(found[peer], "clips")
            if peer == PEER:
                tell_times(f"{NAMES[part]}, against {NAMES[peer]}", us, them, "clips/s", bar, "GPTTrainer")
            else:
                print(f"# {NAMES[part]}, against {NAMES[peer]}: {us.median / them.median:.2f} ×")
        most = spread([{"clips": one[part] / seconds} for one in products], "clips")
        times = most.median / spread(found[PEER], "clips").median
        print(f"# {part}: {NAMES['products']} would be {most} clips/s, {times:.2f} × {NAMES[PEER]}")


def coqui_trainer(part: str) -> dict[str, float]:
    from engines import coqui

    threads, cached = torch.get_num_threads(), part == "coqui-cached"
    with coqui.imports():
        from TTS.tts.configs.xtts_config import XttsAudioConfig
        from TTS.tts.layers.xtts.trainer import dataset
        from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig
    torch.set_num_threads(threads)  # importing its dataset sets them to one
    dataset.load_audio = read_audio
    base, clips = made.base(), made.mixed_clips(CLIPS)
    arguments = GPTArgs(
        max_conditioning_length=132_300, min_conditioning_length=66_150, max_wav_length=255_995, max_text_length=200,
        mel_norm_file=str(base / "mel_stats.pth"), dvae_checkpoint=str(base / "dvae.pth"),
        xtts_checkpoint=str(base / "model.pth"), tokenizer_file=str(base / "vocab.json"), gpt_num_audio_tokens=1_026,
        gpt_start_audio_token=1_024, gpt_stop_audio_token=1_025, gpt_use_masking_gt_prompt_approach=True,
        gpt_use_perceiver_resampler=True,
    )  # fmt: skip
    config = GPTTrainerConfig(
        model_args=arguments, audio=XttsAudioConfig(), num_loader_workers=0,
        batch_size=COQUI_CACHED_BATCH if cached else COQUI_BATCH,
        optimizer="AdamW", lr=5e-6, optimizer_wd_only_on_weights=True,
        optimizer_params={"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2},
    )  # fmt: skip
    trainer = GPTTrainer(config)
    trainer.on_train_epoch_start(Holder(trainer))
    samples = [
        {"text": clip.text, "audio_file": str(clip.path), "language": "en", "speaker_name": "robin"} for clip in clips
    ]
    optimizer = trainer.get_optimizer()
    where = torch.device(device.device())
    trainer.to(where)
    loader = endless(trainer, config, samples)
    batches = [formatted(trainer, next(loader), where) for _ in range(1 + COQUI_CACHED_STEPS)] if cached else []
    audio = began = 0.0
    for step in range(len(batches) or 1 + COQUI_STEPS):
        if step == 1:
            began = time.perf_counter()
        seconds, batch = batches[step] if cached else formatted(trainer, next(loader), where)
        # as its Trainer does with mixed_precision=True, precision="bf16"
        with torch.autocast(where.type, torch.bfloat16, enabled=part != "coqui"):
            _, losses = trainer.train_step(batch, None)
        (losses["loss"] / 84).backward()
        if step:
            audio += seconds
    took = time.perf_counter() - began
    del optimizer
    return {"audio": audio / took, "memory": memory()}


def formatted(trainer: Any, batch: dict[str, Any], where: torch.device) -> tuple[float, dict[str, Any]]:
    """Seconds of audio of a batch of its loader, and the batch with mels and codes."""
    seconds = float(batch["wav_lengths"].sum()) / 22_050
    batch = {name: value.to(where) if torch.is_tensor(value) else value for name, value in batch.items()}
    return seconds, trainer.format_batch_on_device(batch)


class Holder:
    """What `GPTTrainer.on_train_epoch_start` wants to see of a trainer."""

    def __init__(self, model: Any) -> None:
        self.model = model


def endless(trainer: Any, config: Any, samples: list[dict[str, str]]) -> Any:
    while True:
        yield from trainer.get_data_loader(config, is_eval=False, samples=samples)


def read_audio(path: str, rate: int) -> torch.Tensor:
    """In place of Coqui's reader, which needs FFmpeg: (1, samples)."""
    from engines.audio import clip as clip_file

    return torch.from_numpy(clip_file.read(Path(path), rate))[None]


def myna(kind: str) -> dict[str, float]:
    from engines import registry
    from engines.base import LoraSettings
    from engines.training.loop import train
    from engines.training.report import Collected
    from engines.training.settings import plan

    made.base()
    clips = made.mixed_clips(CLIPS)
    engine = registry.load("xtts")
    features = [engine.encode(clip) for clip in clips[:2]]  # loads the encoder
    began = time.perf_counter()
    features += [one for one in engine.encode_many(clips[2:]) if not isinstance(one, Exception)]  # type: ignore[attr-defined]
    encoding = (len(features) - 2) / (time.perf_counter() - began)
    epoch = CLIPS // BATCH
    lora = {"lora": vars(LoraSettings())} if kind == "lora" else {}
    rare = {"steps": epoch + STEPS, "batch_size": BATCH, "eval_every": 1_000, "checkpoint_every": 1_000}
    settings = plan(engine.info, CLIPS, CLIPS, overrides={**rare, **lora})
    model = engine.load(None, device=device.device(), training=True)
    report = Collected()
    with tempfile.TemporaryDirectory() as folder:
        train(engine, model, features, [], settings, Path(folder), report=report)
    speeds = [report.curves["clips_per_second"][step] for step in range(epoch + 1, epoch + STEPS + 1)]
    speed = statistics.harmonic_mean(speeds)
    return {"audio": speed * statistics.mean(clip.seconds for clip in clips), "memory": memory(), "encoding": encoding}


def products(_part: str) -> dict[str, float]:
    """Seconds of audio a second, if a step were its transformer's products alone: by adapters (forward, and back to
    what went in) and in full (and back to the weights). "memory": none of interest."""
    from engines import registry
    from engines.xtts import training

    made.base()
    clips = made.mixed_clips(CLIPS)
    engine = registry.load("xtts")
    encoded = (one for one in engine.encode_many(clips) if not isinstance(one, Exception))  # type: ignore[attr-defined]
    lengths = sorted(training.length(features) for features in encoded)
    where, voices = torch.device(device.device()), -(-BATCH // ONE_PROMPT) * PROMPT
    adapters = full = 0.0
    for first in range(0, CLIPS, BATCH):  # like lengths together, as the training has them
        rows = sum(lengths[first : first + BATCH]) + voices
        for wide, high in MATRICES:
            x, y, matrix = (
                torch.randn(shape, device=where).bfloat16() for shape in ((rows, wide), (rows, high), (wide, high))
            )
            back = LAYERS * (took(x, matrix) + took(y, matrix.T))
            adapters += back
            full += back + LAYERS * took(x.T, y)
    audio = sum(clip.seconds for clip in clips)
    return {"audio": audio / adapters, "lora": audio / adapters, "full": audio / full, "memory": memory()}


def took(one: torch.Tensor, other: torch.Tensor) -> float:
    """Seconds of their product, the quickest of several."""
    found = []
    for _ in range(TRIES):
        began = time.perf_counter()
        torch.mm(one, other)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)


SIDES: dict[str, Callable[[str], dict[str, float]]] = {"lora": myna, "full": myna, "products": products}


def memory() -> float:
    """Most memory this process ever took: of the card, or resident."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1_024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
