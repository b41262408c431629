"""Which engines there are, and what can be said of them without loading anything heavy.

The daemon imports this module; it must never pull in numpy, torch or an engine's own packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engines import weights
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.fish.info import INFO as FISH
from engines.glow.info import INFO as GLOW
from engines.openvoice.info import INFO as OPENVOICE
from engines.remote.providers import PROVIDERS
from engines.xtts.info import INFO as XTTS

if TYPE_CHECKING:
    from engines.base import Converts, Engine, EngineInfo, Exports, Learning, Learns, Speaks
    from engines.text.unspeakable import Stretch

#: By name, in the order people see them.
ENGINES: dict[str, EngineInfo] = {info.name: info for info in (GLOW, XTTS, FISH, OPENVOICE)}
#: The same of those that are elsewhere (`engines.remote`): no voice of this machine is made with them.
REMOTE: dict[str, EngineInfo] = {provider.name: provider.info for provider in PROVIDERS.values()}

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


def info(name: str) -> EngineInfo:
    """The engine's description. Raises BadInput, naming the engines there are."""
    found = ENGINES.get(name) or REMOTE.get(name)
    if found is None:
        raise BadInput(f"There is no engine named {name!r}.", f"Use one of: {', '.join(ENGINES)}.")
    return found


def require(engine: EngineInfo, capability: Capability) -> None:
    """Raises BadInput, saying what the engine does instead and which engines can, for one without the capability."""
    if capability in engine.capabilities:
        return
    does = [purpose.value for purpose in _PURPOSES if purpose in engine.capabilities]
    words = f"only {does[0]}" if len(does) == 1 else " and ".join(does)
    others = ", ".join(other.name for other in having(capability)) or "none"
    sentence, hint = _REFUSALS[capability]
    raise BadInput(sentence.format(name=engine.name, does=words), hint.format(others=others))


def having(capability: Capability) -> list[EngineInfo]:
    """The engines with a capability, in the order people see them."""
    return [engine for engine in ENGINES.values() if capability in engine.capabilities]


def learning(engine: EngineInfo) -> Learning:
    """How an engine learns. Raises BadInput for one that does not."""
    require(engine, Capability.LEARNS)
    assert engine.learning is not None, "EngineInfo sees to it"
    return engine.learning


def load(name: str) -> Engine:
    """Import the engine's heavy part (torch and all) and return it, one a process. Only for worker processes, as the
    next four."""
    return _created(info(name).package)


def speaker(name: str) -> Speaks:
    """The engine, to say a text. Raises BadInput for one that does not."""
    require(info(name), Capability.SPEAKS)
    return cast("Speaks", load(name))


def learner(name: str) -> Learns:
    """The engine, to be trained. Raises BadInput for one that does not learn."""
    require(info(name), Capability.LEARNS)
    return cast("Learns", load(name))


def exporter(name: str) -> Exports:
    """The engine, to write versions for other tools. Raises BadInput for one that does not."""
    require(info(name), Capability.EXPORTS)
    return cast("Exports", load(name))


def converter(name: str) -> Converts:
    """The engine, to have speech sound like a voice. Raises BadInput for one that does not."""
    require(info(name), Capability.CONVERTS)
    return cast("Converts", load(name))


@cache
def _created(package: str) -> Engine:
    engine: Engine = import_module(package).create()
    return engine


def unspeakable(name: str, text: str, language: str) -> Sequence[Stretch]:
    """Stretches of a text that an engine cannot say or learn from, in order, as far as that can be told without its
    base. Light."""
    found: Sequence[Stretch] = import_module(f"{_folder(name)}.text").unspeakable(text, language)
    return found


def check_base(name: str, folder: Path) -> None:
    """Whether a folder has the engine's whole base, and nothing foreign in its place. Raises WeightsMissing with a
    sentence. Light."""
    import_module(f"{_folder(name)}.weights").check(folder)


def base_weights(name: str) -> str:
    """Fingerprint of the weights that an engine's versions are loaded onto, as they are here; empty: its base comes
    with Myna, and a version has all weights of its own. Raises WeightsMissing. Light."""
    known = info(name)
    if not known.weights:
        return ""
    found: str = import_module(f"{_folder(name)}.weights").fingerprint(weights.base_dir(known))
    return found


def _folder(name: str) -> str:
    """The engine's package."""
    return info(name).package.rpartition(".")[0]
