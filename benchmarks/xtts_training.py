"""Clips a second in training XTTS-v2 of full size, beside Coqui's own trainer: same clips, same random weights, one
run.

Coqui's side is `GPTTrainer` as its recipe ships (batches of 3, gradients gathered over 84 of them, fp32, prompts of 3
to 6 s, DVAE codes made on the way), with its dataset and collation; its files are read by soundfile, since torchaudio's
reader wants FFmpeg. No optimizer step falls into the measured steps: that favours it. The bars are held against it with
all threads, although importing its dataset sets torch to one: how it runs then, as it ships, is told on a line beside
them.

Our side is the training loop with the engine's defaults, on cached features; encoding them is measured on a line of its
own. The steps that count come after the first epoch: what adapters need of a prompt is listened to once in a run. Coqui
draws its clips at random, so both sides' speed is taken in seconds of audio, and told in clips of the mean length of
all.

    python -m benchmarks.xtts_training
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.made import xtts as made
from engines import device

CLIPS = 24
PARTS = ("coqui", "coqui-one-thread", "lora", "full")
#: bars: adapters and full training, times Coqui's clips a second
LORA_BAR, FULL_BAR = 5.0, 3.0
#: Clips in a step of ours, and steps that are counted.
BATCH, STEPS = 12, 2
#: Batches of 3 of Coqui's that are counted, after one that is not.
COQUI_STEPS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="", help="one side alone; prints JSON")
    part = parser.parse_args().part
    if part:
        print(
            json.dumps(myna(part) if part in ("lora", "full") else coqui_trainer(one_thread=part == "coqui-one-thread"))
        )
        return
    seconds = statistics.mean(clip.seconds for clip in made.mixed_clips(CLIPS))
    coqui, alone, lora, full = (measure(part) for part in PARTS)
    names = ("GPTTrainer", "GPTTrainer with the one thread it sets", "myna, LoRA bf16", "myna, full bf16")
    for name, found in zip(names, (coqui, alone, lora, full), strict=True):
        found["clips"] = found["audio"] / seconds
        print(
            f"# {name}: {found['clips']:.3f} clips/s, {found['audio']:.2f} s of audio a second, at most "
            f"{found['memory'] / 1e9:.1f} GB"
        )
    print(
        f"# against one thread: LoRA {lora['clips'] / alone['clips']:.1f} ×, full "
        f"{full['clips'] / alone['clips']:.1f} ×"
    )
    print(f"# features: {lora['encoding']:.2f} clips/s encoded, once a clip")
    tell("LoRA bf16 training, clips/s", lora, coqui, LORA_BAR)
    tell("full bf16 training, clips/s", full, coqui, FULL_BAR)


def tell(name: str, ours: dict[str, float], theirs: dict[str, float], bar: float) -> None:
    ratio = ours["clips"] / theirs["clips"]
    measured = f"{ours['clips']:.3f} against {theirs['clips']:.3f}: {ratio:.2f} ×"
    print(f"{name} · {measured} · ≥ {bar:g} × GPTTrainer · {'holds' if ratio >= bar else 'falls short'}", flush=True)


def measure(part: str) -> dict[str, float]:
    """One side in a process of its own, so that each starts with all memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.xtts_training", "--part", part], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{part}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def coqui_trainer(one_thread: bool = False) -> dict[str, float]:
    from engines import coqui

    threads = torch.get_num_threads()
    with coqui.imports():
        from TTS.tts.configs.xtts_config import XttsAudioConfig
        from TTS.tts.layers.xtts.trainer import dataset
        from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainer, GPTTrainerConfig
    torch.set_num_threads(1 if one_thread else threads)
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
        model_args=arguments, audio=XttsAudioConfig(), batch_size=3, num_loader_workers=0, optimizer="AdamW", lr=5e-6,
        optimizer_wd_only_on_weights=True, optimizer_params={"betas": [0.9, 0.96], "eps": 1e-8, "weight_decay": 1e-2},
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
    audio = began = 0.0
    for step in range(1 + (1 if one_thread else COQUI_STEPS)):
        if step == 1:
            began = time.perf_counter()
        batch = next(loader)
        seconds = float(batch["wav_lengths"].sum()) / 22_050
        batch = {name: value.to(where) if torch.is_tensor(value) else value for name, value in batch.items()}
        batch = trainer.format_batch_on_device(batch)
        _, losses = trainer.train_step(batch, None)
        (losses["loss"] / 84).backward()
        if step:
            audio += seconds
    took = time.perf_counter() - began
    del optimizer
    return {"audio": audio / took, "memory": memory()}


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


def memory() -> float:
    """Most memory this process ever took: of the card, or resident."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1_024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
