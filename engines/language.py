"""What Myna has for a language: who speaks it, what its texts need, who hears it. Facts only, told by looking at what
is declared, installed and lying there; nothing heavy is imported: the daemon asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engines import recognisers, registry
from engines.capabilities import Capability
from engines.metrics import further_texts
from engines.recognisers import Recogniser
from engines.text import numbers


@dataclass(frozen=True)
class Package:
    """A package by which an engine reads the texts of a language."""

    name: str
    here: bool  #: it is installed


@dataclass(frozen=True)
class Support:
    """What there is for one language."""

    code: str  #: ISO 639-1, without a region
    engines: tuple[str, ...]  #: that speak it, in the order people see them
    packages: Mapping[str, Package]  #: by engine, of those that need one for it
    numbers: bool  #: numbers in its texts become words before they are compared
    recogniser: Recogniser | None  #: what hears it here
    further_texts: int  #: texts that are spoken for a verdict beside a voice's held-out lines


def without_region(code: str) -> str:
    """ "pt-BR" → "pt"."""
    return code.replace("_", "-").split("-")[0].lower()


def support(code: str, weights_dir: Path) -> Support:
    """What there is for a language ("fi", "pt-BR"). `weights_dir` is where fetched weights of recognisers lie."""
    code = without_region(code)
    speak = tuple(
        name
        for name, info in registry.ENGINES.items()
        if code in info.languages and Capability.SPEAKS in info.capabilities
    )
    needed = {name: registry.ENGINES[name].packages[code] for name in speak if code in registry.ENGINES[name].packages}
    return Support(
        code=code,
        engines=speak,
        packages={name: Package(package, _is_here(package)) for name, package in needed.items()},
        numbers=numbers.known(code),
        recogniser=recognisers.present(code, weights_dir),
        further_texts=len(further_texts.further(code)),
    )


def _is_here(package: str) -> bool:
    return find_spec(package.replace("-", "_")) is not None
