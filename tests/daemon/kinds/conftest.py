"""A voice that can be trained."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon.database.store import Store


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
