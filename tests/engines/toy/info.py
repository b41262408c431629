"""What can be said of `toy` without loading it."""

from __future__ import annotations

from engines.base import EngineInfo, Learning
from engines.capabilities import Capability

INFO = EngineInfo(
    name="toy",
    title="Noise in the colour of a voice",
    package="tests.engines.toy.engine",
    capabilities=frozenset({Capability.SPEAKS, Capability.LEARNS}),
    languages=("en", "fi"),
    sample_rate=16_000,
    licence="",
    licence_url="",
    learning=Learning(
        first_steps=(20, 0.0), increment_steps=(10, 0.0), learning_rate=0.2, memory=10**7, min_seconds=5.0
    ),
)
