"""What an engine can do, as values. What follows where one cannot is `engines.registry.require`."""

from __future__ import annotations

from enum import Enum


class Capability(Enum):
    """One thing that an engine can do; the value is its name on the wire. `engines.base` has a protocol for what asks
    for methods."""

    SPEAKS = "speaks"  #: says a text (`base.Speaks`)
    REFERENCES = (
        "references"  #: hears how a voice sounds before it speaks: takes references, and its base has stock speakers
    )
    LEARNS = "learns"  #: trains on clips (`base.Learns`)
    ADAPTS = "adapts"  #: trains adapters too (LoRA)
    EXPORTS = "exports"  #: writes a version for other tools (`base.Exports`)
    CONVERTS = "converts"  #: has a recording sound like a voice (`base.Converts`)
