"""What a speech request may set, checked."""

from __future__ import annotations

from dataclasses import dataclass

from engines.base import SpeechRequest
from engines.errors import BadInput
from engines.xtts.info import INFO
from engines.xtts.sampling import Sampling


@dataclass(frozen=True)
class Option:
    """One setting of `SpeechRequest.options`."""

    usual: float
    least: float
    most: float
    whole: bool = False


#: By name. Of the first four, XTTS's own defaults.
OPTIONS = {
    "top_k": Option(50, 0, 1_000_000, whole=True),
    "top_p": Option(0.85, 0.01, 1),
    "repetition_penalty": Option(10, 1, 100),
    "length_penalty": Option(1, -10, 10),
    "fast": Option(0, 0, 1, whole=True),  # weights in fewer bits
    "batch": Option(4, 1, 16, whole=True),  # sentences that are spoken at the same time
    "best_of": Option(1, 1, 8, whole=True),  # takes of each sentence, of which the best is kept
    "retries": Option(2, 0, 8, whole=True),  # more takes of a sentence that came out broken
    "listen": Option(0, 0, 1, whole=True),  # have a recogniser hear every sentence, not only those of an odd length
}
SPEED, TEMPERATURE = (0.25, 4.0), (0.0, 2.0)


@dataclass(frozen=True)
class Manner:
    """How a request is to be spoken."""

    sampling: Sampling
    speed: float
    fast: bool
    batch: int
    best_of: int
    retries: int
    listen: bool


def read(request: SpeechRequest) -> Manner:
    """Raises BadInput for a setting that there is not, or one out of range."""
    _within("speed", request.speed, *SPEED)
    temperature = INFO.temperature if request.temperature is None else request.temperature
    _within("temperature", temperature, *TEMPERATURE)
    for name in sorted(set(request.options) - set(OPTIONS)):
        raise BadInput(f"XTTS has no option {name!r}.", f"It has {', '.join(OPTIONS)}.")
    values = {}
    for name, option in OPTIONS.items():
        value = request.options.get(name, option.usual)
        _within(name, value, option.least, option.most)
        if option.whole and value != int(value):
            raise BadInput(f"The option {name} is a whole number, not {value:g}.", f"Use one from {option.least:g} to {option.most:g}.")
        values[name] = value
    return Manner(
        Sampling(temperature, int(values["top_k"]), values["top_p"], values["repetition_penalty"], values["length_penalty"]),
        speed=request.speed,
        fast=bool(values["fast"]),
        batch=max(int(values["batch"]), int(values["best_of"])),
        best_of=int(values["best_of"]),
        retries=int(values["retries"]),
        listen=bool(values["listen"]),
    )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also what is no number
        raise BadInput(f"The {name} {value:g} is out of range.", f"Use one from {least:g} to {most:g}.")
