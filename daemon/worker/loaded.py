"""Voices kept in memory between requests: the ones spoken last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import RLock

from engines.base import Model


class Loaded:
    """Least recently used goes first. What voices share is there once. Thread-safe."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._lock = RLock()

    def get(self, key: str) -> Model | None:
        """A loaded voice, which is now the one used last."""
        with self._lock:
            if key not in self._models:
                return None
            self._models.move_to_end(key)
            return self._models[key]

    def put(self, key: str, model: Model) -> None:
        """Keep a voice."""
        with self._lock:
            self._models[key] = model
            self._models.move_to_end(key)

    def shrink(self, keep: int) -> None:
        """Let voices go until at most `keep` bytes are held."""
        if not self._models:
            return
        from engines import device
        from engines.training import memory

        with self._lock:
            gone = False
            while self._models and device.memory_of(*self._models.values()) > keep:
                self._models.popitem(last=False)
                gone = True
        if gone:
            memory.release(device.torch_device())

    def shrink_to(self, budget: int) -> None:
        """Let voices go until at most `budget` bytes are held, but not the one used last, nor for what that takes
        alone."""
        from engines import device

        with self._lock:
            last = [*self._models.values()][-1:]
            self.shrink(max(budget, device.memory_of(*last)))

    def sizes(self) -> list[tuple[str, int]]:
        """(key, bytes that it takes beside those before it) of what is held, the one used last at the end: together
        they are what is held."""
        from engines import device

        with self._lock:
            there = [*self._models.values()]
            until = [device.memory_of(*there[:count]) for count in range(len(there) + 1)]
            return [(key, until[n + 1] - until[n]) for n, key in enumerate(self._models)]
