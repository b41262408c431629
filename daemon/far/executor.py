"""Who starts an agent on another machine: four things are asked of it, and none of its answers is the truth of what
became of the attempt (that is in the store)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from daemon.far.agent import PARENT
from daemon.far.words import plain

LINES = 20  #: of what an agent printed, that are kept
LINE = 2_000  #: characters of each


class Standing(StrEnum):
    """How it seems to stand with what was started."""

    ASKED = "asked"  #: it waits for a machine, or runs: who knows
    ENDED = "ended"  #: the agent ended, or whoever was to start it did


@dataclass(frozen=True)
class Order:
    """An agent to be started."""

    id: str  #: of the submission
    store: str  #: address
    home: str
    job: str
    attempt: int
    program: tuple[str, ...]  #: the worker's: what Python is given
    node: str = ""  #: where; empty: anywhere
    gpus: int = 0

    @property
    def arguments(self) -> list[str]:
        """What Python is given for the agent."""
        return ["-m", "daemon.far.agent", self.store, self.home, self.job, str(self.attempt), *self.program]


class Executor(Protocol):
    """Starts agents elsewhere."""

    def start(self, order: Order) -> None:
        """Ask for it; returns at once. The same order may be given again once it ENDED. Raises OSError."""
        ...

    def poll(self, id: str) -> Standing:
        """How the order with this id seems to stand. Never blocks."""
        ...

    def cancel(self, id: str) -> None:
        """It is not wanted any more."""
        ...

    def logs(self, id: str) -> str:
        """The last lines that were printed, for people."""
        ...


class _Children:
    """Orders as children of this process, that die with it."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._lines: dict[str, deque[str]] = {}

    def poll(self, id: str) -> Standing:
        """See `Executor`."""
        process = self._processes.get(id)
        return Standing.ASKED if process is not None and process.poll() is None else Standing.ENDED

    def cancel(self, id: str) -> None:
        """See `Executor`."""
        if (process := self._processes.get(id)) is not None and process.poll() is None:
            process.kill()
            process.wait()

    def logs(self, id: str) -> str:
        """See `Executor`."""
        return "\n".join(self._lines.get(id, ()))

    def _spawn(self, id: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        lines: deque[str] = deque(maxlen=LINES)
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment, PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._processes[id], self._lines[id] = process, lines

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(plain(line, LINE))

        threading.Thread(target=listen, daemon=True).start()


class ProcessExecutor(_Children):
    """The agent as another process of this machine: everything but the cluster."""

    def start(self, order: Order) -> None:
        """See `Executor`."""
        self._spawn(order.id, order.arguments, {})


class RayExecutor(_Children):
    """The agent as a task of a Ray cluster, asked for by a program of its own (`ray_driver`): what becomes of Ray
    becomes of that program and not of this process."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def start(self, order: Order) -> None:
        """See `Executor`."""
        asked = {"address": self._address, "node": order.node, "gpus": order.gpus, "id": order.id}
        self._spawn(order.id, ["-m", "daemon.far.ray_driver", json.dumps(asked), *order.arguments], {})


def make(kind: str, address: str) -> Executor:
    """By the setting."""
    return RayExecutor(address) if kind == "ray" else ProcessExecutor()
