"""Backups and checks asked of a mynad that works, over its socket; and who may not ask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from living_daemon import Living, lived
from whole_home import build, told

from daemon.upkeep.depot import Depot
from daemon.upkeep.restore import restore
from proto import myna_pb2 as pb
from proto.client import ClientError

pytestmark = pytest.mark.integration


def test_a_running_mynad_backs_up_lists_reads_back_and_checks(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    build(home, live=False)

    async def life(running: Living) -> None:
        steps = [step async for step in running.client.backup(str(disk))]
        taken = [step.taken for step in steps if step.HasField("taken")]
        assert steps[-1].done.good
        assert {step.WhichOneof("step") for step in steps} == {"progress", "taken", "done"}
        (listed,) = await running.client.snapshots(str(disk))
        assert (listed.id, listed.files, listed.size) == (taken[0].id, taken[0].files, taken[0].size)
        kept = [step async for step in running.client.backup(str(disk), keep=1)]
        assert [step.removed for step in kept if step.HasField("removed")] == [listed.id]
        verified = [step async for step in running.client.verify_backup(str(disk))]
        assert verified[-1].done.good
        checked = [step async for step in running.client.check(deep=True)]
        assert checked[-1].done.good
        assert checked[-1].done.read > 0
        (home / "voices/anna/1/model.safetensors").write_bytes(b"other weights")
        found = [step.finding async for step in running.client.check(deep=True) if step.HasField("finding")]
        assert [(one.kind, one.path) for one in found] == [(pb.FINDING_CONTENT, "voices/anna/1/model.safetensors")]
        assert "It is of anna@1." in found[0].sentence

    lived(home, life)
    depot = Depot.there(disk)
    restore(depot, depot.chosen(), tmp_path / "back")
    assert told(tmp_path / "back") == set()


def test_a_bad_folder_is_a_sentence_and_who_hangs_up_ends_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    build(home, live=False)

    async def life(running: Living) -> None:
        for folder, code, words in (
            ("", "INVALID_ARGUMENT", "whole path"),
            ("disk", "INVALID_ARGUMENT", "whole path"),
            (str(home / "backup"), "INVALID_ARGUMENT", "lies in the home"),
            (str(tmp_path / "no" / "disk"), "NOT_FOUND", "no folder"),
        ):
            with pytest.raises(ClientError, match=words) as refused:
                async for _ in running.client.backup(folder):
                    pass
            assert refused.value.code == code
        with pytest.raises(ClientError, match="no folder of Myna's backups"):
            await running.client.snapshots(str(tmp_path))
        disk = str(tmp_path / "disk")
        slow = running.client.backup(disk, rate=20_000.0)
        async for step in slow:
            if step.progress.total > 0:
                break
        await slow.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(120):  # the program is gone, and its lock with it: the next one can begin
            while True:
                try:
                    steps = [step async for step in running.client.backup(disk)]
                    break
                except ClientError as busy:
                    if "under way" not in busy.sentence:
                        raise
        assert steps[-1].done.good
        assert len(Depot.there(tmp_path / "disk").ids()) == 1

    lived(home, life)
