"""How a request is generated."""

from __future__ import annotations

from dataclasses import dataclass

from engines.autoregressive.sampling import Sampling


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
