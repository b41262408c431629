"""Packages that are dropped into a voice's inbox folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import furnished
import lives
import pytest
import travelling
from inbox_workshop import InProcessChannel, Workshop

from daemon.database.models import Version, Voice
from daemon.database.store import Store
from engines import registry
from engines.base import EngineInfo

pytestmark = pytest.mark.integration

Alive = Callable[..., None]
WORK = ("ingest", "import")


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """Of another home."""
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    furnished.give(there, "robin", range(1, 4), held=2)
    yield furnished.exported(there, "robin")
    there.close()


async def done(workshop: Workshop) -> None:
    await workshop.wait(4.0)
    await workshop.work(WORK)
    await workshop.wait(1.0)


def test_a_package_is_taken_in_and_leaves_the_inbox(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "sub").mkdir()
        shutil.copy(package, workshop.anna / "sub" / "Robin.MYNA.tar.zst")
        await done(workshop)
        assert [job.state for job in workshop.jobs("import")] == ["succeeded"]
        assert workshop.left() == []
        assert len(workshop.recordings()) == 3
        held = [held for _, held in furnished.contents(workshop.store, "anna").values()]
        assert sorted(held) == [False, False, True]

    alive(scenario)


def test_a_package_that_is_still_being_copied_is_left_alone(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "robin.myna.tar.zst.part").write_bytes(package.read_bytes())
        with (workshop.anna / "wren.myna.tar.zst").open("wb") as growing:
            growing.write(b"half")
            growing.flush()
            await done(workshop)
        assert workshop.jobs("import") == []

    alive(scenario)


def test_a_package_that_is_not_taken_lies_in_refused_with_the_reason(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "robin.myna.tar.zst").write_bytes(package.read_bytes()[:-200])
        await done(workshop)
        (job,) = workshop.jobs("import")
        assert job.state == "failed"
        ((name, why),) = workshop.refused().items()
        assert name == "robin.myna.tar.zst"
        assert "damaged" in why or "cut short" in why
        assert [event.name for event in workshop.told("refused")] == ["robin.myna.tar.zst"]
        assert workshop.recordings() == []
        await done(workshop)
        assert len(workshop.jobs("import")) == 1, "it is not tried again"

    alive(scenario)


def test_a_link_to_a_package_is_not_followed(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "robin.myna.tar.zst").symlink_to(package)
        await done(workshop)
        assert workshop.jobs("import") == []
        assert "links are not followed" in workshop.refused()["robin.myna.tar.zst"]
        assert package.is_file()

    alive(scenario)


def test_a_package_that_ends_its_worker_is_refused_after_the_second_time(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.anna / "robin.myna.tar.zst")
        facts = (workshop.anna / "robin.myna.tar.zst").stat()
        key = b"robin.myna.tar.zst\0%d %d %d" % (facts.st_ino, facts.st_size, facts.st_mtime_ns)

        def arm(channel: InProcessChannel) -> None:
            channel.deaths = {key: 2}

        workshop.arm = arm
        await done(workshop)
        assert "ended the worker 2 times" in workshop.refused()["robin.myna.tar.zst"]

    alive(scenario)


def test_after_a_restart_the_package_is_not_taken_twice(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.anna / "robin.myna.tar.zst")
        await workshop.wait(4.0)
        assert len(workshop.jobs("import")) == 1
        workshop.start()
        await workshop.inbox._recover()
        await workshop.wait(4.0)
        assert len(workshop.jobs("import")) == 1
        await workshop.work(WORK)
        assert workshop.left() == []

    alive(scenario)


def test_a_package_in_the_inbox_itself_is_nobodys(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.home / "inbox" / "robin.myna.tar.zst")
        await done(workshop)
        assert "cannot be told whose voice" in workshop.refused(workshop.home / "inbox")["robin.myna.tar.zst"]

    alive(scenario)


def test_a_new_folder_gets_the_language_and_engine_of_its_package(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.home / "inbox" / "wren").mkdir(parents=True)
        shutil.copy(package, workshop.home / "inbox" / "wren" / "robin.myna.tar.zst")
        await done(workshop)
        voice = workshop.store.read_now(lambda session: session.get_one(Voice, "wren"))
        assert (voice.language, voice.engine) == ("en", "glow")
        assert len(workshop.recordings("wren")) == 3

    alive(scenario, default_engine="xtts", default_language="de")


def test_while_an_import_waits_no_dataset_is_made_of_less(alive: Alive, package: Path) -> None:
    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.anna / "robin.myna.tar.zst")
        await workshop.wait(4.0)
        await workshop.wait(200.0, step=20.0)
        assert workshop.jobs("dataset") == []
        (job,) = workshop.jobs("import")
        workshop.store.write_now(lambda session: lives.cancel(session, session.get_one(type(job), job.id)))
        await done(workshop)
        assert workshop.left() == ["robin.myna.tar.zst"]
        assert len(workshop.jobs("import")) == 1, "a person did not want it"

    alive(scenario)


def test_a_version_comes_by_the_inbox_too(alive: Alive, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    travelling.version(there, "robin", 7)
    package = travelling.exported(there, "robin", 7)
    there.close()

    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.anna / "robin.myna.tar.zst")
        await done(workshop)
        assert [job.state for job in workshop.jobs("import")] == ["succeeded"]
        assert workshop.left() == []
        assert workshop.jobs("dataset") == workshop.jobs("train") == []
        row = workshop.store.read_now(lambda session: session.query(Version).one())
        assert (row.voice, row.number, row.state) == ("anna", 1, "candidate")

    alive(scenario)


def test_a_version_in_the_inbox_waits_there_for_its_base(
    alive: Alive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    travelling.version(there, "robin", 7)
    package = travelling.exported(there, "robin", 7)
    there.close()
    asks = EngineInfo(**{**vars(registry.info("glow")), "needs_consent": True})
    monkeypatch.setitem(registry.ENGINES, "glow", asks)

    async def scenario(workshop: Workshop) -> None:
        shutil.copy(package, workshop.anna / "robin.myna.tar.zst")
        await done(workshop)
        (job,) = workshop.jobs("import")
        assert (job.state, "nobody accepted here yet" in job.why) == ("failed", True)
        assert "myna retry" in job.error_hint
        assert workshop.left() == ["robin.myna.tar.zst"], "it is good, and no refused file"

    alive(scenario)
