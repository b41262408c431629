"""Speaking with XTTS-v2 of full size beside stock coqui-tts: same text, same random weights, the same codes, one run.

Untrained weights do not know when to stop: the stop code is forbidden on both sides and both say CODES codes a
sentence. Both draw with the same seed, and the codes are compared: the work is the same to the last code. Each side has
a process of its own with its own environment (Coqui's without any setting for threads); both have spoken before, as in
a daemon that spoke with this voice last, and the sides take turns over ROUNDS rounds. Bars are of medians.

- whole: `Xtts.inference`, which has the whole sentence at once, against our stream from its first to its last chunk.
  Ours is decoded in fp32 with eight bits guessing ahead; what is drawn, and so every code, is full precision's.
- streamed: `Xtts.inference_stream` with its quickest usable chunk (6 codes) for the first sound, and with its default
  (20 codes) for the whole, against one stream of ours that has both.
- fast: eight bits in the GPT and a bfloat16 vocoder. How far it agrees is measured along the same codes: how often the
  likeliest next code is the same and how alike latents and sound are. On random weights logits are nearly flat: trained
  ones should agree on more codes.
- long: four sentences, which stock says one after another and we say side by side.

With a GPU both sides are on it, in fp32, and the bars are those of a GPU; codes are drawn by other generators there,
and not compared.

    python -m benchmarks.xtts_speaking [--codes 100] [--rounds 3]
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bars import tell
from benchmarks.made import xtts as made
from benchmarks.sides import Side, answer, speaking, spread, tell_share, tell_times, untouched
from engines import device
from engines.autoregressive.config import generation
from engines.autoregressive.decode import Batch
from engines.autoregressive.synthesis import Synthesis
from engines.base import SpeechRequest
from engines.xtts import languages, model, network, speech
from engines.xtts.decode import Decoder
from engines.xtts.info import INFO
from engines.xtts.latents import Latents
from engines.xtts.model import XttsModel
from engines.xtts.vocode import Vocoder

TEXT = "The boat came in just before the storm, and the whole harbour was on its feet."
LONG = (
    TEXT,
    "Nobody had seen a night like that since the winter when the old bridge went down.",
    "They carried the lamps out to the end of the wall and waited there until the morning.",
    "When it was light at last, there was nothing on the water but a broken wooden chair.",
)
SEED, PEER = 11, "coqui-tts"
#: bars: times as quick as stock, for one sentence and for four; first sound as a share of stock's quickest stream, the
#: whole as a share of its default one
WHOLE_BAR, FAST_BAR, LONG_BAR, FAST_LONG_BAR = 1.6, 3.0, 2.0, 4.5
FIRST_BAR, STREAM_BAR = 0.5, 0.6
#: aims with a GPU: times as quick as stock, and seconds to the first sound
GPU_BAR, GPU_FIRST_BAR = 3.0, 0.2
#: codes of a chunk of stock's stream: its quickest that is usable, and its own
QUICKEST, USUAL = 6, 20
#: what is run in a round, in this order: whose it is, and its name there
RUNS = {
    "stock": "stock", "ours": "ours", f"stock stream, chunks of {QUICKEST}": "stock", "fast": "ours",
    f"stock stream, chunks of {USUAL}": "stock", "ours long": "ours", "stock long": "stock", "fast long": "ours",
}  # fmt: skip

#: speaks, chunk by chunk
Run = Callable[[], Iterator[NDArray[np.float32]]]
#: of a run in every round: what `timed` found
Found = dict[str, list[dict[str, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=("stock", "ours"), default="", help="one side, which does what stdin names")
    asked = parser.parse_args()
    logging.getLogger("engines.speaking").setLevel(logging.ERROR)  # no sentence stops, which it would tell
    if asked.part:
        answer(stock_side(asked.codes) if asked.part == "stock" else our_side(asked.codes))
        return
    made.base()
    module, codes = "benchmarks.xtts_speaking", ("--codes", str(asked.codes))
    sides = {"stock": Side(module, "stock", untouched(), *codes), "ours": Side(module, "ours", speaking(), *codes)}
    for side in sides.values():
        side.ask("speak once")
    found: Found = {name: [] for name in RUNS}
    for _ in range(asked.rounds):
        for name, side in RUNS.items():
            found[name].append(sides[side].ask(name))
    for name, rounds in found.items():
        first, last, cpu_first, cpu_last = (spread(rounds, what) for what in ("first", "last", "cpu_first", "cpu_last"))
        print(f"# {name}: first sound {first} s, last {last} s, {rounds[0]['seconds']:.2f} s of sound")
        print(f"#     of CPU: {cpu_first} s and {cpu_last} s")
    print(f"# {sides['ours'].ask('agreement')}")
    if device.device() == "cpu":
        same = sides["stock"].ask("codes") == sides["ours"].ask("codes")
        print(f"# the same codes on both sides: {'yes' if same else 'no'}")
        tell_cpu(found)
    else:
        tell_gpu(found)
    for side in sides.values():
        side.end()


def stock_side(codes: int) -> dict[str, Callable[[], Any]]:
    """What stock is asked for, by name."""
    theirs = stock(made.base()).to(device.device())
    endless(theirs, codes)
    first = min(theirs.speaker_manager.speakers.items())[1]
    voice = Latents(first["gpt_cond_latent"].float(), first["speaker_embedding"].float())
    drawing = _drawing()

    def whole(texts: tuple[str, ...]) -> Iterator[NDArray[np.float32]]:
        for text in texts:
            yield theirs.inference(text, "en", voice.gpt, voice.speaker, **drawing)["wav"]

    def stream(size: int) -> Iterator[NDArray[np.float32]]:
        for chunk in theirs.inference_stream(TEXT, "en", voice.gpt, voice.speaker, stream_chunk_size=size, **drawing):
            yield chunk.cpu().numpy()

    return {
        "speak once": lambda: timed(lambda: stream(USUAL)),
        "codes": lambda: codes_of(theirs, voice, drawing),
        "stock": lambda: timed(lambda: whole((TEXT,))),
        "stock long": lambda: timed(lambda: whole(LONG)),
        **{f"stock stream, chunks of {n}": lambda n=n: timed(lambda: stream(n)) for n in (QUICKEST, USUAL)},
    }


def our_side(codes: int) -> dict[str, Callable[[], Any]]:
    """What ours is asked for, by name."""
    mine = model.load(made.base(), None, device.device(), training=False, reference=())
    endless(mine.xtts, codes)
    voice = mine.speakers[sorted(mine.speakers)[0]].to(mine.device)

    def once() -> dict[str, float]:
        for fast in (0, 1):
            for _ in spoken(mine, "A few words.", fast=fast):
                pass
        speech.settle(mine)
        return {}

    return {
        "speak once": once,
        "codes": lambda: our_codes(mine, voice),
        "agreement": lambda: agreement(mine, voice),
        "ours": lambda: timed(lambda: spoken(mine, TEXT)),
        "fast": lambda: timed(lambda: spoken(mine, TEXT, fast=1)),
        "ours long": lambda: timed(lambda: spoken(mine, " ".join(LONG))),
        "fast long": lambda: timed(lambda: spoken(mine, " ".join(LONG), fast=1)),
    }


def _drawing() -> dict[str, float]:
    settings = generation(INFO, SpeechRequest(TEXT)).sampling
    return {
        "temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p,
        "repetition_penalty": float(settings.repetition_penalty),
    }  # fmt: skip


def endless(xtts: Any, codes: int) -> None:
    """Have a model of random weights say so many codes a sentence."""
    xtts.gpt.max_gen_mel_tokens = codes
    xtts.gpt.mel_head.bias = torch.nn.Parameter(never(xtts.gpt), requires_grad=False)


def timed(run: Run) -> dict[str, float]:
    """Seconds to the first chunk and to the last, by the clock and of CPU, and seconds of sound."""
    torch.manual_seed(SEED)
    began, worked, found, samples = time.perf_counter(), time.process_time(), dict[str, float](), 0
    for chunk in run():
        samples += len(chunk)
        if not found:
            found = {"first": time.perf_counter() - began, "cpu_first": time.process_time() - worked}
    last = {"last": time.perf_counter() - began, "cpu_last": time.process_time() - worked}
    return {**found, **last, "seconds": samples / 24_000}


def tell_gpu(found: Found) -> None:
    """The aims with a GPU."""
    last = {name: spread(rounds, "last") for name, rounds in found.items()}
    first = {name: spread(rounds, "first") for name, rounds in found.items()}
    tell_times("speaking on a GPU", last["ours"], last["stock"], "s", GPU_BAR, PEER)
    measured = f"{first['ours']} s against {first[f'stock stream, chunks of {QUICKEST}']} s"
    tell("first sound on a GPU", measured, f"≤ {GPU_FIRST_BAR:g} s", first["ours"].median <= GPU_FIRST_BAR)


def tell_cpu(found: Found) -> None:
    """The bars without a GPU."""
    last = {name: spread(rounds, "last") for name, rounds in found.items()}
    first = {name: spread(rounds, "first") for name, rounds in found.items()}
    quickest, usual = f"stock stream, chunks of {QUICKEST}", f"stock stream, chunks of {USUAL}"
    tell_times("one sentence, fp32, the same codes", last["ours"], last["stock"], "s", WHOLE_BAR, PEER)
    tell_times("one sentence, fast setting", last["fast"], last["stock"], "s", FAST_BAR, PEER)
    name = f"first sound, fp32, the same codes, against chunks of {QUICKEST}"
    tell_share(name, first["ours"], first[quickest], "s", FIRST_BAR, "inference_stream")
    name = f"whole stream, fp32, the same codes, against chunks of {USUAL}"
    tell_share(name, last["ours"], last[usual], "s", STREAM_BAR, "inference_stream")
    print(f"# first sound against chunks of {USUAL}: {first['ours'].median / first[usual].median:.2f} ×")
    tell_times("four sentences, fp32", last["ours long"], last["stock long"], "s", LONG_BAR, PEER)
    tell_times("four sentences, fast setting", last["fast long"], last["stock long"], "s", FAST_LONG_BAR, PEER)


def stock(base: Path) -> Any:
    """Coqui's model, loaded its own way."""
    config = network.read_config(base)
    xtts = network.Xtts(config)
    xtts.load_checkpoint(config, checkpoint_dir=base, eval=True)
    return xtts


