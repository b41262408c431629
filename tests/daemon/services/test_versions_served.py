"""A version that comes over the wire, with real workers that are killed in the middle of it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
import travelling
from living_daemon import Living, lived
from sqlalchemy import select

from daemon.database.models import Attempt, Run, Version
from daemon.database.store import Store
from daemon.processes.workers import PROGRAM
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import package_parts

pytestmark = pytest.mark.integration


def test_workers_killed_in_the_middle_leave_no_version_and_the_next_one_takes_it(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    folder = travelling.version(there, "robin", 7)
    samples = tmp_path / "there" / "samples" / "robin" / "7"
    for number in range(30):
        (samples / f"{number:064x}.wav").write_bytes(os.urandom(1_000_000))
    package = travelling.exported(there, "robin", 7)
    there.close()

    async def life(living: Living) -> None:
        store, killed = living.daemon.store, list[int]()

        def rows() -> list[object]:
            return store.read_now(lambda session: [*session.scalars(select(Version)), *session.scalars(select(Run))])

        async def kill() -> None:
            """End the worker as soon as it tells how far it is, twice."""
            async for event in living.daemon.events.watch(0, progress=True):
                if event.job.kind == pb.IMPORT and event.job.status.HasField("running"):
                    attempt = store.read_now(lambda session: session.query(Attempt).order_by(Attempt.id.desc()).first())
                    if event.job.status.running.progress.done > 0 and attempt.pid not in killed:
                        killed.append(attempt.pid)
                        os.kill(attempt.pid, signal.SIGKILL)
                    if len(killed) == 2:
                        return

        killing = asyncio.create_task(kill())
        async with asyncio.timeout(120):
            with pytest.raises(ClientError, match="ended the worker 2 times"):
                await living.client.import_voice(package_parts(package))
            await killing
            assert rows() == []
            assert travelling.lies(living.daemon.home) == {}
            made = await living.client.import_voice(package_parts(package))
        assert (made.name, made.versions, made.promoted) == ("robin", 1, 0)
        assert made.sentence.endswith("`myna promote robin@1` lets it speak.")
        here = living.daemon.home / "voices" / "robin" / "1"
        assert (here / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
        assert len(list((living.daemon.home / "samples" / "robin" / "1").iterdir())) == 31

    lived(tmp_path / "home", life, program=PROGRAM, min_free_disk=0)
