"""A voice that can be trained, and a home that versions come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import travelling
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon.database.store import Store


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Store]:
    """Another home, with robin@7."""
    (tmp_path / "there").mkdir()
    opened = Store(tmp_path / "there")
    travelling.version(opened, "robin", 7)
    yield opened
    opened.close()


@pytest.fixture
def anna(store: Store) -> Store:
    """Ten clips of 4 s, two of them new in dataset 2; one held out."""

    def given(session: Session) -> None:
        held = clip(session, "held", held_out=True)
        old = [clip(session, f"old{i}") for i in range(8)]
        dataset(session, 1, old, [held])
        dataset(session, 2, [*old, clip(session, "new0"), clip(session, "new1")], [held])

    store.write_now(given)
    return store
