"""Where the base of an engine lies when it does not ship with Myna, and which of its files are there. Imports nothing
heavy.

`MYNA_<ENGINE>_BASE` names the folder; without it, it is `engines/<engine>` in Myna's home, which workers know as
`MYNA_HOME`.
"""

from __future__ import annotations

import os
from pathlib import Path

from engines.base import EngineInfo, WeightsFile
from engines.errors import WeightsMissing

#: Ending of the name of a file that is being fetched.
PART = ".part"


def variable(engine: str) -> str:
    """Name of the environment variable that names another base folder."""
    return f"MYNA_{engine.upper()}_BASE"


def folder(engine: str, home: Path | None = None) -> Path:
    """Folder of an engine's base, which need not exist. Raises WeightsMissing when nothing says where Myna's home
    is."""
    if given := os.environ.get(variable(engine)):
        return Path(given).expanduser().absolute()
    if home is None:
        named = os.environ.get("MYNA_HOME")
        if not named:
            raise WeightsMissing(
                f"Nothing says where the base of {engine} is.",
                f"Let {variable(engine)} name its folder, or set MYNA_HOME.",
            )
        home = Path(named).expanduser().absolute()
    return home / "engines" / engine


def missing(info: EngineInfo, base: Path) -> list[WeightsFile]:
    """Files of the base that are not in the folder."""
    return [file for file in info.weights if not (base / file.name).is_file()]


def present(info: EngineInfo, base: Path) -> int:
    """Bytes of the base that are in the folder, those of files that are being fetched among them."""
    sizes = [
        path.stat().st_size
        for file in info.weights
        for path in (base / file.name, base / (file.name + PART))
        if path.is_file()
    ]
    return sum(sizes)


def base_dir(info: EngineInfo) -> Path:
    """Folder of an engine's base, all of whose files are there. Raises WeightsMissing with how to get them."""
    base = folder(info.name)
    lacking = missing(info, base)
    if not lacking:
        return base
    names = ", ".join(file.name for file in lacking)
    if os.environ.get(variable(info.name)):
        raise WeightsMissing(
            f"{base} lacks {names}.", f"{variable(info.name)} must name a folder that has the whole base, or be unset."
        )
    raise WeightsMissing(f"The base of {info.name} is not here: {base} lacks {names}.", how_to_get(info))


def how_to_get(info: EngineInfo) -> str:
    """What a person does about missing weights."""
    if info.sign_in:
        return f"Download it at {info.sign_in}, then `myna engines add {info.name} FOLDER`."
    verb = "accept" if info.needs_consent else "fetch"
    return (
        f"`myna engines {verb} {info.name}` fetches it; `myna engines add {info.name} FOLDER` takes it from a folder."
    )
