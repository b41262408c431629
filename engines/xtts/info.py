"""What can be said of `xtts` without loading it."""

from __future__ import annotations

from engines.base import Adapters, EngineInfo, Learning, WeightsFile
from engines.capabilities import Capability
from engines.setting import Setting

#: The publisher's repository at the commit of XTTS-v2.0.3: what a name stands for can change there, what a commit holds
#: cannot.
REPOSITORY = "https://huggingface.co/coqui/XTTS-v2"
COMMIT = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"


def _file(name: str, size: int, sha256: str) -> WeightsFile:
    return WeightsFile(name, f"{REPOSITORY}/resolve/{COMMIT}/{name}", sha256, size)


INFO = EngineInfo(
    name="xtts",
    title="XTTS-v2, 24 kHz, 17 languages: a base of 2.1 GB that is fetched after its licence is accepted",
    package="engines.xtts.engine",
    capabilities=frozenset(
        {Capability.SPEAKS, Capability.REFERENCES, Capability.LEARNS, Capability.ADAPTS, Capability.EXPORTS}
    ),
    languages=("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "hu", "ko", "ja", "hi"),
    # What the cleaners of a language need beyond the usual; the extra "languages" of pyproject.toml brings all of them
    packages={"ja": "cutlet", "ko": "ko-speech-tools", "zh": "pypinyin"},
    # Of clips: what the DVAE and the prompt's mel were trained on, so that a recording is resampled once. Speech comes
    # at 24 kHz.
    sample_rate=22_050,
    licence="Coqui Public Model License 1.0 (non-commercial)",
    licence_url=f"{REPOSITORY}/blob/{COMMIT}/LICENSE.txt",  # coqui.ai, where it was, is no more
    needs_consent=True,
    weights=(
        _file("config.json", 4_368, "ef262b1454dd2a77e1461b0b2cd53e19b8a7624cc131b837d36df67356bc75e8"),
        _file("vocab.json", 361_219, "928260878a59da8a72a2a5b7687fea29d5106137669d90945430fe17e415304a"),
        _file("mel_stats.pth", 1_067, "1f69422a8a8f344c4fca2f0c6b8d41d2151d6615b7321e48e6bb15ae949b119c"),
        _file("speakers_xtts.pth", 7_754_818, "f0f6137c19a4eab0cbbe4c99b5babacf68b1746e50da90807708c10e645b943b"),
        _file("dvae.pth", 210_514_388, "b29bc227d410d4991e0a8c09b858f77415013eeb9fba9650258e96095557d97a"),
        _file("model.pth", 1_867_929_118, "c7ea20001c6a0a841c77e252d8409f6a74fb423e79b3206a0771ba5989776187"),
    ),
    # Coqui's trainer leaves out clips above 255,995 samples (11.6 s) and below half a second; a prompt takes a second
    # at least
    clip_seconds=(1.0, 11.6),
    speak_memory=2_800_000_000,
    learning=Learning(
        first_steps=(2_000, 1.5),
        increment_steps=(500, 0.5),
        learning_rate=5e-6,  # of all of the GPT, as Coqui's recipe has it
        # weights, gradients and two moments in fp32 are 7.1 GB, the rest is a batch's activations
        memory=16_000_000_000,
        # a forward pass of six clips fills a processor already, and twice the activations fit fewer cards
        micro_batch=6,
        precision="bf16",
        adapters=Adapters(memory=7_000_000_000, rate=20.0),  # 1e-4
    ),
    exports=("coqui", "coqui-fp16"),
    temperature=0.75,
    options={
        # the first four as XTTS has them
        "top_k": Setting("only the k likeliest codes are drawn; 0: all", 0, 1_000_000, usual=50, kind=int),
        "top_p": Setting("only the likeliest codes that make up this share", 0.01, 1, usual=0.85),
        "repetition_penalty": Setting("against loops and long silences; 1: none", 1, 100, usual=10),
        "length_penalty": Setting("above 1 sentences end later, below 1 sooner", -10, 10, usual=1),
        "fast": Setting("1: eight bits on a CPU, bfloat16 on a GPU", 0, 1, usual=0, kind=int),
        "batch": Setting("sentences that are spoken at the same time", 1, 16, usual=4, kind=int),
        "best_of": Setting(
            "takes of each sentence, of which the best is kept; nothing is streamed", 1, 8, usual=1, kind=int
        ),
        "retries": Setting("more takes of a sentence that came out broken", 0, 8, usual=2, kind=int),
        "listen": Setting("1: a recogniser hears every sentence before it goes out", 0, 1, usual=0, kind=int),
    },
)
