"""What can be said of `fish` without loading it."""

from __future__ import annotations

from engines.base import Adapters, EngineInfo, Learning, Undecided, WeightsFile
from engines.capabilities import Capability
from engines.fish.languages import SPOKEN, TAUGHT
from engines.setting import Setting

REPOSITORY = "https://huggingface.co/fishaudio/openaudio-s1-mini"


def _file(name: str, sha256: str, size: int) -> WeightsFile:
    """The publisher shows digests and sizes only to people who are signed in there. These are what two public Git
    repositories say of its files, which agree: zeropointnine/tts-audiobook-tool, whose commit fa6ce9964a26 of July 2025
    has the publisher's folder with the LFS pointers of the two big files and the small ones themselves, and
    Lakai4eg/game-ai-commentator, whose list of pinned files has all five. A base that is another is told by what is in
    it (`weights.check`)."""
    return WeightsFile(name, f"{REPOSITORY}/resolve/main/{name}", sha256, size)


#: Why there is no such export; what was looked at: docs/engines.md.
NO_GGUF = "no tool that is kept up makes GGUF of this model, or speaks from it"


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
        _file("config.json", "0e46c32fd452751d48a553283e16a30819ea7321b32b9bf9e4a8b9c9cc02fa50", 844),
        _file("tokenizer.tiktoken", "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186", 2_561_218),
        _file("special_tokens.json", "efc4b254afdf5c3898dc26bd2b7791a9cae993747d92a3176cf9ce4ccfe40526", 126_275),
        _file("model.pth", "9e59be7dc6714040dce3cde1f41e730c2f0daa5339785b1cd3b60041208c35e6", 1_735_122_974),
        _file("codec.pth", "74fc41c5a7151c6f350af8bd7e5d6e3accfcc7f3dfbfac23afd35af07052bb2f", 1_871_099_728),
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
    no_exports={"gguf": NO_GGUF},
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
