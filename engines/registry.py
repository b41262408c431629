"""Which engines there are, and what can be said of them without loading anything heavy.

The daemon imports this module; it must never pull in numpy, torch or an engine's own packages.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import BadInput
from engines.glow.info import INFO as GLOW
from engines.xtts.info import INFO as XTTS

if TYPE_CHECKING:
    from engines.base import Engine, EngineInfo

#: By name, in the order people see them.
ENGINES: dict[str, EngineInfo] = {info.name: info for info in (GLOW, XTTS)}


def info(name: str) -> EngineInfo:
    """The engine's description. Raises BadInput, naming the engines there are."""
    try:
        return ENGINES[name]
    except KeyError:
        raise BadInput(f"There is no engine named {name!r}.", f"Use one of: {', '.join(ENGINES)}.") from None


def load(name: str) -> Engine:
    """Import the engine's heavy part (torch and all) and return it. Only for worker processes."""
    engine: Engine = import_module(info(name).package).create()
    return engine


def check_base(name: str, folder: Path) -> None:
    """Whether a folder has the engine's whole base, and nothing foreign in its place. Raises WeightsMissing with a sentence. Light."""
    import_module(f"{info(name).package.rpartition('.')[0]}.weights").check(folder)
