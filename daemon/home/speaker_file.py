"""`recordings/speakers.jsonl`: whom a person called a voice's own speaker, should the database be lost. A line a
choice, only ever added to; of several lines on a voice the last counts.

A speaker has no number that stays, nor clips that do (they are cut anew): they are known by how they sound, the mean
embedding of what they say (`engines.judging.voice_clip.packed`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.home import lines
from engines.judging.voice_clip import is_packed

NAME = "speakers.jsonl"


@dataclass(frozen=True)
class Choice:
    """Whose voice a voice is."""

    voice: str
    voiceprint: bytes  #: packed; empty: what was said of it is taken back


def add(home: Path, choices: Iterable[Choice]) -> None:
    """Append lines, as `lines.append` does."""
    lines.append(
        home / "recordings" / NAME, ({"voice": one.voice, "own_speaker": one.voiceprint.hex()} for one in choices)
    )


def renamed(home: Path, old: str, new: str) -> None:
    """From here on, what was said of the voice `old` is said of `new`. Said twice is said once."""
    if (home / "recordings" / NAME).exists():
        lines.append(home / "recordings" / NAME, [{"renamed": old, "to": new}])


def read(home: Path) -> dict[str, bytes]:
    """Embedding of each voice's own speaker, by its name; of those whose speaker a person chose. Lines that cannot be
    read are passed over."""
    found: dict[str, bytes] = {}
    for record in lines.read(home / "recordings" / NAME):
        with contextlib.suppress(ValueError):
            if record.keys() == {"renamed", "to"}:
                if (moved := found.pop(str(record["renamed"]), None)) is not None:
                    found[str(record["to"])] = moved
            elif record.keys() >= {"voice", "own_speaker"}:
                voiceprint = bytes.fromhex(str(record["own_speaker"]))
                if not voiceprint or is_packed(voiceprint):
                    found[str(record["voice"])] = voiceprint
    return {voice: voiceprint for voice, voiceprint in found.items() if voiceprint}
