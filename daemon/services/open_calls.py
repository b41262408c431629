"""How many calls people have open at once, of those that bring files: each takes room that no row counts yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.state import quota_words, quotas
from daemon.state.quotas import Resource, Use


class OpenCalls:
    """Of one mynad."""

    def __init__(self) -> None:
        self._open: Counter[tuple[str, Resource]] = Counter()

    @contextmanager
    def one(self, person: str, what: Resource) -> Iterator[None]:
        """A block in which a person has one more. Raises QuotaReached where they may not."""
        key = person, what
        use = Use(person, what, self._open[key], quotas.AT_ONCE[what])
        if use.reached:
            raise quota_words.refusal(use)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
