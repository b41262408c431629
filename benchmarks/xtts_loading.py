"""How soon XTTS-v2 of full size is ready to speak and what it takes, beside `Xtts.load_checkpoint`; and what a LoRA
version takes on disk.

Both load the same files, which were read once before (so neither waits for the disk), in processes of their own,
everything imported, three times in turn. Ready is when speaking could begin. Myna's parameters are pages of the file
until they are used: what both take after the first words is on a line beside the bar, and `xtts_cold` measures it.

    python -m benchmarks.xtts_loading
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.made import xtts as made
from benchmarks.sides import Spread, measured, speaking, spread, tell_share, untouched

TIMES = 3
TIME_BAR, MEMORY_BAR, SIZE_BAR = 0.25, 0.5, 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=("coqui", "myna", "lora"), default="", help="one side alone; prints JSON")
    part = parser.parse_args().part
    if part:
        print(json.dumps({"coqui": coqui_load, "myna": myna_load, "lora": lora_version}[part]()))
        return
    for path in made.base().iterdir():
        if path.is_file():
            path.read_bytes()
    runs: dict[str, list[dict[str, float]]] = {"coqui": [], "myna": []}
    for _ in range(TIMES):
        for part, environment in (("coqui", untouched()), ("myna", speaking())):
            runs[part].append(measured("benchmarks.xtts_loading", part, environment))
    for part, several in runs.items():
        seconds, ready, spoken = (spread(several, name) for name in ("seconds", "ready", "spoken"))
        print(f"# {part}: ready after {seconds} s with {giga(ready)} GB, {giga(spoken)} GB after 20 codes")
    peer = "load_checkpoint"
    tell_share("time to ready", *(spread(runs[part], "seconds") for part in ("myna", "coqui")), "s", TIME_BAR, peer)
    tell_share(
        "memory when ready, before pages of the base are read (xtts_cold: after a sentence)",
        *(giga(spread(runs[part], "ready")) for part in ("myna", "coqui")),
        "GB",
        MEMORY_BAR,
        peer,
    )
    lora = measured("benchmarks.xtts_loading", "lora", speaking())
    share = lora["version"] / lora["base"]
    verdict = "holds" if share <= SIZE_BAR else "falls short"
    print(f"# adapters of another voice are in place after {1e3 * lora['swap']:.1f} ms")
    print(
        f"LoRA version on disk · {lora['version'] / 1e6:.1f} MB: {share:.2%} of the base · ≤ {SIZE_BAR:.0%} · {verdict}"
    )


def giga(sizes: Spread) -> Spread:
    return Spread(tuple(size / 1e9 for size in sizes.values))


def coqui_load() -> dict[str, float]:
    from engines import coqui

    with coqui.imports():
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models.xtts import Xtts
    base = made.base()
    began = time.perf_counter()
    config = XttsConfig()
    config.load_json(str(base / "config.json"))
    xtts = Xtts.init_from_config(config)
    xtts.load_checkpoint(config, checkpoint_dir=str(base), eval=True)
    seconds, ready = time.perf_counter() - began, peak()
    voice = next(iter(xtts.speaker_manager.speakers.values()))
    xtts.inference("Hello.", "en", voice["gpt_cond_latent"], voice["speaker_embedding"], max_new_tokens=20)
    return {"seconds": seconds, "ready": ready, "spoken": peak()}


def myna_load() -> dict[str, float]:
    from engines import registry
    from engines.base import SpeechRequest

    engine = registry.load("xtts")
    made.base()
    began = time.perf_counter()
    model = engine.load(None)
    seconds, ready = time.perf_counter() - began, peak()
    next(iter(engine.speak(model, SpeechRequest("Hello.", seed=1))))
    return {"seconds": seconds, "ready": ready, "spoken": peak()}


def lora_version() -> dict[str, float]:
    """Sizes in bytes, and seconds to change voices on one base."""
    from engines import registry
    from engines.base import LoraSettings
    from engines.xtts.model import XttsModel

    engine = registry.load("xtts")
    base = made.base()
    with tempfile.TemporaryDirectory() as folder:
        voices = []
        for number in ("1", "2"):
            model = engine.load(None, training=True, reference=made.clips()[:2])
            engine.trainable(model, LoraSettings())
            (Path(folder) / number).mkdir()
            engine.save(model, Path(folder) / number)
            del model
        voices = [engine.load(Path(folder) / number) for number in ("1", "2")]
        times = []
        for voice in voices * 5:
            assert isinstance(voice, XttsModel)
            began = time.perf_counter()
            voice.activate()
            times.append(time.perf_counter() - began)
        version = sum(path.stat().st_size for path in (Path(folder) / "1").iterdir())
    return {
        "version": version,
        "base": sum(path.stat().st_size for path in base.iterdir() if path.is_file()),
        "swap": statistics.median(times),
    }


def peak() -> float:
    """Most memory this process ever had resident, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1_024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
