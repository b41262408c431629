"""An engine's base gets here: the real mynad, its real worker and fetch job, and a real HTTP server. Only the files are
small."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import os
import random
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fetching_worker import small
from living_daemon import Living, lived

from daemon.database.models import Consent, Voice
from daemon.database.models import now as present
from engines import registry
from proto import myna_pb2 as pb
from proto.channel import ClientError
from tests.engines.file_server import Server


def _archive(name: str, size: int) -> bytes:
    """As PyTorch writes: a zip archive whose members are stored as they are, each with its checksum."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}/data/0"), random.Random(name).randbytes(size))
    return memory.getvalue()


FILES = {"config.json": b"{}" * 200, "dvae.pth": _archive("dvae", 90_000), "model.pth": _archive("model", 3_000_000)}
#: Runs a scenario with a daemon.
Runs = Callable[[Callable[[Living], Any]], None]
PROGRAM = (sys.executable, str(Path(__file__).with_name("fetching_worker.py")))


@pytest.fixture(autouse=True)
def small_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ENGINES, "xtts", small(registry.ENGINES["xtts"], FILES))
    monkeypatch.delenv("MYNA_XTTS_BASE", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server({f"/xtts/{name}": data for name, data in FILES.items()}).up() as made:
        yield made


@pytest.fixture
def run(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs a scenario with a daemon whose mirror is the server."""
    home = tmp_path / "home"
    monkeypatch.setenv("SMALL_BASE_FILES", str(_written(tmp_path / "published")))
    _written(tmp_path / "given")
    return lambda life: lived(
        home, life, PROGRAM, auto_train=False, min_free_disk=0, stop_grace=1.0, weights_url=server.url
    )


def _written(folder: Path) -> Path:
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


async def _engine(living: Living) -> pb.EngineState:
    return next(engine for engine in (await living.client.info()).engines if engine.name == "xtts")


def _base(living: Living) -> dict[str, bytes]:
    folder = living.daemon.home / "engines" / "xtts"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_accepted_fetched_and_ready(run: Runs) -> None:
    async def life(living: Living) -> None:
        before = await _engine(living)
        assert not before.ready
        assert "read https://" in before.sentence
        assert before.size == sum(map(len, FILES.values()))

        accepted = await living.client.accept("xtts")
        assert accepted.accepted
        assert not accepted.ready
        assert "`myna engines fetch xtts`" in accepted.sentence

        job = await living.client.fetch("xtts")
        assert not job.gpu_lane
        ended = await living.until(job.id, "succeeded")
        assert "Coqui Public Model License" in ended.status.succeeded.sentence
        assert _base(living) == FILES
        assert (await _engine(living)).ready

    run(life)


def test_nothing_is_fetched_without_consent(run: Runs, server: Server) -> None:
    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match=r"Coqui Public Model License.* nobody accepted"):
            await living.client.fetch("xtts")
        assert server.asked == []

    run(life)


def test_a_fetch_that_failed_goes_on_where_it_was(run: Runs, server: Server) -> None:
    whole = server.files.pop("/xtts/model.pth")

    async def life(living: Living) -> None:
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts")
        failed = (await living.until(job.id, "failed")).status.failed.error
        assert "model.pth cannot be fetched: the server answers 404 Not Found." in failed.sentence
        assert {"config.json", "dvae.pth"} <= _base(living).keys()
        (living.daemon.home / "engines" / "xtts" / "model.pth.part").write_bytes(whole[:1_000_000])
        server.files["/xtts/model.pth"] = whole
        before = len(server.asked)
        await living.client.retry(job.id)
        await living.until(job.id, "succeeded")
        assert server.asked[before:] == [("/xtts/model.pth", "bytes=1000000-")]
        assert _base(living) == FILES

    run(life)


def test_a_base_from_a_folder_is_copied_and_its_own_files_are_left_alone(
    run: Runs, server: Server, tmp_path: Path
) -> None:
    given = tmp_path / "given"

    async def life(living: Living) -> None:
        with pytest.raises(ClientError, match="nobody accepted"):
            await living.client.fetch("xtts", str(given))
        await living.client.accept("xtts")
        await living.until((await living.client.fetch("xtts", str(given))).id, "succeeded")
        assert server.asked == []
        assert _base(living) == FILES
        for name in FILES:  # Coqui's loader writes over the file that it loads: that must not reach ours
            assert not os.path.samefile(given / name, living.daemon.home / "engines" / "xtts" / name)
        with pytest.raises(ClientError, match="is here already"):
            await living.client.fetch("xtts", str(given))

    run(life)


def test_what_a_killed_fetch_left_half_copied_is_swept_away_by_the_next(run: Runs, tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        folder = living.daemon.home / "engines" / "xtts"
        folder.mkdir(parents=True)
        (folder / ".tmp-4711-model.pth").write_bytes(FILES["model.pth"][:1_000_000])
        await living.client.accept("xtts")
        await living.until((await living.client.fetch("xtts", str(tmp_path / "given"))).id, "succeeded")
        assert _base(living) == FILES

    run(life)


def test_a_folder_with_foreign_files_is_refused_with_its_sentence(
    run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMALL_BASE_IS_WRONG", "1")

    async def life(living: Living) -> None:
        (tmp_path / "given" / "dvae.pth").write_bytes(FILES["model.pth"])
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts", str(tmp_path / "given"))
        error = (await living.until(job.id, "failed")).status.failed.error
        assert error.sentence == "dvae.pth is not XTTS's DVAE: it is the model itself."
        assert error.hint == "Take it from where model.pth is from."
        assert _base(living) == {}

    run(life)


def test_a_folder_whose_bytes_are_damaged_is_refused(run: Runs, tmp_path: Path) -> None:
    data = bytearray(FILES["dvae.pth"])
    data[len(data) // 2] ^= 1

    async def life(living: Living) -> None:
        (tmp_path / "given" / "dvae.pth").write_bytes(data)
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts", str(tmp_path / "given"))
        error = (await living.until(job.id, "failed")).status.failed.error
        assert error.sentence == "dvae.pth is damaged: the bytes of dvae/data/0 are not what was saved."
        assert _base(living) == {}

    run(life)


def test_a_base_that_the_environment_names_is_not_written(
    run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("MYNA_XTTS_BASE", str(elsewhere))

    async def life(living: Living) -> None:
        await living.client.accept("xtts")
        state = await _engine(living)
        assert not state.ready
        assert f"{elsewhere} lacks config.json" in state.sentence
        with pytest.raises(ClientError, match="MYNA_XTTS_BASE says"):
            await living.client.fetch("xtts")

    run(life)


def test_an_engine_that_is_not_ready_says_so_to_who_would_hear_it(run: Runs) -> None:
    async def life(living: Living) -> None:
        def voice(session: Any) -> None:
            session.add(Voice(name="ida", language="en", engine="xtts", options={}, created=present()))
            session.add(Consent(engine="xtts", licence="…", by="ida", time=present()))

        living.daemon.store.write_now(voice)
        with pytest.raises(
            ClientError, match=r"ida cannot speak yet: the base of xtts is not here: `myna engines fetch xtts`"
        ):
            await living.client.submit(pb.SpeakSpec(voice="ida", text="Hello."))

    run(life)


def test_a_training_of_an_engine_without_its_base_waits_and_goes_on_when_it_is_here(run: Runs, tmp_path: Path) -> None:
    async def life(living: Living) -> None:
        living.voice("ida")
        living.daemon.store.write_now(lambda session: setattr(session.get_one(Voice, "ida"), "engine", "xtts"))
        job = await living.client.train("ida")

        def waits(words: str) -> Callable[[pb.Job], bool]:
            return lambda told: words in told.status.queued.why_waiting

        await living.until(job.id, waits("of xtts is not accepted: `myna engines accept xtts`"))
        await living.client.accept("xtts")
        await living.until(job.id, waits("the base of xtts is not here: `myna engines fetch xtts` gets it"))
        fetch = await living.client.fetch("xtts", str(tmp_path / "given"))
        await living.until(fetch.id, "succeeded")
        await living.until(job.id, "running")

    run(life)


def _slow(server: Server) -> None:
    """From now on the server gives a megabyte at once, and then hardly anything until it may flow."""
    server.faults.drip_after = 1_000_000


async def _dripping(server: Server) -> None:
    assert await asyncio.to_thread(server.faults.dripping.wait, 20)


def test_a_cancelled_fetch_keeps_what_came_and_the_next_one_goes_on_from_there(run: Runs, server: Server) -> None:
    _slow(server)

    async def life(living: Living) -> None:
        folder = living.daemon.home / "engines" / "xtts"
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts")
        await _dripping(server)
        assert "Its base is being fetched" in (await _engine(living)).sentence
        with pytest.raises(ClientError, match="is on its way already"):
            await living.client.fetch("xtts")
        await living.client.cancel(job.id)
        await living.until(job.id, "cancelled")
        begun = (folder / "model.pth.part").stat().st_size
        assert begun > 0
        server.faults.flow.set()
        await living.until((await living.client.fetch("xtts")).id, "succeeded")
        assert server.asked[-1] == ("/xtts/model.pth", f"bytes={begun}-")
        assert _base(living) == FILES

    run(life)


def test_a_fetch_goes_on_after_mynad_was_ended_in_the_middle_of_it(run: Runs, server: Server) -> None:
    _slow(server)
    jobs: list[int] = []

    async def first(living: Living) -> None:
        await living.client.accept("xtts")
        jobs.append((await living.client.fetch("xtts")).id)
        await _dripping(server)

    async def second(living: Living) -> None:
        server.faults.flow.set()
        await living.until(jobs[0], "succeeded")
        assert re.fullmatch(r"bytes=[1-9]\d+-", server.asked[-1][1])
        assert _base(living) == FILES

    run(first)
    run(second)


def test_a_paused_fetch_stands_still_until_it_is_resumed(run: Runs, server: Server) -> None:
    _slow(server)

    async def life(living: Living) -> None:
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts")
        await _dripping(server)
        await living.client.pause(job.id)
        await living.until(job.id, "paused")
        server.faults.flow.set()
        await living.client.resume(job.id)
        await living.until(job.id, "succeeded")
        assert _base(living) == FILES

    run(life)


def test_a_fetch_waits_for_room_and_says_how_much_is_missing(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = dataclasses.replace(registry.ENGINES["xtts"].weights[-1], size=10**16)
    monkeypatch.setitem(registry.ENGINES, "xtts", dataclasses.replace(registry.ENGINES["xtts"], weights=(huge,)))

    async def life(living: Living) -> None:
        await living.client.accept("xtts")
        job = await living.client.fetch("xtts")
        await living.until(job.id, lambda told: told.status.queued.why_waiting.startswith("disk "))
        assert (await living.now(job.id)).status.queued.why_waiting.endswith(" GB short")

    run(life)
