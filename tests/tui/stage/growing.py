"""Events, log lines, points and samples that come while somebody reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class GrowingLists:
    """Lists that grow while somebody reads them."""

    def __init__(self) -> None:
        self._grew = threading.Condition()

    def add(self, rows: list[T], row: T) -> None:
        """Append, and wake the readers."""
        with self._grew:
            rows.append(row)
            self._grew.notify_all()

    def follow(self, rows: list[T], context: Any) -> Iterator[T]:
        """What there is and what comes, until the caller hangs up or the stage closes."""
        gone = threading.Event()

        def hang_up() -> None:
            gone.set()
            with self._grew:
                self._grew.notify_all()

        if not context.add_callback(hang_up):
            return
        given = 0
        while not gone.is_set():
            with self._grew:
                while not gone.is_set() and len(rows) == given:
                    self._grew.wait(60)
            while given < len(rows):
                yield rows[given]
                given += 1
