"""The share of the GPU that a training keeps, however many jobs to which it gives way come one after another."""

from __future__ import annotations

from enum import Enum

#: seconds of a turn, at least: giving way and coming back costs something, too
TURN = 5.0


class Doing(Enum):
    """What the training does."""

    NOTHING = "nothing"  #: there is none, or a person holds it
    WORKING = "working"
    WAITING = "waiting"  #: it gave way


class Share:
    """Counts the seconds that a training which gave way is owed. `part`: its part of the time, 0 ≤ part < 1; 0: nothing
    is ever owed."""

    def __init__(self, part: float, time: float) -> None:
        self.part = part
        self.owed = 0.0  #: seconds
        self.in_turn = False  #: it works, and nobody makes it give way, until it has had what it is owed
        self._doing = Doing.NOTHING
        self._since = time  #: seconds, monotonic

    def count(self, time: float) -> None:
        """Count what passed since the last time."""
        passed, self._since = time - self._since, time
        if self._doing is Doing.WAITING:
            self.owed += passed * self.part / (1.0 - self.part)
        elif self._doing is Doing.WORKING:
            self.owed = max(0.0, self.owed - passed)
        else:
            self.owed = 0.0
        self.in_turn = self.in_turn and self._doing is Doing.WORKING and self.owed > 0.0

    def note(self, doing: Doing) -> None:
        """What the training does from the time of the last count on."""
        self._doing = doing

    @property
    def due(self) -> bool:
        """It is owed a turn, or has one."""
        return self.in_turn or self.owed >= TURN

    def take_turn(self) -> bool:
        """It could go on although others wait. True: it is owed a turn, and takes it."""
        if self.owed >= TURN:
            self.in_turn, self._doing = True, Doing.WORKING
        return self.in_turn
