"""Doors in front of the paper daemon: opened once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from proto import myna_pb2 as pb
from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

HTTP = {"listen": "127.0.0.1:0", "voices": {"alloy": "anna@7"}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The paper daemon, with an engine that anna speaks by."""
    made = Stage(Path(tmp_path_factory.mktemp("home")))
    made.system.info.engines.append(pb.EngineState(name="glow", capabilities=["speaks"], languages=["en"]))
    made.system.info.engines.append(pb.EngineState(name="xtts", capabilities=["speaks"], languages=["en", "fi"]))
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def opened(stage: Stage) -> Iterator[Opened]:
    """Both doors, open to whoever is on this machine."""
    made = Opened(stage.home, http=HTTP, wyoming={"listen": "127.0.0.1:0", "voices": {"alloy": "anna@7"}})
    yield made
    made.close()


@pytest.fixture
def client(opened: Opened) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=opened.http, timeout=20, trust_env=False) as made:
        yield made
