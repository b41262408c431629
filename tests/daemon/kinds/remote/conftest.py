"""A home whose owner switched an engine elsewhere on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from remote_home import furnished, switched_on

from daemon.database.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return switched_on(tmp_path)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = furnished(home)
    yield opened
    opened.close()
