"""What can be said of `openvoice` without loading it."""

from __future__ import annotations

from engines.base import EngineInfo, WeightsFile
from engines.capabilities import Capability

REPOSITORY = "https://huggingface.co/myshell-ai/OpenVoiceV2"


def _file(name: str, size: int, sha256: str) -> WeightsFile:
    """By its digest, what the name stands for there cannot change unseen."""
    return WeightsFile(name, f"{REPOSITORY}/resolve/main/converter/{name}", sha256, size)


INFO = EngineInfo(
    name="openvoice",
    title="OpenVoice V2's converter, 22 kHz: speech in another voice's sound, in any language; a base of 131 MB",
    package="engines.openvoice.engine",
    capabilities=frozenset({Capability.CONVERTS}),
    languages=(),  # it hears sound, no text
    sample_rate=22_050,
    licence="MIT",
    licence_url="https://github.com/myshell-ai/OpenVoice/blob/main/LICENSE",
    weights=(
        _file("config.json", 838, "9dfff60350b8c63f2c664efd92a61b2516efb22671466960f0e5dfebd881fa47"),
        _file("checkpoint.pth", 131_320_490, "9652c27e92b6b2a91632590ac9962ef7ae2b712e5c5b7f4c34ec55ee2b37ab9e"),
    ),
    speak_memory=500_000_000,  # 131 MB of weights, and ten seconds of sound on their way through them
)
