"""What the tests of the Datasets service stand on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datasets_service import Nudged

from daemon.database.store import Store
from daemon.settings import Settings


@pytest.fixture
def daemon(store: Store, tmp_path: Path) -> Any:
    settings = Settings(min_free_disk=0)
    return SimpleNamespace(home=tmp_path, store=store, settings=settings, inbox=Nudged())
