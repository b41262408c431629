"""What an engine can do, as values the daemon asks for, and the refusals that follow, each made here once. Imports nothing heavy."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from engines.errors import BadInput

if TYPE_CHECKING:
    from engines.base import EngineInfo, Learning


class Capability(Enum):
    """One thing that an engine can do; the value is its name on the wire. `engines.base` has a protocol for what asks for methods."""

    SPEAKS = "speaks"  #: says a text (`base.Speaks`)
    REFERENCES = "references"  #: hears how a voice sounds before it speaks: takes references, and its base has stock speakers
    LEARNS = "learns"  #: trains on clips (`base.Learns`)
    ADAPTS = "adapts"  #: trains adapters too (LoRA)
    EXPORTS = "exports"  #: writes a version for other tools (`base.Exports`)
    CONVERTS = "converts"  #: has a recording sound like a voice (`base.Converts`)


#: Sentence and hint where the capability is wanted and not there.
_REFUSALS = {
    Capability.SPEAKS: ("The engine {name} {does}; it cannot speak a text.", "Use one that speaks: {others}."),
    Capability.REFERENCES: (
        "The engine {name} speaks as it was trained: it takes neither references nor another speaker.",
        "Leave them out, or use an engine that takes them: {others}.",
    ),
    Capability.LEARNS: ("The engine {name} {does}; it cannot be trained.", "Use one that learns: {others}."),
    Capability.ADAPTS: ("The engine {name} has no adapters.", "Leave the LoRA rank out, or set it to 0."),
    Capability.EXPORTS: ("The engine {name} writes no files for other tools.", "Engines that do: {others}."),
    Capability.CONVERTS: ("The engine {name} {does}; it cannot convert a recording.", "Engines that do: {others}."),
}
#: What an engine may be there for; the others are how it does that.
_PURPOSES = (Capability.SPEAKS, Capability.LEARNS, Capability.CONVERTS)


def require(info: EngineInfo, capability: Capability) -> None:
    """Raises BadInput, saying what the engine does instead and which engines can, for one without the capability."""
    if capability in info.capabilities:
        return
    from engines.registry import ENGINES  # here: the registry lists what is described in terms of this module

    does = [purpose.value for purpose in _PURPOSES if purpose in info.capabilities]
    words = f"only {does[0]}" if len(does) == 1 else " and ".join(does)
    others = ", ".join(name for name, other in ENGINES.items() if capability in other.capabilities) or "none"
    sentence, hint = _REFUSALS[capability]
    raise BadInput(sentence.format(name=info.name, does=words), hint.format(others=others))


def learning(info: EngineInfo) -> Learning:
    """How an engine learns. Raises BadInput for one that does not."""
    require(info, Capability.LEARNS)
    assert info.learning is not None, "EngineInfo sees to it"
    return info.learning
