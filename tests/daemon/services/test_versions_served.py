"""A version that comes over the wire, and whose workers are killed in the middle of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import travelling
from living_daemon import Living, lived
from sqlalchemy import select

from daemon.database.models import Attempt, Run, Version
from daemon.database.store import Store
from proto.channel import ClientError
from proto.messages import package_parts

pytestmark = pytest.mark.integration

#: dies in its first attempt with half of the files unpacked, in its second with all of them in their places
KILLED = (sys.executable, str(Path(__file__).parents[1] / "killed_unpacker.py"))


@pytest.mark.long
def test_workers_killed_in_the_middle_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    there = Store(tmp_path / "there")
    travelling.version(there, "robin", 7)
    package = travelling.exported(there, "robin", 7)
    there.close()

    async def life(living: Living) -> None:
        store = living.daemon.store

        def rows(table: type[Version | Run | Attempt]) -> int:
            return store.read_now(lambda session: len(session.scalars(select(table)).all()))

        async with asyncio.timeout(60):
            with pytest.raises(ClientError, match="ended the worker 2 times"):
                await living.client.import_voice(package_parts(package))
        assert rows(Attempt) == 3, "two were killed, and the third refused it"
        assert (rows(Version), rows(Run)) == (0, 0)
        assert travelling.lies(living.daemon.home) == {}
        with pytest.raises(ClientError, match="There is no voice named"):
            await living.client.voice("robin")

    lived(tmp_path / "home", life, program=KILLED, min_free_disk=0)
