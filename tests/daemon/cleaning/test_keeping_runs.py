"""What only a training that goes on needs goes some time after it failed or was cancelled, and not if it is tried
again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))
from year_old import cleaning, put, training

from daemon.cleaning import find
from daemon.cleaning.values import Why
from daemon.database.models import Job, now
from daemon.database.store import Store
from daemon.home import run_folder
from daemon.home.set_aside import aside_of

pytestmark = pytest.mark.integration


def test_a_training_that_is_tried_again_keeps_its_checkpoints(store: Store, tmp_path: Path) -> None:
    kept = store.write_now(training, tmp_path, "failed")
    (removal,) = store.read_now(lambda session: list(find.checkpoints(session, tmp_path, now(), Why.AGE)))

    def again(session: Session) -> None:
        session.query(Job).one().state = "queued"

    store.write_now(again)  # after we looked, and before we delete
    assert not asyncio.run(cleaning(store, tmp_path)._one(removal))
    assert kept.exists()


def test_all_goes_that_only_a_training_that_goes_on_needs(store: Store, tmp_path: Path) -> None:
    kept = store.write_now(training, tmp_path, "cancelled")
    run = kept.parents[2]
    goes = [
        kept,
        put(run / run_folder.SOUND),
        put(run_folder.to_choose(run, 120) / "model.safetensors"),
        put(run / ".tmp-sound"),  # half-written
        put(run / "selection" / ".tmp-step-000240-7" / "model.safetensors"),
    ]
    stays = [
        put(run / "beginning.json"),
        put(run / "selection" / "aside.json"),
        put(run / "selection" / "samples" / "120" / "a.wav"),
    ]
    told = asyncio.run(cleaning(store, tmp_path).by_age(dry_run=True))
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert told.freed == done.freed == len(goes) * 1_000
    assert not [path for path in goes if path.exists()]
    assert all(path.exists() for path in stays)
    assert asyncio.run(cleaning(store, tmp_path).by_age()).gone == []


@pytest.mark.parametrize("place", [run_folder.SOUND, "selection/step-000120"])
def test_what_a_kill_left_half_deleted_of_a_file_or_a_folder_goes_too(store: Store, tmp_path: Path, place: str) -> None:
    kept = store.write_now(training, tmp_path, "failed")
    put(aside_of(kept.parents[2] / place))
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert len(done.gone) == 2
    assert not aside_of(kept.parents[2] / place).exists()


def test_what_a_kill_left_half_deleted_goes_the_next_time(store: Store, tmp_path: Path) -> None:
    kept = store.write_now(training, tmp_path, "failed")
    aside = aside_of(kept.parents[1])
    aside.mkdir()
    (aside / "half").write_bytes(b"x")
    done = asyncio.run(cleaning(store, tmp_path).by_age())
    assert len(done.gone) == 2
    assert list(kept.parents[2].iterdir()) == []
