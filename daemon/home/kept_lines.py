"""How lines that were spoken to be compared are known in `samples/<voice>/<version or base>/`: a worker speaks those
that are not there, and mynad asks before what that costs of an engine elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

#: Of the first take of every line, so that what is compared differs by the version alone; the next take has the next.
SEED = 20_260
#: Raised when lines would be spoken in another way.
FORMAT = 3
BASE = "base"  #: the folder of who is no version


def text_name(text: str, language: str) -> str:
    """What a text that nobody has said is called among lines."""
    return hashlib.sha256(json.dumps(["a text", language, text]).encode()).hexdigest()


def elsewhere(engine: str, base_url: str, model: str, voice: str) -> str:
    """Who speaks there: another one where another model, or another server, does."""
    return hashlib.sha256(json.dumps([FORMAT, engine, base_url, model, voice]).encode()).hexdigest()[:16]


def wav(folder: Path, name: str, take: int = 0) -> Path:
    """Where a line lies; beside it, as .json, what it was spoken by."""
    return folder / f"{name}{f'.{take}' if take else ''}.wav"


def key(identity: str, name: str, text: str, language: str, take: int = 0) -> str:
    """What a line is spoken by: by who speaks (`identity`), its text, and how."""
    return hashlib.sha256(json.dumps([identity, name, text, language, take]).encode()).hexdigest()[:16]


def is_there(line: Path, key: str) -> bool:
    """Whether it was spoken so, and need not be again."""
    try:
        said = json.loads(line.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("key") == key and line.is_file()