def never(gpt: Any) -> torch.Tensor:
    """The head's bias with which the stop code is never said."""
    bias = gpt.mel_head.bias.detach().clone()
    bias[gpt.stop_audio_token] = -1e4
    return bias


def spoken(mine: XttsModel, text: str, **chosen: float) -> Iterator[NDArray[np.float32]]:
    # no second takes: what does not stop is broken
    for chunk in speech.speak(mine, SpeechRequest(text, seed=SEED, options={"retries": 0, **chosen})):
        yield chunk.samples


@torch.inference_mode()
def codes_of(theirs: Any, voice: Latents, drawing: dict[str, float]) -> list[int]:
    torch.manual_seed(SEED)
    ids = torch.IntTensor([theirs.tokenizer.encode(TEXT.lower(), "en")])
    codes = theirs.gpt.generate(voice.gpt, ids, do_sample=True, num_return_sequences=1, num_beams=1, **drawing)
    said: list[int] = codes[0].tolist()
    return said


def our_codes(mine: XttsModel, voice: Latents) -> list[int]:
    config = generation(INFO, SpeechRequest(TEXT, options={"retries": 0}))
    [line] = speech._sentences(mine.xtts, TEXT, languages.language("en"))
    speaking = speech.Voice(mine.xtts, voice, config, *speech._decoders(mine, config))
    for _ in Synthesis(speaking, [line], config, SEED).sound():
        pass
    return line.chosen.codes if line.chosen is not None else []


