"""Backups of a home that changes all the while: each is of one moment, and whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from whole_home import STEP, add_recording, build, checkpoint, depot, told

from daemon.database.models import Run, Version
from daemon.database.store import Store, opened
from daemon.home import purged_folder, voice_folders
from daemon.state import voice_life
from daemon.state.values import VersionState
from daemon.upkeep import backup, checkpoints
from daemon.upkeep.contents import Wanted
from daemon.upkeep.depot import Depot
from daemon.upkeep.restore import restore
from daemon.upkeep.values import Finding, Progress
from daemon.upkeep.verify import verify
from engines.training.checkpoint import KEPT

pytestmark = pytest.mark.integration

#: what happens to a home, by name: each is given its place in the story
Change = Callable[["Busy"], None]


class Busy:
    """A home at work: what jobs and people do to its rows and files, in the order in which they do it."""

    def __init__(self, home: Path, store: Store, seed: int) -> None:
        self.home, self.store, self.chance, self.step = home, store, random.Random(seed), STEP
        self.given = 0

    def take(self) -> None:
        """A recording waits in the inbox, is copied, told of, and only then removed from there."""
        content = self.chance.randbytes(9_000)
        self.given += 1
        waiting = self.home / "inbox" / "anna" / f"new-{self.given}.wav"
        waiting.write_bytes(content)
        self.store.write_now(add_recording, self.home, content, waiting.name)
        waiting.unlink()

    def train(self) -> None:
        """A few steps on: points are told, then a checkpoint is written, and the oldest goes."""
        self.step += 20
        self.store.write_now(lambda session: setattr(session.get_one(Run, 2), "step", self.step))
        checkpoint(self.home, self.step, self.chance)
        folder = self.home / "runs/2/checkpoints"
        for step in checkpoints.steps(self.home / "runs/2")[:-KEPT]:
            doomed = folder / f".tmp-removed-{step}"
            (folder / f"step-{step:06d}").rename(doomed)
            shutil.rmtree(doomed)

    def purge(self) -> None:
        """A person frees the weights of version 1: the row first."""

        def act(session: Session) -> str:
            row = session.scalars(select(Version)).one()
            row.state = VersionState.PURGED
            return row.path

        path = self.store.write_now(act)
        purged_folder.delete(self.home / path, self.home / path.replace("voices", "samples"))

    def rename(self) -> None:
        """A voice gets another name."""
        old, new = ("anna", "berta") if (self.home / "voices/anna").exists() else ("berta", "anna")
        self.store.write_now(_renamed, old, new)
        voice_folders.move(self.home, old, new)
        self.store.write_now(voice_life.end_rename, new)


def _renamed(session: Session, old: str, new: str) -> None:
    session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    voice_life.begin_rename(session, old, new)


CHANGES: dict[str, Change] = {"take": Busy.take, "train": Busy.train, "purge": Busy.purge}


@contextmanager
def busy(home: Path, seed: int = 1) -> Iterator[Busy]:
    with opened(home) as store:
        yield Busy(home, store, seed)


def whole(place: Path, back: Path) -> None:
    """The newest snapshot is a home that lacks nothing and can go on training."""
    opened_depot = Depot.there(place)
    answer = restore(opened_depot, opened_depot.chosen(), back)
    assert answer.damaged == []
    assert told(back) == set()
    assert list(checkpoints.resumable(back / "runs/2"))
    with opened(back) as store:
        known = store.read_now(lambda session: session.get_one(Run, 2).step)
    assert max(checkpoints.steps(back / "runs/2")) <= known


@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 30)), min_size=1, max_size=6, unique_by=str))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_at_whatever_moment_of_a_backup_it_is_whole(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]]
) -> None:
    """Each change falls between two things that the backup does."""
    folder = tmp_path_factory.mktemp("story")
    build(folder / "home")
    moments, purged = 0, False
    with busy(folder / "home") as at_work, depot(folder / "disk") as place:

        def between(_: Progress | Finding) -> None:
            nonlocal moments, purged
            moments += 1
            for name, moment in story:
                if moment == moments and not (name == "purge" and purged):
                    purged = purged or name == "purge"
                    CHANGES[name](at_work)

        backup.take(folder / "home", place, Wanted(), settle=0.0, tell=between)
    whole(folder / "disk", folder / "back")


def test_backups_beside_somebody_who_never_rests(tmp_path: Path) -> None:
    """Real time: a thread takes recordings and trains, a few dozen times a second."""
    build(tmp_path / "home")
    ended = threading.Event()
    with busy(tmp_path / "home") as at_work:

        def work() -> None:
            while not ended.wait(0.02):
                at_work.chance.choice((at_work.take, at_work.train))()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for number in range(5):
                with depot(tmp_path / "disk") as place:
                    backup.take(tmp_path / "home", place, Wanted(), settle=0.0)
                whole(tmp_path / "disk", tmp_path / f"back-{number}")
        finally:
            ended.set()
            worker.join()


def test_a_voice_that_is_renamed_meanwhile_is_in_it_by_one_of_its_names(tmp_path: Path) -> None:
    build(tmp_path / "home", live=False)
    moments = 0
    with busy(tmp_path / "home") as at_work, depot(tmp_path / "disk") as place:

        def between(_: Progress | Finding) -> None:
            nonlocal moments
            moments += 1
            if moments in (3, 15):
                at_work.rename()

        backup.take(tmp_path / "home", place, Wanted(), settle=0.0, tell=between)
    assert moments > 15
    assert len(list((tmp_path / "home/inbox").iterdir())) == 1
    opened_depot = Depot.there(tmp_path / "disk")
    restore(opened_depot, opened_depot.chosen(), tmp_path / "back")
    assert told(tmp_path / "back") == set()
    (name,) = [path.name for path in (tmp_path / "back/inbox").iterdir()]
    with opened(tmp_path / "back") as store:
        assert store.read_now(lambda session: session.scalars(select(Version.voice)).one()) == name


@pytest.mark.long
def test_kill_nine_in_the_middle_leaves_the_snapshots_before_it_whole_and_the_next_one_goes_on(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    build(home)
    command = [sys.executable, "-m", "daemon.upkeep", "backup"]
    environment = {**os.environ, "MYNA_HOME": str(home)}

    def run(rate: float) -> subprocess.Popen[str]:
        request = json.dumps({"folder": str(disk), "rate": rate})
        return subprocess.Popen([*command, request], env=environment, stdout=subprocess.PIPE, text=True)

    assert run(0).wait(60) == 0
    with busy(home, 2) as at_work:
        for _ in range(20):
            at_work.take()
    first = Depot.there(disk).ids()
    process = run(200_000.0)  # slow enough to be caught at it
    assert process.stdout is not None
    for line in process.stdout:
        told_of = json.loads(line).get("progress", {})
        done, total = int(told_of.get("done", 0)), int(told_of.get("total", 0))
        if total > 400_000 and total / 4 < done < total:
            process.kill()
    process.wait()
    assert Depot.there(disk).ids() == first
    with depot(disk) as place:
        assert verify(place).findings == []
        assert list((disk / "incoming").iterdir()) == []
        taken, _ = backup.take(home, place, Wanted(), settle=0.0)
    assert 0 < taken.new < 20 * 9_000 * 1.5 + (home / "myna.db").stat().st_size
    whole(disk, tmp_path / "back")
