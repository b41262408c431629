"""A real database in a folder of its own, with one voice in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.database.models import Voice, now
from daemon.database.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    opened.write_now(lambda session: session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now())))
    yield opened
    opened.close()
