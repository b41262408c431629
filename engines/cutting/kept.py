"""What was heard of a recording, kept on disk until its clips are stored: a worker that is killed midway hears no more
than its last batch of clips again.

One file a batch, named by the recording and by all that its content follows from: the sound of each piece (before music
is taken out of it, for that may not give the same bits again), the text given for it, who listens, and how. Another
cut, text or recogniser finds nothing here; one that had to compute in another way in the midst of a job finds what it
heard before. Batches stay what they were, so that what comes of a recording does not depend on where a worker was
killed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.files import ABANDONED, TEMPORARY, disk_full_is_a_sentence, make_folder, remove_untouched, write_whole
from engines.transcription.base import Transcript, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Part of every file's name: raised when the files, or the way pieces are heard, change.
_FORMAT = 4
#: Seconds after which nobody comes back for a file: of a recording that was removed or a job that was given up.
_FORGOTTEN = 7 * 24 * 3_600.0


@dataclass(frozen=True)
class HeardPiece:
    """What is known of the words of a piece of a recording."""

    transcript: Transcript | None = None  #: None: nobody listened
    fit: float | None = None  #: how well a given text fits, `Alignment.fit`; None: none was aligned
    second_wer: float | None = None  #: share of the heard words that a second ear does not; None: it was not asked
    words: tuple[Word, ...] = ()  #: of a given text that fits, else of what was heard; seconds of the piece


class Kept:
    """Of one recording, in a folder that recordings share."""

    def __init__(self, folder: Path, recording: str, on_kept: Callable[[], None] = lambda: None) -> None:
        """`recording`: its SHA-256, hex; `on_kept` is called when there is something more that a later worker will
        find."""
        self._folder, self._recording, self._on_kept = folder, recording, on_kept
        self.found = 0  #: pieces that an earlier worker had heard

    def heard(
        self,
        pieces: Sequence[NDArray[np.float32]],
        texts: Sequence[str] | None,
        listeners: Sequence[str],
        hear: Callable[[], list[HeardPiece]],
    ) -> list[HeardPiece]:
        """What `hear` says of each piece, from the disk if it was asked before. `texts`: those given for the pieces;
        `listeners`: who hears them now, and how, then how else it did before in the same job. Raises DiskFull, and what
        `hear` raises."""
        sounds = [hashlib.sha256(piece.tobytes()).digest() for piece in pieces]
        paths = [self._path(listener, texts, sounds) for listener in listeners]
        for path in paths:
            before = _read(path)
            if before is not None and len(before) == len(pieces):
                self.found += len(before)
                return before
        heard = hear()
        with disk_full_is_a_sentence("what was heard"):
            make_folder(self._folder)
        write_whole(paths[0], json.dumps([asdict(piece) for piece in heard]).encode(), "what was heard")
        self._on_kept()
        return heard

    def _path(self, listener: str, texts: Sequence[str] | None, sounds: Sequence[bytes]) -> Path:
        digest = hashlib.sha256(json.dumps([_FORMAT, listener, texts]).encode())
        for sound in sounds:
            digest.update(sound)
        return self._folder / f"{self._recording}-{digest.hexdigest()}.json"

    def forget(self) -> None:
        """Its clips are stored: remove what was kept for them."""
        for path in self._folder.glob(f"{self._recording}-*.json"):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what nobody came back for."""
    remove_untouched(folder.glob("*.json"), _FORGOTTEN)
    remove_untouched(folder.glob(f"{TEMPORARY}*"), ABANDONED)


def _read(path: Path) -> list[HeardPiece] | None:
    try:
        kept = json.loads(path.read_bytes())
        return [
            HeardPiece(**{**piece, "transcript": _transcript(piece["transcript"]), "words": _words(piece["words"])})
            for piece in kept
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _transcript(kept: dict[str, Any] | None) -> Transcript | None:
    if kept is None:
        return None
    return Transcript(**{**kept, "words": _words(kept["words"])})


def _words(kept: list[dict[str, Any]]) -> tuple[Word, ...]:
    return tuple(Word(**word) for word in kept)
