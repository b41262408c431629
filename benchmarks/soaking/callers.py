"""Who uses a Myna: each in a thread of their own, again and again, with pauses. What is not answered as it should be is
a fault; what is refused for a good reason is counted."""

from __future__ import annotations

import random
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence

from benchmarks.soaking.house import House, Tally
from proto.client import ClientError


class Over(Exception):
    """The soak ends while somebody waits."""


class Caller(ABC):
    """One of them. Subclasses say what a turn is."""

    name = ""
    pause = 10.0  #: seconds between two turns, in the mean

    def __init__(self, house: House, tally: Tally, over: threading.Event, seed: int) -> None:
        self.house, self.tally, self.over = house, tally, over
        self.chance = random.Random(f"{seed} {self.name}")

    @abstractmethod
    def turn(self) -> None:
        """Do something once. Raises Over when the soak ends."""

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(self.chance.uniform(0.5, 1.5) * self.pause):
            try:
                self.turn()
            except Over:
                return
            except ClientError as error:
                self.fault(f"{error.code}: {error}")
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                self.fault(f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")

    def rest(self, seconds: float) -> None:
        """Wait. Raises Over."""
        if self.over.wait(seconds):
            raise Over

    def did(self, what: str) -> None:
        """Count it."""
        self.tally.count(f"{self.name}: {what}")

    def fault(self, sentence: str) -> None:
        """Nothing explains it."""
        self.tally.fault(f"{self.name}: {sentence}")

    def expect(self, good: bool, sentence: str) -> None:
        """Something that must be so."""
        if not good:
            self.fault(sentence)


def all_at_once(callers: Sequence[Caller]) -> list[threading.Thread]:
    """Let them begin."""
    threads = [threading.Thread(target=one.run, name=one.name, daemon=True) for one in callers]
    for thread in threads:
        thread.start()
    return threads
