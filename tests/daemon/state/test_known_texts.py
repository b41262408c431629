"""Training clips whose texts no recogniser wrote, which say whether a recogniser follows the person."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from daemon.database.store import Store
from daemon.state import clip_refs, voices
from tests.daemon.voice_rows import clip, dataset

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("written", "most", "count"), [
    ("given", 5, 5), ("given", 100, 8), ("person", 3, 3), ("given", 0, 0), ("given", -4, 0), ("pocketsphinx", 5, 0),
])  # fmt: skip
def test_they_are_never_held_out_and_always_the_same(
    written: str, most: int, count: int, store: Store, tmp_path: Path
) -> None:
    def act(session: Session) -> list[list[str]]:
        training = [clip(session, f"c{n}", f"line {n}") for n in range(8)]
        for row in training:
            row.text_source = written
        data = dataset(session, 1, training, [clip(session, "held", held_out=True)])
        anna = voices.get(session, "anna")
        asked = [clip_refs.with_known_texts(session, anna, data, tmp_path, most) for _ in range(2)]
        return [[one.text for one in each] for each in asked]

    first, again = store.write_now(act)
    assert len(first) == len(set(first)) == count
    assert first == again
    assert all(text.startswith("line ") for text in first)
