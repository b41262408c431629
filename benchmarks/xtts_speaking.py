"""Speaking with XTTS-v2 of full size beside stock coqui-tts: same text, same random weights, the same codes, one run.

Untrained weights do not know when to stop: the stop code is forbidden on both sides and both say CODES codes a
sentence. Both draw with the same seed, and the codes are compared: the work is the same to the last code. Sides
alternate, and the quickest of ROUNDS counts, each side having spoken before: ours then has what the voice's own latents
give, as in a daemon that spoke with this voice last.

- whole: `Xtts.inference`, which has the whole sentence at once, against our stream from its first to its last chunk.
Ours is decoded in
  fp32 with eight bits guessing ahead (`engines/xtts/ahead.py`); what is drawn, and so every code, is full precision's.
- streamed: `Xtts.inference_stream` with its own chunk size (20 codes) against the same stream of ours: first chunk, and
last.
- fast: eight bits in the GPT and a bfloat16 vocoder. How far it agrees is measured along the same codes: how often the
likeliest next code
  is the same and how alike latents and sound are. On random weights logits are nearly flat: trained ones should agree
  on more codes.
- long: four sentences, which stock says one after another and we say side by side.

With a GPU both sides are on it, in fp32, and the bars are those of a GPU; codes are drawn by other generators there,
and not compared.

    python -m benchmarks.xtts_speaking [--codes 100] [--rounds 2]
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

from benchmarks.made import xtts as made
from engines import device
from engines.autoregressive.decode import Batch
from engines.autoregressive.synthesis import Synthesis
from engines.base import SpeechRequest
from engines.xtts import languages, model, network, options, speech
from engines.xtts.decode import Decoder
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
SEED = 11
#: bars: times as quick as stock; first chunk and whole stream as a share of stock's time
WHOLE_BAR, FAST_BAR, FIRST_BAR, STREAM_BAR = 1.15, 2.5, 0.5, 0.75
#: aims with a GPU: times as quick as stock, and seconds to the first sound
GPU_BAR, GPU_FIRST_BAR = 3.0, 0.2

#: speaks, chunk by chunk
Run = Callable[[], Iterator[NDArray[np.float32]]]
#: seconds to the first chunk, to the last, seconds of sound
Times = tuple[float, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    logging.getLogger("engines.speaking").setLevel(logging.ERROR)  # no sentence stops, which it would tell
    base = made.base()
    where = device.device()
    theirs, ours = stock(base).to(where), model.load(base, None, where, training=False, reference=())
    voice = ours.speakers[sorted(ours.speakers)[0]].to(ours.device)
    for xtts in (theirs, ours.xtts):
        xtts.gpt.max_gen_mel_tokens = asked.codes
        xtts.gpt.mel_head.bias = torch.nn.Parameter(never(xtts.gpt), requires_grad=False)
    settings = options.read(SpeechRequest(TEXT)).sampling
    drawing = {
        "temperature": settings.temperature, "top_k": settings.top_k, "top_p": settings.top_p,
        "repetition_penalty": float(settings.repetition_penalty),
    }  # fmt: skip
    runs = sides(theirs, ours, voice, drawing)
    began = time.perf_counter()
    Decoder(ours.module, fast=True)  # weights are reduced and folded once a base, not once a request
    print(
        f"# eight bits, which guess ahead and are the fast setting: {time.perf_counter() - began:.1f} s "
        f"in the first request after loading"
    )
    next(spoken(ours, "A few words.", fast=1))
    next(runs["stock stream"]())
    found = measure(runs, asked.rounds)
    for name, (first, last, seconds) in found.items():
        print(
            f"# {name}: first sound {first:.2f} s, last {last:.2f} s, {seconds:.2f} s of sound: "
            f"{last / seconds:.2f} of real time"
        )
    print(f"# {agreement(ours, voice)}")
    if where != "cpu":
        tell_gpu(found)
        return
    same = codes_of(theirs, voice, drawing) == our_codes(ours, voice)
    print(f"# the same codes on both sides: {'yes' if same else 'no'}")
    tell_cpu(found)


def sides(theirs: Any, ours: XttsModel, voice: Latents, drawing: dict[str, float]) -> dict[str, Run]:
    """What is measured, stock and ours in turn."""

    def whole() -> Iterator[NDArray[np.float32]]:
        yield theirs.inference(TEXT, "en", voice.gpt, voice.speaker, **drawing)["wav"]

    def stream() -> Iterator[NDArray[np.float32]]:
        for chunk in theirs.inference_stream(TEXT, "en", voice.gpt, voice.speaker, **drawing):
            yield chunk.cpu().numpy()

    def one_by_one() -> Iterator[NDArray[np.float32]]:
        for sentence in LONG:
            yield theirs.inference(sentence, "en", voice.gpt, voice.speaker, **drawing)["wav"]

    return {
        "stock": whole,
        "ours": lambda: spoken(ours, TEXT),
        "fast": lambda: spoken(ours, TEXT, fast=1),
        "stock stream": stream,
        "stock long": one_by_one,
        "ours long": lambda: spoken(ours, " ".join(LONG)),
        "fast long": lambda: spoken(ours, " ".join(LONG), fast=1),
    }


def tell_gpu(found: dict[str, Times]) -> None:
    """The aims with a GPU."""
    _, stock_last, _ = found["stock"]
    our_first, our_last, _ = found["ours"]
    first, _, _ = found["stock stream"]
    tell("speaking on a GPU", stock_last / our_last, f"{our_last:.2f} s against {stock_last:.2f} s", GPU_BAR)
    verdict = "holds" if our_first <= GPU_FIRST_BAR else "falls short"
    print(
        f"first sound on a GPU · {our_first:.3f} s against {first:.3f} s · ≤ {GPU_FIRST_BAR:g} s · {verdict}",
        flush=True,
    )


def tell_cpu(found: dict[str, Times]) -> None:
    """The bars without a GPU."""
    (_, stock_last, _), (our_first, our_last, _), (_, fast_last, _) = (
        found[name] for name in ("stock", "ours", "fast")
    )
    first, last, _ = found["stock stream"]
    long, our_long, fast_long = (found[name][1] for name in ("stock long", "ours long", "fast long"))
    tell(
        "speaking, fp32, the same codes",
        stock_last / our_last,
        f"{our_last:.2f} s against {stock_last:.2f} s",
        WHOLE_BAR,
    )
    tell("speaking, fast setting", stock_last / fast_last, f"{fast_last:.2f} s against {stock_last:.2f} s", FAST_BAR)
    tell_share("first sound of a stream", our_first / first, f"{our_first:.2f} s against {first:.2f} s", FIRST_BAR)
    tell_share("whole streamed text", our_last / last, f"{our_last:.2f} s against {last:.2f} s", STREAM_BAR)
    tell("four sentences, fp32", long / our_long, f"{our_long:.2f} s against {long:.2f} s", WHOLE_BAR)
    tell("four sentences, fast setting", long / fast_long, f"{fast_long:.2f} s against {long:.2f} s", FAST_BAR)


def tell(name: str, ratio: float, measured: str, bar: float) -> None:
    print(
        f"{name} · {measured}: {ratio:.2f} × · ≥ {bar:g} × coqui-tts · {'holds' if ratio >= bar else 'falls short'}",
        flush=True,
    )


def tell_share(name: str, share: float, measured: str, bar: float) -> None:
    verdict = "holds" if share <= bar else "falls short"
    print(f"{name} · {measured}: {share:.2f} × · ≤ {bar:g} × inference_stream · {verdict}", flush=True)


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


def spoken(ours: XttsModel, text: str, **chosen: float) -> Iterator[NDArray[np.float32]]:
    # no second takes: what does not stop is broken
    for chunk in speech.speak(ours, SpeechRequest(text, seed=SEED, options={"retries": 0, **chosen})):
        yield chunk.samples


def measure(runs: dict[str, Run], rounds: int) -> dict[str, Times]:
    """Times of each run, the quickest of all rounds."""
    found: dict[str, Times] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            torch.manual_seed(SEED)
            began, first, samples = time.perf_counter(), 0.0, 0
            for chunk in run():
                first = first or time.perf_counter() - began
                samples += len(chunk)
            last = time.perf_counter() - began
            before = found.get(name, (np.inf, np.inf, 0.0))
            found[name] = min(first, before[0]), min(last, before[1]), samples / 24_000
    return found


@torch.inference_mode()
def codes_of(theirs: Any, voice: Latents, drawing: dict[str, float]) -> list[int]:
    torch.manual_seed(SEED)
    ids = torch.IntTensor([theirs.tokenizer.encode(TEXT.lower(), "en")])
    codes = theirs.gpt.generate(voice.gpt, ids, do_sample=True, num_return_sequences=1, num_beams=1, **drawing)
    said: list[int] = codes[0].tolist()
    return said


def our_codes(ours: XttsModel, voice: Latents) -> list[int]:
    config = options.read(SpeechRequest(TEXT, options={"retries": 0}))
    [line] = speech._sentences(ours.xtts, TEXT, languages.language("en"))
    speaking = speech.Voice(ours.xtts, voice, config, *speech._decoders(ours, config))
    for _ in Synthesis(speaking, [line], config, SEED).sound():
        pass
    return line.chosen.codes if line.chosen is not None else []


@torch.inference_mode()
def agreement(ours: XttsModel, voice: Latents, count: int = 60) -> str:
    """The fast setting against full precision along the same codes, in words."""
    codes = torch.randint(0, 1_000, (count,), generator=torch.Generator().manual_seed(SEED)).tolist()
    ids = ours.xtts.tokenizer.encode(TEXT.lower(), "en")
    logits, latents, sounds = [], [], []
    for fast in (False, True):
        decoder = Decoder(ours.module, fast=fast)
        batch = Batch(decoder, voice.gpt)
        said = [batch.join([decoder.prompt(ids)])]
        said += [batch.step([code], [position]) for position, code in enumerate(codes, start=1)]
        logits.append(torch.cat([one.logits for one in said]))
        latents.append(torch.cat([one.latents for one in said]))
        sounds.append(Vocoder(ours.xtts.hifigan_decoder, voice.speaker, fast=fast)(latents[-1], last=True))
    alike = float((logits[0].argmax(-1) == logits[1].argmax(-1)).float().mean())
    cosine = float(torch.nn.functional.cosine_similarity(*latents).mean())
    noise = 10 * float(torch.log10(sounds[0].square().mean() / (sounds[0] - sounds[1]).square().mean()))
    return (
        f"fast against full: {alike:.0%} of likeliest codes, latents' cosine {cosine:.5f}, sound "
        f"{noise:.0f} dB above the difference"
    )


if __name__ == "__main__":
    main()
