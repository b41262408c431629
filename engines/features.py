"""Encoded clips, kept on disk: what is encoded once is not encoded again for the next training.

One safetensors file a clip, named by all that its content follows from: the clip's hash, text and language, engine,
base and format. A file that is cut short or altered is noticed when read, and made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from engines.base import Clip, EncodesMany, Features, Learns
from engines.errors import BadInput
from engines.files import ABANDONED, TEMPORARY, remove_untouched, write_whole
from engines.training.control import Control, Free, obey

#: Part of every file's name: raise it when the layout of the files changes.
FORMAT = "1"


@dataclass(frozen=True)
class Encoded:
    """What came of encoding a set of clips."""

    kept: list[tuple[Clip, Features]]  #: in the order of the clips given
    dropped: list[tuple[Clip, str]]  #: clips this engine cannot train on, each with a sentence that says why
    from_cache: int  #: how many of the kept did not have to be encoded


class FeatureCache:
    """Features of one engine in one folder (`features/<engine>/`). Several processes may share it."""

    def __init__(self, engine: Learns, folder: Path) -> None:
        self.folder = folder
        self._engine = engine
        self._base = engine.base_fingerprint()
        folder.mkdir(parents=True, exist_ok=True)
        remove_untouched(folder.glob(f"{TEMPORARY}*"), ABANDONED)

    def path(self, clip: Clip) -> Path:
        """Where a clip's features are or would be."""
        info = self._engine.info
        spelling = (info.spelling,) if info.spelling else ()
        key = json.dumps([clip.sha256, clip.text, clip.language, info.name, self._base, FORMAT, *spelling])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.safetensors"

    def read(self, clip: Clip) -> Features | None:
        """Stored features, or None if there are none or the file is not whole."""
        try:
            with safe_open(self.path(clip), "numpy") as file:
                digest = (file.metadata() or {}).get("sha256")
                features = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError, ValueError, KeyError):
            return None
        return features if digest == _digest(features) else None

    def write(self, clip: Clip, features: Features) -> None:
        """Store features, whole or not at all. Raises DiskFull."""
        arrays = {name: np.asarray(array, order="C") for name, array in features.items()}
        content = safetensors.numpy.save(arrays, metadata={"sha256": _digest(arrays)})
        write_whole(self.path(clip), content, "the features of a clip")


def encode_all(
    engine: Learns,
    clips: Sequence[Clip],
    folder: Path,
    control: Control | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_made: Callable[[], None] = lambda: None,
) -> Encoded:
    """Features of all clips, from the cache in `folder` or made and stored there.

    `on_progress(done, total)` is called after every clip, `on_made()` when one was added to the cache. Clips for which
    the engine raises BadInput are dropped with that reason. Raises Cancelled or Stopped when `control` asks for it
    (what is encoded stays in the cache), DiskFull, and what else the engine raises.
    """
    control = control or Free()
    cache = FeatureCache(engine, folder)
    encoded: dict[int, Features | BadInput] = {}
    missing: list[int] = []
    from_cache = 0
    at_once = engine.encode_at_once if isinstance(engine, EncodesMany) else 1

    def encode(indices: list[int]) -> None:
        for index, features in zip(indices, _encode(engine, [clips[i] for i in indices]), strict=True):
            if not isinstance(features, BadInput):
                cache.write(clips[index], features)
                on_made()
            encoded[index] = features
            if on_progress:
                on_progress(len(encoded), len(clips))

    for index, clip in enumerate(clips):
        obey(control, "Encoding", f"after {len(encoded)} of {len(clips)} clips")
        features = cache.read(clip)
        if features is None:
            missing.append(index)
        else:
            encoded[index] = features
            from_cache += 1
            if on_progress:
                on_progress(len(encoded), len(clips))
        if missing and (len(missing) == at_once or index == len(clips) - 1):
            encode(missing)
            missing = []
    kept: list[tuple[Clip, Features]] = []
    dropped: list[tuple[Clip, str]] = []
    for index, clip in enumerate(clips):
        features_or_reason = encoded[index]
        if isinstance(features_or_reason, BadInput):
            dropped.append((clip, str(features_or_reason)))
        else:
            kept.append((clip, features_or_reason))
    return Encoded(kept, dropped, from_cache)


def _encode(engine: Learns, clips: Sequence[Clip]) -> list[Features | BadInput]:
    if isinstance(engine, EncodesMany):
        return engine.encode_many(clips)
    try:
        return [engine.encode(clip) for clip in clips]
    except BadInput as reason:
        return [reason]


def _digest(features: Features) -> str:
    """SHA-256 over names, types, shapes and contents."""
    digest = hashlib.sha256()
    for name in sorted(features):
        array = features[name]
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
