"""What is known of fast paths, in a JSON file: which were proved, on which card, and what came of it. Light: the daemon
reads it too.

A file that cannot be read, or is of another format, knows nothing: everything is proved again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from engines.files import make_folder, write_whole

#: Raised when the file's meaning changes.
FORMAT = 1
#: In Myna's home.
FILE = "fast_paths.json"


class FastPath(StrEnum):
    """A quicker way to do the same."""

    GRAPHS = "decode-graphs"  #: a step of decoding as one recorded graph
    FUSED = "fused-adamw"  #: an optimizer step as one kernel
    PINNED = "pinned-copies"  #: batches are sent while the card computes
    TF32 = "tf32"  #: fp32 products of a training with ten bits of mantissa
    BF16 = "bf16"  #: bf16 autocast, where a training asks for it


class Outcome(StrEnum):
    """What came of a proof."""

    EQUAL = "equal"  #: within the tolerance: the path is taken
    DIFFERS = "differs"
    RAISED = "raised"
    DIED = "died"  #: its process did
    PROVING = "proving"  #: under way; or its process died and nobody has noticed yet


@dataclass(frozen=True)
class Card:
    """What a proof holds for: another card, driver or torch has to prove anew."""

    name: str
    uuid: str
    driver: str
    torch: str


@dataclass(frozen=True)
class Proof:
    """One path on one card."""

    path: FastPath
    subject: str  #: what the path was tried with, such as a decoder's size; empty: it is always the same
    card: Card
    outcome: Outcome
    difference: float = math.nan  #: the largest from the plain path, as the path's proof measures it
    tolerance: float = math.nan  #: the largest that is allowed
    error: str = ""  #: what was raised

    def is_of(self, path: FastPath, subject: str, card: Card) -> bool:
        return (self.path, self.subject, self.card) == (path, subject, card)


class Records:
    """The file, shared by processes: whoever holds its lock may prove and write."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> list[Proof]:
        """Everything that is known; nothing where the file is not what we write."""
        try:
            told = json.loads(self.file.read_text(encoding="utf-8"))
            return [_proof(one) for one in told["proofs"]] if told["format"] == FORMAT else []
        except (OSError, ValueError, TypeError, KeyError):
            return []

    def find(self, path: FastPath, subject: str, card: Card) -> Proof | None:
        return next((proof for proof in self.all() if proof.is_of(path, subject, card)), None)

    def put(self, proof: Proof) -> None:
        """Keep a proof, in place of what was known of that path on that card. Hold the lock. Raises OSError,
        DiskFull."""
        same = proof.path, proof.subject, proof.card.uuid
        self._write([one for one in self.all() if (one.path, one.subject, one.card.uuid) != same] + [proof])

    def drop(self, path: FastPath, subject: str, card: Card) -> None:
        """Know nothing of it. Hold the lock. Raises OSError, DiskFull."""
        self._write([one for one in self.all() if not one.is_of(path, subject, card)])

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        """Whether nobody else proves or writes; held for the block, and given back when the process dies. Raises
        OSError."""
        make_folder(self.file.parent)
        with self.file.with_name(f"{self.file.name}.lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _write(self, proofs: list[Proof]) -> None:
        told = {"format": FORMAT, "proofs": [_plain(proof) for proof in proofs]}
        write_whole(self.file, (json.dumps(told, indent=1) + "\n").encode(), "what is known of the card's fast paths")


def _plain(proof: Proof) -> dict[str, Any]:
    told = dataclasses.asdict(proof)
    for name in ("difference", "tolerance"):
        if not math.isfinite(told[name]):
            told[name] = None
    return told


def _proof(told: dict[str, Any]) -> Proof:
    """Raises ValueError, TypeError, KeyError for what is no proof."""
    numbers = {name: math.nan if told[name] is None else float(told[name]) for name in ("difference", "tolerance")}
    card = Card(*(str(told["card"][part.name]) for part in dataclasses.fields(Card)))
    path, outcome = FastPath(told["path"]), Outcome(told["outcome"])
    return Proof(path, str(told["subject"]), card, outcome, error=str(told["error"]), **numbers)
