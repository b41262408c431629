"""Runs `myna` as a person does: in a process of its own, in a home of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tui.forking import Forks
from tests.tui.stage.server import Stage

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """What came of a command."""

    code: int
    out: str
    err: str
    raw: bytes  #: stdout as it came


Run = Callable[..., Ended]


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Ours, without what would lead the command elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}
    return {**kept, "MYNA_HOME": str(home), "COLUMNS": "120", **more}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    made = Forks(tmp_path_factory.mktemp("forks"), ROOT)
    made.up()
    yield made
    made.down()


@pytest.fixture
def myna(home: Path, forks: Forks) -> Run:
    """myna("jobs", "--json") → Ended. `input` goes to stdin, other keywords into the environment."""

    def run(*words: object, input: bytes = b"", timeout: float = 60.0, **environment: str) -> Ended:
        env = clean_environment(home, **environment)
        code, out, err = forks.run([str(word) for word in words], env, input, timeout)
        return Ended(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), out)

    return run


@pytest.fixture
def stage(home: Path) -> Iterator[Stage]:
    made = Stage(home)
    made.open()
    yield made
    made.close()


@pytest.fixture
def any_daemon(home: Path, myna: Run) -> Iterator[Any]:
    """The real mynad, started by `myna up`."""
    try:
        started = myna("up")
        assert started.code == 0, started.err
        yield started
    finally:
        myna("down", "--now")  # also one that was too slow for `up`
