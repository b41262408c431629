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
        first_steps=(60, 0.5),  # more make it likelier and less clear, of more clips, too (docs/verdict.md)
        increment_steps=(60, 0.5),  # as a first training, which is then averaged with the parent (docs/verdict.md)
        learning_rate=2e-4,
        memory=1_500_000_000,
        parent_share=0.5,
    ),
    exports=("coqui",),
)
