"""The machines of the cluster, as a program of its own tells mynad, which imports no ray; and what lanes they are."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from daemon.executor_settings import Executor, Where
from daemon.far.words import plain
from daemon.processes.launcher import Child, Launcher, LauncherDied

log = logging.getLogger("mynad.cluster")

PROGRAM = (sys.executable, "-m", "daemon.far.ray_driver", "nodes")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  #: seconds before the program is started again: twice as long each time
YOUNG = 30.0  #: seconds
LINES, LINE = 5, 500  #: lines of its last words, and characters of each


@dataclass(frozen=True)
class FarLane:
    """A GPU of another machine, or that machine's CPU."""

    node: str  #: id in the cluster; empty: this machine, another process
    name: str  #: of the machine
    gpu: int | None  #: index; None: its CPU


class Cluster:
    """What there is, by the settings."""

    def __init__(self, launcher: Launcher, settings: Executor, changed: Callable[[], None]) -> None:
        self.lanes: tuple[FarLane, ...] = ()
        self.answers = False  #: its machines are known
        self._launcher, self._settings, self._changed = launcher, settings, changed

    async def run(self) -> None:
        """For ever. Cancelled, it ends its program."""
        if self._settings.kind != Where.RAY:
            if self._settings.kind == Where.PROCESS:
                self._there((FarLane("", os.uname().nodename, None),))
            return
        pause = FIRST_PAUSE
        while True:
            began, words = time.monotonic(), deque[str](maxlen=LINES)
            try:
                child = await self._launcher.spawn([*PROGRAM, self._settings.address])
            except (LauncherDied, OSError) as error:
                words.append(str(error))
            else:
                await self._live(child, words)
            log.warning("The Ray cluster %s does not answer: %s", self._settings.address, " ".join(words))
            self.answers = False
            self._there((), answers=False)
            pause = FIRST_PAUSE if time.monotonic() - began > YOUNG else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live(self, child: Child, words: deque[str]) -> None:
        """Until it ends. What it says that is no list of machines is kept as its last words."""
        try:
            while line := await child.output.readline():
                text = line.decode(errors="replace").strip()
                if (lanes := lanes_of(text)) is not None:
                    self._there(lanes)
                elif text:
                    words.append(plain(text, LINE))
        except ValueError:
            words.append("It said a line that does not end.")
        finally:
            child.kill(15)
            child.close()

    def _there(self, lanes: tuple[FarLane, ...], *, answers: bool = True) -> None:
        if (lanes, answers) != (self.lanes, self.answers):
            self.lanes, self.answers = lanes, answers
            self._changed()


def lanes_of(line: str) -> tuple[FarLane, ...] | None:
    """The lanes of a list of machines, as `ray_driver` prints it: all GPUs; where no machine has one, the CPU of every
    machine that lends one. None: the line is none (Ray's own log comes the same way)."""
    try:
        machines = json.loads(line)["machines"]
        gpus = tuple(FarLane(one["id"], one["name"], index) for one in machines for index in range(one["gpus"]))
        return gpus or tuple(FarLane(one["id"], one["name"], None) for one in machines if one["cpus"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
