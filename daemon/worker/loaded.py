"""Voices kept in memory between requests: the ones spoken last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import RLock

from engines.base import Model


class Loaded:
    """Least recently used goes first. Thread-safe."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, tuple[Model, int]] = OrderedDict()
        self._lock = RLock()

    def get(self, key: str) -> Model | None:
        """A loaded voice, which is now the one used last."""
        with self._lock:
            if key not in self._models:
                return None
            self._models.move_to_end(key)
            return self._models[key][0]

    def put(self, key: str, model: Model, size: int) -> None:
        """Keep a voice of `size` bytes."""
        with self._lock:
            self._models[key] = model, size
            self._models.move_to_end(key)

    def shrink(self, keep: int) -> None:
        """Let voices go until at most `keep` bytes are held."""
        with self._lock:
            gone = False
            while self._models and self._held() > keep:
                self._models.popitem(last=False)
                gone = True
        if gone:
            from engines import device
            from engines.training import memory

            memory.release(device.torch_device())

    def _held(self) -> int:
        """Bytes of all; weights that several voices share are there once."""
        largest: dict[int, int] = {}
        for model, size in self._models.values():
            weights = id(_weights(model))
            largest[weights] = max(size, largest.get(weights, 0))
        return sum(largest.values())

    def sizes(self) -> list[tuple[str, int]]:
        """(key, bytes) of what is held, the one used last at the end."""
        with self._lock:
            return [(key, size) for key, (_, size) in self._models.items()]


def _weights(model: Model) -> object:
    """What is the same of voices that share weights: what an engine says that they share (`shared`), else their
    module."""
    shared = getattr(model, "shared", None)
    return next(one for one in (shared, model.module, model) if one is not None)
