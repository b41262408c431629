"""How somebody outside steers a running training: the loop asks before every step.

The worker process answers from its socket; tests and scripts use `Switch`.
"""

from __future__ import annotations

import threading
from enum import Enum
from typing import Protocol

from engines.errors import Cancelled


class Command(Enum):
    """What the loop is asked to do before its next step."""

    GO = "go"  #: train on
    PAUSE = "pause"  #: wait, keeping everything where it is
    YIELD = "yield"  #: move weights and optimizer state to host memory, then wait
    CANCEL = "cancel"  #: write a checkpoint and raise Cancelled
    STOP = "stop"  #: write a checkpoint and raise Stopped: the run goes on later


class Stopped(Cancelled):
    """The training was asked to leave for now. Its checkpoint is written; the same call goes on from there."""


class Control(Protocol):
    """Asked between steps; both are called from the training's own thread."""

    def poll(self) -> Command:
        """What to do now. Called before every step: must not block."""
        ...

    def wait(self) -> None:
        """Block until `poll` has something else to say than PAUSE or YIELD."""
        ...


def obey(control: Control, doing: str, when: str) -> None:
    """Wait as long as it says so, between units of what is being done: "Encoding", "after 3 of 8 clips". Raises
    Cancelled or Stopped where that is asked for."""
    while (command := control.poll()) is not Command.GO:
        if command is Command.CANCEL:
            raise Cancelled(f"{doing} was cancelled {when}.")
        if command is Command.STOP:
            raise Stopped(f"{doing} stopped {when} and goes on later.")
        control.wait()


class Free:
    """Nobody steers."""

    def poll(self) -> Command:
        return Command.GO

    def wait(self) -> None:
        return None


class Switch:
    """Steered from another thread of the same process."""

    def __init__(self) -> None:
        self._command = Command.GO
        self._changed = threading.Condition()

    def set(self, command: Command) -> None:
        """Takes effect before the next step."""
        with self._changed:
            self._command = command
            self._changed.notify_all()

    def poll(self) -> Command:
        return self._command

    def wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._command not in (Command.PAUSE, Command.YIELD))
