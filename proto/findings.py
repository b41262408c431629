"""What a doctor finds, and what the daemon's and the command line's both look at: Python, and the packages Myna needs.

Nothing heavy is imported: packages are asked for by name.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from proto import myna_pb2 as pb

#: package, its module, what does not work without it
PACKAGES = (
    ("coqui-tts", "TTS", "the engine glow"),
    ("av", "av", "reading recordings"),
    ("pocketsphinx", "pocketsphinx", "hearing recordings without a download"),
    ("faster-whisper", "faster_whisper", "cutting recordings at pauses"),
    ("Resemblyzer", "resemblyzer", "scoring how alike voices are"),
)

#: packages that are installed without what they declare, and how
ALONE = {"Resemblyzer": "--no-deps Resemblyzer==0.1.4"}


def ok(name: str, sentence: str) -> pb.Finding:
    return pb.Finding(name=name, state="ok", sentence=sentence, level=pb.LEVEL_INFO)


def note(name: str, sentence: str, hint: str = "") -> pb.Finding:
    return pb.Finding(name=name, state="note", sentence=sentence, hint=hint, level=pb.LEVEL_WARNING)


def problem(name: str, sentence: str, hint: str) -> pb.Finding:
    return pb.Finding(name=name, state="problem", sentence=sentence, hint=hint, level=pb.LEVEL_ERROR)


def python() -> pb.Finding:
    running = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return ok("python", f"Python {running}.")
    return problem(
        "python", f"Python {running} is not supported.", "Use 3.11, 3.12 or 3.13 for the virtual environment."
    )


def package(name: str, module: str, what: str) -> pb.Finding:
    """Whether a package is there; `what` does not work without it."""
    if find_spec(module) is None:
        hint = f"`{sys.executable} -m pip install {ALONE.get(name, name)}` installs it, or `make setup` in a checkout."
        return problem(name, f"{name} is missing: {what} will not work.", hint)
    try:
        return ok(name, f"{name} {version(name)}.")
    except PackageNotFoundError:
        return ok(name, f"{name} is there.")
