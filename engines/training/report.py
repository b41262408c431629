"""Where a training's news go: metric points, progress, log lines. The worker sends them to the daemon; scripts collect
or print them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Reporter(Protocol):
    """Called from the training's own thread; must return quickly."""

    def points(self, step: int, values: Mapping[str, float]) -> None:
        """Metric points of one step. After a resume the same step may come again, with the same losses."""
        ...

    def progress(self, done: int, total: int, sentence: str) -> None:
        """How far the work is, in steps. The sentence says what neither the steps nor the time left say."""
        ...

    def log(self, level: str, text: str) -> None:
        """A line for people. Levels: "info", "warning", "error"."""
        ...

    def checkpoint(self, step: int) -> None:
        """The checkpoint of this step is complete on disk."""
        ...


class Silent:
    """Tells nobody."""

    def points(self, step: int, values: Mapping[str, float]) -> None: ...

    def progress(self, done: int, total: int, sentence: str) -> None: ...

    def log(self, level: str, text: str) -> None: ...

    def checkpoint(self, step: int) -> None: ...


@dataclass
class Collected:
    """Keeps everything that was reported."""

    curves: dict[str, dict[int, float]] = field(default_factory=dict)  #: name → step → value
    steps: list[int] = field(default_factory=list)  #: steps that reported points, in order of arrival, repeats included
    progressed: list[tuple[int, int, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)  #: (level, text)
    checkpoints: list[int] = field(default_factory=list)

    def points(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)
        for name, value in values.items():
            self.curves.setdefault(name, {})[step] = value

    def progress(self, done: int, total: int, sentence: str) -> None:
        self.progressed.append((done, total, sentence))

    def log(self, level: str, text: str) -> None:
        self.lines.append((level, text))

    def checkpoint(self, step: int) -> None:
        self.checkpoints.append(step)
