"""A real database in a folder of its own, with one voice in it, and a workshop whose inbox is watched."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from inbox_workshop import Workshop

from daemon.database.models import Voice, now
from daemon.database.store import Store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the newest schema with nothing in it: making one costs six times what copying it does."""
    home = tmp_path_factory.mktemp("empty")
    Store(home).close()
    return home / "myna.db"


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    shutil.copy(empty_database, tmp_path)
    opened = Store(tmp_path)
    opened.write_now(
        lambda session: session.add(Voice(name="anna", language="en", engine="glow", options={}, created=now()))
    )
    yield opened
    opened.close()


@pytest.fixture
def alive(store: Store) -> Callable[..., None]:
    """Run a scenario in a workshop of its own."""

    def run(scenario: Callable[[Workshop], Awaitable[None]], **settings: object) -> None:
        async def tell() -> None:
            await scenario(Workshop(store, store.path.parent, **settings))

        asyncio.run(tell())

    return run
