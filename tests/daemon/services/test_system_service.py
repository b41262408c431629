"""What a training would cost, on the machine that there is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session
from test_gpu import FakeDriver
from voice_rows import clip, dataset

from daemon import settings
from daemon.database.store import Store
from daemon.kinds.registry import Kinds
from daemon.machine.disk_space import DiskSpace
from daemon.machine.doctor import Doctor
from daemon.machine.gpu import Gpus
from daemon.machine.sampler import Machine
from daemon.services.system import SystemService
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("gpus", [0, 1])
def test_gpu_memory_is_told_only_where_there_is_a_gpu(store: Store, tmp_path: Path, gpus: int) -> None:
    def given(session: Session) -> None:
        dataset(session, 1, [clip(session, f"c{n}") for n in range(8)], [clip(session, "held", held_out=True)])

    store.write_now(given)
    driver = FakeDriver()
    driver.count = gpus
    kinds, machine = Kinds(tmp_path, settings.load(tmp_path)), Machine(tmp_path, Gpus(driver), lambda pid: "")
    unused, nowhere = cast(Any, None), cast(Any, SimpleNamespace(far=SimpleNamespace(takes=lambda kind: False)))
    service = SystemService(tmp_path, store, kinds, machine, nowhere, unused, unused, unused, unused, unused, unused)
    asked = pb.EstimateRequest(spec=pb.TrainSpec(voice="anna"))
    told = asyncio.run(service.Estimate(asked, None))
    assert bool(told.gpu_memory) is bool(gpus)
    assert told.steps
    assert told.disk


@pytest.mark.parametrize(("visible", "own"), [("1", 1), ("", None)])
def test_a_doctor_tells_of_every_gpu_and_which_one_is_worked_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str, own: int | None
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    driver = FakeDriver()
    driver.count = 2
    driver.processes[1].usedGpuMemory = 5_000_000_000

    async def told() -> list[pb.Notifier]:
        return []

    doctor = Doctor(tmp_path, DiskSpace(tmp_path, 0), store, Gpus(driver), lambda pid: "", told)
    found = {finding.name: finding for finding in asyncio.run(doctor.examine())}
    for number in range(2):
        finding = found[f"gpu {number}"]
        assert finding.sentence.startswith("NVIDIA RTX 4090: 7.0 of 24.0 GB used, 93% busy, 71 °C.")
        assert ("Myna does not work on this one." in finding.sentence) is (own is not None and number != own)
        assert ("a process of another user (process 999999999) holds 5.0 GB." in finding.sentence) is (number == own)
        assert finding.state == ("note" if number == own else "ok"), "only there a training has less room"
    assert ("gpu" in found) is (own is None), "that there is none for us is said"
