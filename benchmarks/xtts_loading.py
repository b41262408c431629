"""How soon XTTS-v2 of full size is ready to speak and what it takes, beside `Xtts.load_checkpoint`; and what a LoRA
version takes on disk.

Both load the same files, which were read once before (so neither waits for the disk), in processes of their own,
everything imported. Ready is when speaking could begin. Myna's parameters are pages of the file until they are used:
what both take after the first words is on a line beside the bar.

    python -m benchmarks.xtts_loading
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

import torch

from benchmarks.made import xtts as made

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
    runs = {part: [measure(part) for _ in range(TIMES)] for part in ("coqui", "myna")}
    found = {
        part: {name: statistics.median(run[name] for run in several) for name in several[0]}
        for part, several in runs.items()
    }
    for part, values in found.items():
        print(
            f"# {part}: ready after {values['seconds']:.2f} s with {giga(values['ready'])}, "
            f"{giga(values['spoken'])} after 20 codes"
        )
    tell("time to ready", "seconds", "s", 1, found, TIME_BAR)
    tell("memory when ready", "ready", "GB", 1e9, found, MEMORY_BAR)
    lora = measure("lora")
    share = lora["version"] / lora["base"]
    verdict = "holds" if share <= SIZE_BAR else "falls short"
    print(f"# adapters of another voice are in place after {1e3 * lora['swap']:.1f} ms")
    print(
        f"LoRA version on disk · {lora['version'] / 1e6:.1f} MB: {share:.2%} of the base · ≤ {SIZE_BAR:.0%} · {verdict}"
    )


def giga(size: float) -> str:
    return f"{size / 1e9:.2f} GB"


def tell(name: str, key: str, unit: str, scale: float, found: dict[str, dict[str, float]], bar: float) -> None:
    ours, theirs = found["myna"][key] / scale, found["coqui"][key] / scale
    verdict = "holds" if ours <= bar * theirs else "falls short"
    print(
        f"{name} · {ours:.2f} against {theirs:.2f} {unit}: {ours / theirs:.2f} × · ≤ {bar:g} "
        f"× load_checkpoint · {verdict}",
        flush=True,
    )


def measure(part: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.xtts_loading", "--part", part], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{part}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


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
