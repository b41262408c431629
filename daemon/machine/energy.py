"""How much energy GPUs and CPUs take: NVML's counters, power samples where a GPU has none, and RAPL.

What is not known is None, which is not nothing. Nothing here knows of jobs: `daemon.scheduling.energy_meter` says whose
it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

#: where the kernel tells what CPU packages took
POWERCAP = Path("/sys/class/powercap")
#: NVIDIA states its power sensors to within so much of what they read
SENSOR = 0.05
#: seconds between two looks beyond which what a GPU took meanwhile is not known from its power, …
LONGEST = 10.0
#: … and nor is what a CPU took from its counter, which may have gone round more than once
LONGEST_CPU = 60.0


@dataclass(frozen=True)
class GpuPower:
    """A GPU at one look."""

    millijoules: int | None  #: since its driver was loaded; None: it has no such counter
    watts: float | None  #: None: it does not tell its power


def ask_gpu(nvml: Any, handle: Any) -> GpuPower:
    """What NVML tells of a GPU. `nvml`: pynvml, or a stand-in."""
    millijoules = watts = None
    with contextlib.suppress(nvml.NVMLError):
        millijoules = int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    with contextlib.suppress(nvml.NVMLError):
        watts = nvml.nvmlDeviceGetPowerUsage(handle) / 1_000
    return GpuPower(millijoules, watts)


@dataclass(frozen=True)
class Used:
    """What a GPU took between two looks."""

    joules: float
    error: float  #: joules: at most so much more or less
    integrated: bool  #: of samples of its power; False: by its counter


def between(before: GpuPower | None, now: GpuPower | None, seconds: float) -> Used | None:
    """What a GPU took in so many seconds; None: not known. A counter that went back was set anew, with its driver."""
    if before is None or now is None or seconds < 0:
        return None
    if before.millijoules is not None and now.millijoules is not None and now.millijoules >= before.millijoules:
        joules = (now.millijoules - before.millijoules) / 1_000
        return Used(joules, SENSOR * joules, integrated=False)
    if before.watts is None or now.watts is None or seconds > LONGEST:
        return None
    joules = (before.watts + now.watts) / 2 * seconds
    # between the two samples it may have drawn what either of them says all the time
    return Used(joules, SENSOR * joules + abs(now.watts - before.watts) / 2 * seconds, integrated=True)


class CpuMeter(StrEnum):
    """Whether it can be known what the CPUs take."""

    READ = "read"
    NONE = "none"  #: the kernel has no counters of energy: a virtual machine, another architecture
    FORBIDDEN = "forbidden"  #: only root may read them


@dataclass(frozen=True)
class Package:
    """A CPU package at one look."""

    microjoules: int
    most: int  #: after which its counter begins at 0 again


class Rapl:
    """The counters of all CPU packages; `root`: where the kernel has them."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self._folders = sorted(folder for folder in root.glob("intel-rapl:*") if _is_package(folder))

    def look(self) -> dict[str, Package] | None:
        """The packages, by name of their folder; None: not all of them can be read."""
        found: dict[str, Package] = {}
        for folder in self._folders:
            try:
                found[folder.name] = Package(_number(folder / "energy_uj"), _number(folder / "max_energy_range_uj"))
            except (OSError, ValueError):
                return None
        return found or None

    @property
    def state(self) -> CpuMeter:
        """Whether they can be read now."""
        if not self._folders:
            return CpuMeter.NONE
        return CpuMeter.FORBIDDEN if self.look() is None else CpuMeter.READ


def between_cpu(before: dict[str, Package] | None, now: dict[str, Package] | None, seconds: float) -> float | None:
    """Joules that all packages took in so many seconds; None: not known."""
    if before is None or now is None or before.keys() != now.keys() or not 0 <= seconds <= LONGEST_CPU:
        return None
    total = 0
    for name, package in now.items():
        grown = package.microjoules - before[name].microjoules
        if grown < 0 and not package.most:
            return None
        total += grown if grown >= 0 else grown + package.most
    return total / 1_000_000


def cpu_ticks() -> tuple[int, int]:
    """(busy, all) ticks of all cores since boot."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]  # idle and waiting for the disk
    return sum(fields) - idle, sum(fields)


def group_ticks(groups: Iterable[int]) -> dict[int, int]:
    """Ticks that processes of these groups took since they began, with those of children that they have waited for."""
    found = dict.fromkeys(groups, 0)
    if not found:
        return found
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # it has ended
            continue
        if len(fields) > 14 and (group := int(fields[2])) in found:
            found[group] += sum(map(int, fields[11:15]))
    return found


def _is_package(folder: Path) -> bool:
    """A whole package; not a part of one (`intel-rapl:0:0`), nor all of the machine (psys), which has them in it."""
    if folder.name.count(":") != 1:
        return False
    try:
        return (folder / "name").read_text().startswith("package")
    except OSError:
        return False


def _number(path: Path) -> int:
    return int(path.read_text())
