"""One sentence, whole and streamed, on both sides of `gpu_xtts.py`. The stop code is forbidden on both: random weights
do not know when to stop, and each says as many codes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.gpu_sides import Asked, finish
from engines.autoregressive.config import generation
from engines.base import SpeechRequest
from engines.xtts import model, network, speech
from engines.xtts.info import INFO

TEXT = "The boat came in just before the storm, and the whole harbour was on its feet."
SEED, ROUNDS = 11, 3
RATE = 24_000


def stock(asked: Asked) -> dict[str, float]:
    """coqui-tts: `inference`, and `inference_stream` with its own and with its quickest usable chunk."""
    base = asked.base()
    config = network.read_config(base)
    xtts = network.Xtts(config)
    xtts.load_checkpoint(config, checkpoint_dir=base, eval=True)
    xtts.to(asked.device)
    _endless(xtts.gpt, asked.codes)
    speakers = model.load(base, None, asked.device, training=False, reference=()).speakers
    voice = speakers[min(speakers)].to(torch.device(asked.device))
    settings = generation(INFO, SpeechRequest(TEXT)).sampling
    drawing = {
        "temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p,
        "repetition_penalty": float(settings.repetition_penalty),
    }  # fmt: skip

    def whole() -> Iterator[int]:
        yield len(xtts.inference(TEXT, "en", voice.gpt, voice.speaker, **drawing)["wav"])

    def stream(size: int) -> Iterator[int]:
        for chunk in xtts.inference_stream(TEXT, "en", voice.gpt, voice.speaker, stream_chunk_size=size, **drawing):
            yield len(chunk.cpu())

    _, seconds, sound = _quickest(asked.device, whole)
    found = {"whole_seconds": seconds, "sound_seconds": sound}
    for size in (20, 6):
        first, seconds, _ = _quickest(asked.device, lambda size=size: stream(size))  # type: ignore[misc]
        found |= {f"first_seconds_{size}": first, f"stream_seconds_{size}": seconds}
    return found


def ours(asked: Asked) -> dict[str, float]:
    """Our stream, in fp32 and in the fast setting."""
    logging.getLogger("engines.speaking").setLevel(logging.ERROR)  # no sentence stops, which it would tell
    base = asked.base()
    loaded = model.load(base, None, asked.device, training=False, reference=())
    _endless(loaded.xtts.gpt, asked.codes)

    def spoken(fast: int) -> Iterator[int]:
        request = SpeechRequest(TEXT, seed=SEED, options={"retries": 0, "fast": fast})
        for chunk in speech.speak(loaded, request):
            yield len(chunk.samples)

    found: dict[str, float] = {}
    for fast, name in ((0, "fp32"), (1, "fast")):
        first, seconds, sound = _quickest(asked.device, lambda fast=fast: spoken(fast))  # type: ignore[misc]
        found |= {f"{name}_first_seconds": first, f"{name}_seconds": seconds, "sound_seconds": sound}
    return found


def _endless(gpt: Any, codes: int) -> None:
    bias = gpt.mel_head.bias.detach().clone()
    bias[gpt.stop_audio_token] = -1e4
    gpt.mel_head.bias = torch.nn.Parameter(bias, requires_grad=False)
    gpt.max_gen_mel_tokens = codes


def _quickest(device: str, run: Callable[[], Iterator[int]]) -> tuple[float, float, float]:
    """Seconds to the first sound and to the last, and of sound: the least of ROUNDS, after one that does not count (it
    proves what is quicker, and keeps what a voice's next request finds)."""
    first, last, samples = float("inf"), float("inf"), 0
    for number in range(ROUNDS + 1):
        torch.manual_seed(SEED)
        finish(device)
        began, heard, samples = time.perf_counter(), 0.0, 0
        for count in run():
            heard = heard or time.perf_counter() - began
            samples += count
        finish(device)
        if number:
            first, last = min(first, heard), min(last, time.perf_counter() - began)
    return first, last, samples / RATE
