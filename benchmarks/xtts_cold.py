"""From nothing to the first sound with XTTS-v2 of full size, and what a process holds in memory after a sentence,
beside coqui-tts: each time in a fresh process, from its start; imports, loading and every preparation of weights are in
it.

Coqui's side loads as its manual says and streams with its quickest usable chunk, 6 codes. Ours loads the base and
speaks, in full precision (the eight bits that guess ahead are made before the first sound) and with `fast=1`. Files
were read once before. The stop code is forbidden on both sides, which say CODES codes. "All" of memory counts pages of
the base's file that the kernel may drop; "own" does not.

    python -m benchmarks.xtts_cold [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.sides import Spread, resident, speaking, spread, tell_share, untouched

TEXT = "The boat came in just before the storm, and the whole harbour was on its feet."
CODES = 30
PARTS = ("coqui", "myna", "fast")
#: bars: to the first sound, and resident after a sentence, as a share of Coqui's
COLD_BAR, MEMORY_BAR = 0.4, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="", help="one side alone; prints JSON")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if asked.part:
        speak(asked.part)
        return
    from benchmarks.made import xtts as made  # not at the top: it imports what the parts are timed with

    for path in made.base().iterdir():  # names the base in the environment, for the parts
        if path.is_file():
            path.read_bytes()
    found: dict[str, list[dict[str, float]]] = {part: [] for part in PARTS}
    for _ in range(asked.rounds):
        for part in PARTS:
            found[part].append(cold(part))
    coqui, peer = found["coqui"], "coqui-tts"
    for part, name in (("myna", "full precision"), ("fast", "fast setting")):
        us = found[part]
        first, theirs = spread(us, "first"), spread(coqui, "first")
        tell_share(f"process start to first sound, {name}", first, theirs, "s", COLD_BAR, peer)
        print(f"# of CPU: {spread(us, 'cpu')} against {spread(coqui, 'cpu')} s")
        us_all, them_all = giga(spread(us, "all")), giga(spread(coqui, "all"))
        tell_share(f"resident after one sentence, {name}", us_all, them_all, "GB", MEMORY_BAR, peer)
        print(f"# of that no page of a file: {giga(spread(us, 'own'))} against {giga(spread(coqui, 'own'))} GB")


def giga(sizes: Spread) -> Spread:
    return Spread(tuple(size / 1e9 for size in sizes.values))


def cold(part: str) -> dict[str, float]:
    """Seconds from the start of a process to its first sound, and its memory after the sentence."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.xtts_cold", "--part", part],
        stdout=subprocess.PIPE,
        text=True,
        env=untouched() if part == "coqui" else speaking(),
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    first = time.perf_counter() - began
    after = process.stdout.readline()
    if process.wait() or not line.startswith("sound "):
        sys.exit(f"{part}: it ended with {process.returncode}")
    return {"first": first, "cpu": float(line.split()[1]), **json.loads(after)}


def speak(part: str) -> None:
    """Say so at the first sound, and memory after the last."""
    sound = coqui() if part == "coqui" else myna(fast=part == "fast")
    if len(next(sound)):
        print("sound", time.process_time(), flush=True)
    for _ in sound:
        pass
    print(json.dumps(resident()), flush=True)


def coqui() -> Iterator[Any]:
    from engines import coqui

    coqui.prepare()  # what makes `import torchaudio` work beside a torch without CUDA; nothing else is changed
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    base = os.environ["MYNA_XTTS_BASE"]
    config = XttsConfig()
    config.load_json(f"{base}/config.json")
    xtts = Xtts.init_from_config(config)
    xtts.load_checkpoint(config, checkpoint_dir=base, eval=True)
    voice = next(iter(xtts.speaker_manager.speakers.values()))
    endless(xtts.gpt)
    yield from xtts.inference_stream(
        TEXT, "en", voice["gpt_cond_latent"], voice["speaker_embedding"], stream_chunk_size=6
    )


def myna(*, fast: bool) -> Iterator[Any]:
    import logging

    from engines import registry
    from engines.base import SpeechRequest
    from engines.xtts.model import XttsModel

    logging.getLogger("engines.speaking").setLevel(logging.ERROR)  # no sentence stops, which it would tell
    engine = registry.speaker("xtts")
    model = engine.load(None)
    assert isinstance(model, XttsModel)
    endless(model.xtts.gpt)
    for chunk in engine.speak(model, SpeechRequest(TEXT, seed=1, options={"retries": 0, "fast": float(fast)})):
        yield chunk.samples


def endless(gpt: Any) -> None:
    """Have a model of random weights say CODES codes."""
    import torch

    bias = gpt.mel_head.bias.detach().clone()
    bias[gpt.stop_audio_token] = -1e4
    gpt.mel_head.bias = torch.nn.Parameter(bias, requires_grad=False)
    gpt.max_gen_mel_tokens = CODES


if __name__ == "__main__":
    main()
