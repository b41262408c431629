"""How busy the machine is: CPU and memory from /proc, room on the disk that holds the state, and the GPUs."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.machine.energy import cpu_ticks
from daemon.machine.gpu import Gpus
from daemon.machine.patience import apart
from proto import myna_pb2 as pb

FRESH = 0.5  #: seconds for which a sample serves everybody who asks


class Machine:
    """Samples on demand: without anybody watching nothing is measured. `owner` names a process of ours: pid → "train
    #12". `far`: lanes of other machines."""

    def __init__(
        self,
        home: Path,
        gpus: Gpus,
        owner: Callable[[int], str],
        far: Callable[[], Sequence[pb.FarLane]] = tuple,
    ) -> None:
        self._home = home
        self._gpus = gpus
        self._owner = owner
        self._far = far
        self._busy, self._all = cpu_ticks()
        self._cpu = 0.0
        self._taken = float("-inf")
        self._last = pb.SystemSample()
        self._lock = asyncio.Lock()

    async def sample(self) -> pb.SystemSample:
        """How it is now (or half a second ago)."""
        async with self._lock:
            if time.monotonic() - self._taken >= FRESH:
                self._last = await apart(self._measure)
                self._last.far_lanes.extend(self._far())
                self._taken = time.monotonic()
            return self._last

    def _measure(self) -> pb.SystemSample:
        gpus = self._gpus.sample(self._owner)
        busy, everything = cpu_ticks()
        if everything > self._all:
            self._cpu = (busy - self._busy) / (everything - self._all)
        self._busy, self._all = busy, everything
        total, available = _memory()
        disk = shutil.disk_usage(self._home)
        sample = pb.SystemSample(
            gpus=gpus,
            no_gpu="" if gpus else self._gpus.no_gpu,
            cpu=self._cpu,
            memory_total=total,
            memory_used=total - available,
            disk_total=disk.total,
            disk_free=disk.free,
        )
        sample.time.GetCurrentTime()
        return sample


def _memory() -> tuple[int, int]:
    """(total, available) bytes of memory."""
    table = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return tuple(int(table[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))  # type: ignore[return-value]
