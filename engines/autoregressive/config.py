"""How a request is generated."""

from __future__ import annotations

from dataclasses import dataclass

from engines.autoregressive.sampling import Sampling
from engines.base import EngineInfo, SpeechRequest
from engines.speech_options import common, own


@dataclass(frozen=True)
class GenerationConfig:
    """What a request sets, or the engine where it does not."""

    sampling: Sampling
    speed: float  #: 2.0 speaks twice as fast
    fast: bool  #: in fewer bits
    batch: int  #: sentences, or takes of them, that are decoded at the same time
    best_of: int  #: takes of each sentence, of which the best is kept
    retries: int  #: more takes of a sentence that came out broken
    listen: bool  #: have a recogniser hear every sentence before it goes out


def generation(info: EngineInfo, request: SpeechRequest) -> GenerationConfig:
    """What a request asks of an engine, which has at least the settings that all of this kind have. Raises BadInput for
    a setting that there is not, or one out of range."""
    common(request.speed, request.temperature, request.seed)
    values = own(info.name, info.options, request.options)
    return GenerationConfig(
        Sampling(
            info.temperature if request.temperature is None else request.temperature,
            int(values.get("top_k", 0)),
            values["top_p"],
            values["repetition_penalty"],
            values.get("length_penalty", 1.0),
        ),
        speed=request.speed,
        fast=bool(values["fast"]),
        batch=max(int(values["batch"]), int(values["best_of"])),
        best_of=int(values["best_of"]),
        retries=int(values["retries"]),
        listen=bool(values["listen"]),
    )