@torch.inference_mode()
def agreement(mine: XttsModel, voice: Latents, count: int = 60) -> str:
    """The fast setting against full precision along the same codes, in words."""
    codes = torch.randint(0, 1_000, (count,), generator=torch.Generator().manual_seed(SEED)).tolist()
    ids = mine.xtts.tokenizer.encode(TEXT.lower(), "en")
    logits, latents, sounds = [], [], []
    for fast in (False, True):
        decoder = Decoder(mine.module, fast=fast)
        batch = Batch(decoder, voice.gpt)
        said = [batch.join([decoder.prompt(ids)])]
        said += [batch.step([code], [position]) for position, code in enumerate(codes, start=1)]
        logits.append(torch.cat([one.logits for one in said]))
        latents.append(torch.cat([one.latents for one in said]))
        sounds.append(Vocoder(mine.xtts.hifigan_decoder, voice.speaker, fast=fast)(latents[-1], last=True))
    alike = float((logits[0].argmax(-1) == logits[1].argmax(-1)).float().mean())
    cosine = float(torch.nn.functional.cosine_similarity(*latents).mean())
    noise = 10 * float(torch.log10(sounds[0].square().mean() / (sounds[0] - sounds[1]).square().mean()))
    return (
        f"fast against full: {alike:.0%} of likeliest codes, latents' cosine {cosine:.5f}, sound "
        f"{noise:.0f} dB above the difference"
    )


if __name__ == "__main__":
    main()
