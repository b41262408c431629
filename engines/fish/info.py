"""What can be said of `fish` without loading it."""

from __future__ import annotations

from engines.base import Adapters, EngineInfo, Learning, Undecided, WeightsFile
from engines.capabilities import Capability
from engines.fish.languages import SPOKEN, TAUGHT
from engines.setting import Setting

REPOSITORY = "https://huggingface.co/fishaudio/openaudio-s1-mini"


def _file(name: str, size: int) -> WeightsFile:
    """The publisher gives its files to people who are signed in there, and no digest to anybody else: sizes are about
    what they are, and a base is told by what is in it (`weights.check`)."""
    return WeightsFile(name, f"{REPOSITORY}/resolve/main/{name}", "", size)


INFO = EngineInfo(
    name="fish",
    title="openaudio-s1-mini, 44.1 kHz, 13 languages and those it is taught: a base of 3.6 GB that you download",
    package="engines.fish.engine",
    capabilities=frozenset(
        {Capability.SPEAKS, Capability.REFERENCES, Capability.LEARNS, Capability.ADAPTS, Capability.EXPORTS}
    ),
    languages=(*SPOKEN, *TAUGHT),
    sample_rate=44_100,
    licence="CC-BY-NC-SA-4.0 (non-commercial, share alike)",
    licence_url="https://spdx.org/licenses/CC-BY-NC-SA-4.0",
    needs_consent=True,
    sign_in=REPOSITORY,
    weights=(
        _file("config.json", 844),
        _file("tokenizer.tiktoken", 2_560_000),
        _file("special_tokens.json", 125_000),
        _file("model.pth", 1_740_000_000),
        _file("codec.pth", 1_870_000_000),
    ),
    clip_seconds=(1.0, 15.0),
    # 1.7 GB of weights in bfloat16, the codec's decoder, and a sentence's keys and values
    speak_memory=3_500_000_000,
    learning=Learning(
        first_steps=(1_000, 1.0),
        increment_steps=(300, 0.5),
        learning_rate=1e-5,  # of all of it; the authors' recipe has 1e-4 with LoRA
        # 860 M weights, gradients and two moments in fp32 are 13.8 GB, the rest is a batch's activations
        memory=22_000_000_000,
        micro_batch=4,
        precision="bf16",
        adapters=Adapters(memory=8_000_000_000, rate=10.0, rank=8, usual=True),  # the authors' recipe
        undecided=Undecided.EARLIEST,  # the authors: the earliest that suits does better on texts unlike its clips
    ),
    exports=("fish-speech",),
    spelling="2",
    temperature=0.8,
    options={
        "top_p": Setting("only the likeliest codes that make up this share", 0.01, 1, usual=0.8),
        "repetition_penalty": Setting("against loops; 1: none", 1, 2, usual=1.1),
        "fast": Setting("1: eight bits on a CPU, bfloat16 on a GPU", 0, 1, usual=0, kind=int),
        "batch": Setting("sentences that are spoken at the same time", 1, 16, usual=4, kind=int),
        "best_of": Setting(
            "takes of each sentence, of which the best is kept; nothing is streamed", 1, 8, usual=1, kind=int
        ),
        "retries": Setting("more takes of a sentence that came out broken", 0, 8, usual=2, kind=int),
        "listen": Setting("1: a recogniser hears every sentence before it goes out", 0, 1, usual=0, kind=int),
    },
)
