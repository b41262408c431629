"""What computes: Python, Myna's own files and the libraries that a training runs through. An attempt elsewhere is
refused where any of it differs, since its weights would not be those of a training here."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Myna's packages that run in a worker, and the endings of what they are made of.
CODE = ("proto", "sound", "daemon", "engines")
ENDINGS = frozenset({".py", ".safetensors", ".npz", ".json", ".toml", ".txt"})
#: Libraries whose numbers reach the weights.
PACKAGES = (
    "torch", "numpy", "torchaudio", "coqui-tts", "transformers", "peft", "safetensors", "scipy", "soxr", "soundfile",
    "av", "librosa", "gruut", "fish-speech", "faster-whisper", "ctranslate2", "pocketsphinx",
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same on two machines."""

    what: str  #: "torch", "python", "machine", or "myna" for its own files
    here: str  #: version; empty: it is not installed
    there: str


@dataclass(frozen=True)
class Runtime:
    """What computes on one machine."""

    python: str
    machine: str  #: "x86_64"
    myna: str  #: digest of its files
    packages: Mapping[str, str]  #: version by name; empty: not installed

    def differences(self, there: Runtime) -> list[Difference]:
        """What differs from `there`; empty: the same weights come of both."""
        ours, theirs = self._flat(), there._flat()
        names = [*ours, *(name for name in theirs if name not in ours)]
        pairs = [(name, ours.get(name, ""), theirs.get(name, "")) for name in names]
        return [Difference(*one) for one in pairs if one[1] != one[2]]

    def _flat(self) -> dict[str, str]:
        return {"python": self.python, "machine": self.machine, "myna": self.myna, **self.packages}


@cache
def here() -> Runtime:
    """That of this process."""
    return Runtime(
        platform.python_version(), platform.machine(), _code(ROOT), {name: _version(name) for name in PACKAGES}
    )


def sentence(differences: tuple[Difference, ...], node: str) -> str:
    """For people: "box2 has torch 2.12.0 and this machine 2.13.0"."""
    said = []
    for one in differences:
        if one.what == "myna":
            said.append(f"{node} has another Myna than this machine")
        else:
            there = f"{one.what} {one.there}" if one.there else f"no {one.what}"
            said.append(f"{node} has {there} and this machine {one.here or 'none'}")
    return f"{', '.join(said)}."


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _code(root: Path) -> str:
    digest = hashlib.sha256()
    for package in CODE:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in ENDINGS and path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]
