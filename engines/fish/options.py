"""What a speech request may set, checked."""

from __future__ import annotations

from engines.autoregressive.config import GenerationConfig
from engines.autoregressive.sampling import Sampling
from engines.base import SpeechRequest
from engines.fish.info import INFO
from engines.speech_options import common, own


def read(request: SpeechRequest) -> GenerationConfig:
    """Raises BadInput for a setting that there is not, or one out of range."""
    common(request.speed, request.temperature, request.seed)
    temperature = INFO.temperature if request.temperature is None else request.temperature
    values = own(INFO.name, INFO.options, request.options)
    return GenerationConfig(
        Sampling(temperature, 0, values["top_p"], values["repetition_penalty"]),
        speed=request.speed,
        fast=bool(values["fast"]),
        batch=max(int(values["batch"]), int(values["best_of"])),
        best_of=int(values["best_of"]),
        retries=int(values["retries"]),
        listen=bool(values["listen"]),
    )
