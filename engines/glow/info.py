"""What can be said of `glow` without loading it."""

from __future__ import annotations

from engines.base import EngineInfo, Learning
from engines.capabilities import Capability

INFO = EngineInfo(
    name="glow",
    title="Embedded GlowTTS, 16 kHz: no download, trains in minutes on a CPU",
    package="engines.glow.engine",
    capabilities=frozenset({Capability.SPEAKS, Capability.LEARNS, Capability.EXPORTS}),
    languages=("en",),
    sample_rate=16_000,
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    clip_seconds=(0.8, 12.0),
    speak_memory=300_000_000,
    learning=Learning(
        # Of few clips more steps make it likelier and less clear; more clips bear more, and else gain nothing by them
        # (docs/verdict.md)
        first_steps=(60, 1.3),
        increment_steps=(60, 2.0),  # from the base, too, and then averaged with the parent
        learning_rate=2e-4,
        memory=1_500_000_000,
        parent_share=0.2,
    ),
    exports=("coqui",),
)
