"""What a training would cost, on the machine that there is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session
from test_gpu import FakeDriver
from voice_rows import clip, dataset

from daemon import settings
from daemon.database.store import Store
from daemon.kinds.registry import Kinds
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
    unused = cast(Any, None)
    service = SystemService(tmp_path, store, kinds, machine, unused, unused, unused, unused, unused)
    asked = pb.EstimateRequest(spec=pb.TrainSpec(voice="anna"))
    told = asyncio.run(service.Estimate(asked, None))
    assert bool(told.gpu_memory) is bool(gpus)
    assert told.steps
    assert told.disk
