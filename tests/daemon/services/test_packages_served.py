"""Packages over the wire, with real workers: from one mynad to another."""

from __future__ import annotations

import asyncio
import os
import signal
import tarfile
from pathlib import Path

import furnished
import pytest
from living_daemon import Living, lived

from daemon.database.models import Attempt
from daemon.database.store import Store
from daemon.processes.workers import PROGRAM
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import package_parts

pytestmark = pytest.mark.integration


@pytest.mark.long
def test_a_dataset_goes_from_one_mynad_to_another(tmp_path: Path) -> None:
    package = tmp_path / "robin.myna.tar.zst"
    was: dict[str, tuple[str, bool]] = {}

    async def leave(living: Living) -> None:
        furnished.give(living.daemon.store, "robin", range(1, 5), held=2)
        was.update(furnished.contents(living.daemon.store, "robin"))
        with package.open("wb") as file:
            async for part in living.client.export_dataset("robin"):
                file.write(part.data)
        layout = tmp_path / "robin.tar"
        with layout.open("wb") as file:
            async for part in living.client.export_dataset("robin", 1, "ljspeech", keep=True):
                file.write(part.data)
        with tarfile.open(layout) as tar:
            assert len([name for name in tar.getnames() if name.endswith(".wav")]) == 4
        kept = [path.name for path in (living.daemon.home / "exports").iterdir()]
        assert kept == ["robin-dataset1-ljspeech.tar"]
        with pytest.raises(ClientError, match="not exported as 'zip'"):
            [part async for part in living.client.export_dataset("robin", format="zip")]

    async def come(living: Living) -> None:
        store = living.daemon.store
        made = await living.client.import_dataset(package_parts(package))
        assert (made.voice, made.number, made.clips, made.held_out) == ("robin", 1, 3, 1)
        assert "Dataset #1: 3 clips to train on" in made.sentence
        assert furnished.contents(store, "robin") == was
        again = await living.client.import_dataset(package_parts(package))
        assert again.sentence.endswith("Nothing new: robin has all of it already.")
        other = await living.client.import_dataset(package_parts(package, "wren"))
        assert (other.voice, other.clips) == ("wren", 3)
        merged = await living.client.merge(["robin", "wren"], "both")
        assert (merged.dataset.clips, merged.dataset.held_out, merged.sources[1].known) == (3, 1, 4)
        broken = tmp_path / "broken.myna.tar.zst"
        broken.write_bytes(package.read_bytes()[:-300])
        with pytest.raises(ClientError) as refused:
            await living.client.import_dataset(package_parts(broken, "jay"))
        assert refused.value.code == "INVALID_ARGUMENT"
        with pytest.raises(ClientError, match="no voice named"):
            await living.client.voice("jay")
        assert not list((living.daemon.home / "imports").iterdir())

    lived(tmp_path / "one", leave, program=PROGRAM, min_free_disk=0)
    lived(tmp_path / "two", come, program=PROGRAM, min_free_disk=0)


@pytest.mark.long
def test_workers_killed_in_the_middle_of_an_import_leave_nothing_and_the_next_one_takes_all(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    furnished.give(there, "robin", range(1, 9), held=2)
    package = furnished.exported(there, "robin")
    was = furnished.contents(there, "robin")
    there.close()

    async def life(living: Living) -> None:
        store = living.daemon.store
        killed: list[int] = []

        async def kill() -> None:
            """End the worker as soon as it tells how far it is, twice."""
            async for event in living.daemon.events.watch(0, progress=True):
                if event.job.kind == pb.IMPORT and event.job.status.HasField("running"):
                    attempt = store.read_now(lambda session: session.query(Attempt).order_by(Attempt.id.desc()).first())
                    if event.job.status.running.progress.done > 0 and attempt.pid not in killed:
                        assert not furnished.contents(store, "robin")
                        killed.append(attempt.pid)
                        os.kill(attempt.pid, signal.SIGKILL)
                    if len(killed) == 2:
                        return

        killing = asyncio.create_task(kill())
        async with asyncio.timeout(60):
            with pytest.raises(ClientError, match="ended the worker 2 times"):
                await living.client.import_dataset(package_parts(package))
            assert not furnished.contents(store, "robin")
            await killing
            made = await living.client.import_dataset(package_parts(package))
        assert killed
        assert (made.clips, made.held_out) == (7, 1)
        assert furnished.contents(store, "robin") == was
        assert len(furnished.files(living.daemon.home)) == 16 + 2  # and recordings/index.jsonl, and the manifest

    lived(tmp_path / "home", life, program=PROGRAM, min_free_disk=0)
