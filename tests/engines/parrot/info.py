"""What can be said of `parrot` without loading it."""

from __future__ import annotations

from engines.base import EngineInfo
from engines.capabilities import Capability

INFO = EngineInfo(
    name="parrot", title="A beep a sentence", package="tests.engines.parrot.engine",
    capabilities=frozenset({Capability.SPEAKS}), languages=("en",), sample_rate=16_000, licence="", licence_url="",
)  # fmt: skip
