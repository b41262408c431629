"""Speaking with openaudio-s1-mini of full size beside stock fish-speech 0.1.0: the same text, reference and random
weights in bfloat16, one run.

Untrained weights do not know when to stop: the end is made unlikely on both sides, and both say FRAMES frames. Stock
runs as its authors run it (`generate`, thread settings untouched), once with its own cache of 8,192 positions and once,
its best setting, with one as long as the request. Each side has a process of its own; they alternate, and the quickest
of ROUNDS counts. Ours has spoken before, as in a daemon that spoke with this voice last.

- frames a second, from the prompt's end to the last frame, without the prompt: stock's loop computes it as its first
  frame, and that one is left out on both sides
- first sound: our stream's first chunk, prompt included, against stock's whole sentence with its bounded cache, decoded
- the codec alone: clips a second encoded, one by one as stock's tool does, ours without what only speaking needs
- loading to ready, and memory after a sentence, each side in a process of its own

With `--cpu` one thread computes on both sides, and what counts are the seconds that it computed: on a machine that is
shared, what others do beside counts less.

    python -m benchmarks.fish_speaking [--frames 24] [--rounds 2] [--cpu]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bars import tell
from benchmarks.made import fish as made
from benchmarks.sides import Side, answer, speaking, untouched

TEXT = "The boat came in just before the storm, and the whole harbour was on its feet."
SAID = "Nobody had seen a night like that since the winter."
SEED = 11
#: bars: times stock's frames a second with its own cache, and with a bounded one; first sound as a share of
#: stock's whole sentence; clips encoded, times stock's
OWN_BAR, BEST_BAR, FIRST_BAR, CODEC_BAR = 15.0, 1.5, 0.3, 1.0
#: Frames that stock says with its own cache: each takes seconds.
FEW = 4
#: Seconds of sound that are encoded at once, and clips.
CLIP, CLIPS = 3.0, 4
PARTS = ("stock", "ours", "stock-loading", "our-loading")


def clock() -> float:
    """Seconds: by the wall, or with `--cpu` those that this process computed."""
    return time.process_time() if _by_cpu else time.perf_counter()


_by_cpu = False


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", choices=PARTS, default="", help="one side, which does what stdin names, or loading")
    parser.add_argument("--cpu", action="store_true", help="CPU seconds of one thread, where others compute beside")
    asked = parser.parse_args()
    if asked.cpu:
        global _by_cpu
        _by_cpu = True
        torch.set_num_threads(1)
    if asked.part in ("stock", "ours"):
        with torch.inference_mode():
            answer(stock_side(asked.frames) if asked.part == "stock" else our_side(asked.frames))
        return
    if asked.part:
        print(json.dumps(loading(asked.part == "our-loading")))
        return
    made.base()
    module, arguments = "benchmarks.fish_speaking", ("--frames", str(asked.frames), *["--cpu"] * asked.cpu)
    ours = Side(module, "ours", speaking(), *arguments)
    theirs = Side(module, "stock", untouched(), *arguments)
    ours.ask("speak once")
    found: dict[str, list[float]] = {}
    for _ in range(asked.rounds):
        for name, side in (("ours", ours), ("fast", ours), ("best", theirs), ("first", ours)):
            note(found, name, side.ask(name))
    note(found, "own", theirs.ask("own"))
    tell_frames(found)
    whole = theirs.ask("sentence")
    tell_share("first sound of a stream", min(found["first"]), whole, f"{asked.frames} frames and their sound")
    tell_codec(ours.ask("encode"), theirs.ask("encode"))
    for each in (ours, theirs):
        each.end()
    for side_, environment in (("stock-loading", untouched()), ("our-loading", speaking())):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", module, "--part", side_, *["--cpu"] * asked.cpu],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        memory = f"{told['memory'] / 1e9:.1f} GB resident at most"
        print(f"# {side_}: ready after {told['seconds']:.1f} s, {memory}", flush=True)


def our_side(frames: int) -> dict[str, Callable[[], Any]]:
    """What ours is asked for, by name; but for the codec, seconds, of a frame or all."""
    ours = Ours(made.base())

    def once() -> float:
        """As a voice is that was heard: its matrices are packed."""
        from engines.fish import decode

        decode.pack(ours.fish.transformer)
        ours.frames(2)
        return ours.frames(2, fast=True)

    return {
        "speak once": once,
        "ours": lambda: ours.frames(frames),
        "fast": lambda: ours.frames(frames, fast=True),
        "first": ours.first_sound,
        "encode": lambda: ours.encode(sounds()),
    }


def stock_side(frames: int) -> dict[str, Callable[[], Any]]:
    """The same of stock."""
    theirs = Stock(made.base())
    return {
        "best": lambda: theirs.frames(frames, bounded=True),
        "own": lambda: theirs.frames(FEW, bounded=False),
        "sentence": lambda: theirs.sentence(frames),
        "encode": lambda: theirs.encode(sounds()),
    }


def sounds() -> list[torch.Tensor]:
    luck = torch.Generator().manual_seed(SEED)
    return [0.1 * torch.randn(int(CLIP * 44_100), generator=luck) for _ in range(CLIPS)]


def note(found: dict[str, list[float]], name: str, seconds: float) -> None:
    found.setdefault(name, []).append(seconds)
    print(f"# {name}: {seconds:.3f} s" if name == "first" else f"# {name}: {1 / seconds:.2f} frames/s", flush=True)


def tell_frames(found: dict[str, list[float]]) -> None:
    ours, fast, best, own = (min(found[name]) for name in ("ours", "fast", "best", "own"))
    for name, theirs, bar in (("its own cache", own, OWN_BAR), ("a bounded cache", best, BEST_BAR)):
        measured = f"{1 / ours:.2f} against {1 / theirs:.2f} frames/s: {theirs / ours:.2f} ×"
        tell(f"generation, bf16, stock with {name}", measured, f"≥ {bar:g} × fish-speech", theirs / ours >= bar)
    measured = f"{1 / fast:.2f} against {1 / best:.2f} frames/s: {best / fast:.2f} ×"
    tell("generation, fast setting, stock with a bounded cache", measured, f"≥ {BEST_BAR:g} ×", best / fast >= BEST_BAR)


def tell_share(name: str, ours: float, theirs: float, of: str) -> None:
    measured = f"{ours:.2f} s against {theirs:.2f} s ({of}): {ours / theirs:.2f} ×"
    tell(name, measured, f"≤ {FIRST_BAR:g} × stock's whole sentence", ours <= FIRST_BAR * theirs)


def tell_codec(ours: float, theirs: float) -> None:
    measured = f"{CLIPS / ours:.2f} against {CLIPS / theirs:.2f} clips/s: {theirs / ours:.2f} ×"
    tell("VQ extraction", measured, f"≥ {CODEC_BAR:g} × stock", theirs / ours >= CODEC_BAR)


class Ours:
    """The engine."""

    def __init__(self, base: Path) -> None:
        from engines.fish import model
        from engines.fish.prompts import Reference

        self.fish = model.load(base, None, "cpu", training=False, reference=())
        silence(self.fish.transformer)
        self.fish.stored = (Reference(tuple(self.fish.prompts.tokens(SAID)), reference_codes()),)

    def frames(self, count: int, *, fast: bool = False) -> float:
        """Seconds a frame, the prompt not counted."""
        from engines.autoregressive.decode import Batch, Frame
        from engines.autoregressive.sampling import Sampling
        from engines.fish.decode import Decoder, Frames
        from engines.fish.sampling import Drawing

        prompts = self.fish.prompts
        decoder = Decoder(self.fish.transformer, prompts, fast=fast)
        frames = Frames(decoder, Drawing.of(Sampling(0.8, 0, 0.8, 1.1)), fast=fast)
        heard, luck = list[Frame](), torch.Generator().manual_seed(SEED)
        batch = Batch(decoder, prompts.opening(self.fish.stored))
        said, began = batch.join([decoder.prompt(prompts.tokens(TEXT))]), 0.0
        for number in range(count + 1):
            [made_] = frames.made(frames.draw(*frames.ask(said, [heard], [luck])))
            heard.append(made_.frame)
            if not number:
                began = clock()
            said = batch.step([made_.frame], [number + 1])
        return (clock() - began) / count

    def first_sound(self) -> float:
        """Seconds from a request to its first chunk; the voice spoke before."""
        from engines.base import SpeechRequest
        from engines.fish import speech

        began = clock()
        chunks: Iterator[Any] = speech.speak(self.fish, SpeechRequest(TEXT, seed=SEED, options={"retries": 0}))
        next(chunks)
        return clock() - began

    def encode(self, sounds: list[torch.Tensor]) -> float:
        from engines.fish import codec

        listener = codec.listener(self.fish.base)
        began = clock()
        for sound in sounds:
            codec.encode(listener, sound)
        return clock() - began


class Stock:
    """fish-speech, as its authors run it."""

    def __init__(self, base: Path) -> None:
        from engines.fish import codec, codec_shape, upstream, weights

        assert upstream  # torchaudio beside this torch
        from fish_speech.models.text2semantic import inference

        self.inference = inference
        self.model = inference.DualARTransformer.from_pretrained(str(base), load_weights=True)
        self.model.to(dtype=torch.bfloat16).eval()
        silence(self.model)
        self.longest = self.model.config.max_seq_len
        path = base / "codec.pth"
        self.codec = codec.build(codec_shape.of(weights.codec_shapes(path), path.name)).eval()
        self.codec.load_state_dict(torch.load(path, mmap=True, weights_only=True), assign=True)

    def frames(self, count: int, *, bounded: bool) -> float:
        prompt = self.prompt()
        # the prompt and its frame alone, then the same with more: the difference is the frames
        alone, more = (self.generated(prompt, n, bounded=bounded)[0] for n in (2, 2 + count))
        return (more - alone) / count

    def sentence(self, count: int) -> float:
        """Seconds of a whole sentence, its sound included."""
        seconds, codes = self.generated(self.prompt(), count, bounded=True)
        began = clock()
        self.codec.decode(codes[None].long(), torch.tensor([codes.shape[1]]))
        return seconds + clock() - began

    def encode(self, sounds: list[torch.Tensor]) -> float:
        began = clock()
        for sound in sounds:
            self.codec.encode(sound[None, None], torch.tensor([len(sound)]))
        return clock() - began

    def prompt(self) -> torch.Tensor:
        from fish_speech.content_sequence import ContentSequence, TextPart, VQPart

        sequence = ContentSequence(modality="interleave")
        codes = torch.from_numpy(reference_codes().astype(np.int64))
        sequence.append([TextPart(text=SAID), VQPart(codes=codes)], add_end=True, speaker=0)
        sequence.append([TextPart(text=TEXT)], add_end=False, speaker=0)
        encoded, _, _ = sequence.encode_for_inference(self.model.tokenizer, num_codebooks=10)
        return encoded  # type: ignore[no-any-return]

    def generated(self, prompt: torch.Tensor, count: int, *, bounded: bool) -> tuple[float, torch.Tensor]:
        """Seconds, and the codes."""
        self.model.config.max_seq_len = prompt.shape[1] + count if bounded else self.longest
        self.model.max_seq_len = self.model.max_batch_size = -1
        torch.manual_seed(SEED)
        self.model.setup_caches(1, self.model.config.max_seq_len, torch.bfloat16)
        began = clock()
        said = self.inference.generate(
            model=self.model, prompt=prompt, max_new_tokens=count, audio_masks=None, audio_parts=None, temperature=0.8,
            top_p=0.8, repetition_penalty=1.1,
        )  # fmt: skip
        return clock() - began, said[1:, prompt.shape[1] :].clamp(0, 1_023)


def silence(transformer: Any) -> None:
    """Let the end be said as good as never."""
    end = transformer.tokenizer.get_token_id("<|im_end|>")
    head = transformer.output.weight.detach().clone()
    head[end] = 0
    head[end, 0] = -40
    transformer.output.weight = torch.nn.Parameter(head, requires_grad=False)


def reference_codes() -> Any:
    return np.random.default_rng(3).integers(0, 1_024, (10, 60)).astype(np.int16)


def loading(ours: bool) -> dict[str, float]:
    """Seconds to a model that is ready to be asked, and the most memory this process had after two frames."""
    base = made.base()
    began = clock()
    side = Ours(base) if ours else Stock(base)
    seconds = clock() - began
    with torch.inference_mode():
        if isinstance(side, Ours):
            side.frames(2)
        else:
            side.frames(2, bounded=True)
    lines = Path("/proc/self/status").read_text().splitlines()
    return {"seconds": seconds, "memory": 1_024.0 * int(next(x.split()[1] for x in lines if x.startswith("VmHWM:")))}


if __name__ == "__main__":
    main()
