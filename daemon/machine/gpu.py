"""What the GPUs do, through NVML (nvidia-ml-py). No library, no driver, no GPU: each is a normal state with a
sentence."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proto import myna_pb2 as pb

log = logging.getLogger("mynad.gpu")

AGAIN = 60.0  #: seconds after which a machine without a GPU is asked again (a driver may be loaded late)


class Gpus:
    """Samples the GPUs. Blocking calls, thread-safe: ask from a thread, NVML can take its time; only `present`, `free`
    and `no_gpu` answer at once, from the last look. `library` is pynvml, or a stand-in."""

    def __init__(self, library: Any = None) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._handles: list[Any] = []
        self._own: int | None = None
        self._free: int | None = None
        self._tried = float("-inf")
        self.no_gpu = "The GPU has not been asked yet."  #: why there is none, in a sentence; empty when there is one

    @property
    def present(self) -> bool:
        """There is a GPU, as far as was found out."""
        return bool(self._handles)

    def sample(self, owner: Callable[[int], str] = lambda pid: "") -> list[pb.Gpu]:
        """Every GPU as it is now, the one that we work on marked; empty when there is none (`no_gpu` says why). `owner`
        names a process of ours: pid → "train #12"."""
        with self._lock:
            if not self._open():
                self._free = None
                return []
            try:
                gpus = [self._one(index, handle, owner) for index, handle in enumerate(self._handles)]
            except self._library.NVMLError as error:  # a GPU that fell off the bus, a driver that was reloaded
                log.warning("NVML: %s", error)
                self._handles, self._free, self.no_gpu = [], None, f"The GPU stopped answering: {error}."
                return []
            self._mark(gpus)
            return gpus

    def refresh(self) -> None:
        """Find out what `free` answers, and nothing else."""
        with self._lock:
            try:
                own = self._handles[self._own] if self._open() and self._own is not None else None
                self._free = int(self._library.nvmlDeviceGetMemoryInfo(own).free) if own is not None else None
            except self._library.NVMLError:
                self._free = None

    def free(self) -> int | None:
        """Bytes of our GPU that were free at the last look or sample; None without one, or while it does not answer."""
        return self._free

    def driver(self) -> str:
        """The driver's release; empty without one, or while it does not answer."""
        with self._lock:
            try:
                return _text(self._library.nvmlSystemGetDriverVersion()) if self._open() else ""
            except self._library.NVMLError:
                return ""

    def close(self) -> None:
        """Let go of the driver."""
        with self._lock:
            if self._handles:
                self._library.nvmlShutdown()
                self._handles = []

    def _open(self) -> bool:
        if self._handles:
            return True
        if time.monotonic() - self._tried < AGAIN:
            return False
        self._tried = time.monotonic()
        if self._library is None:
            try:
                import pynvml
            except ImportError:
                self.no_gpu = "The package nvidia-ml-py is not installed, so no GPU can be seen; work runs on the CPU."
                return False
            self._library = pynvml
        nvml = self._library
        try:
            nvml.nvmlInit()
        except nvml.NVMLError_LibraryNotFound:
            self.no_gpu = "There is no NVIDIA driver on this machine; work runs on the CPU."
        except nvml.NVMLError_DriverNotLoaded:
            self.no_gpu = "The NVIDIA driver is installed but not loaded; work runs on the CPU."
        except nvml.NVMLError as error:
            self.no_gpu = f"The NVIDIA driver does not answer ({error}); work runs on the CPU."
        else:
            count = nvml.nvmlDeviceGetCount()
            self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
            self.no_gpu = "" if count else "The NVIDIA driver finds no GPU; work runs on the CPU."
            self._own = self._first_visible() if count else None
            if not count:
                nvml.nvmlShutdown()
        return bool(self._handles)

    def _first_visible(self) -> int | None:
        """The index of the GPU that torch takes in our workers: the first that CUDA_VISIBLE_DEVICES leaves it; None:
        that leaves none, or names a part of one."""
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        if named is None:
            return 0
        first = named.partition(",")[0].strip()
        if first.isdecimal():
            return int(first) if int(first) < len(self._handles) else None
        if first.startswith("GPU-"):
            for index, handle in enumerate(self._handles):
                try:
                    if _text(self._library.nvmlDeviceGetUUID(handle)).startswith(first):
                        return index
                except self._library.NVMLError:
                    continue
        return None

    def _mark(self, gpus: list[pb.Gpu]) -> None:
        """Say which one is ours. Where processes of ours are is believed rather than the order of the driver, which
        need not be CUDA's."""
        used = [gpu.index for gpu in gpus if any(process.ours for process in gpu.processes)]
        if used and self._own not in used:
            self._own = used[0]
        self._free = None
        for gpu in gpus:
            gpu.owned = gpu.index == self._own
            if gpu.owned:
                self._free = gpu.memory_total - gpu.memory_used

    def _one(self, index: int, handle: Any, owner: Callable[[int], str]) -> pb.Gpu:
        nvml = self._library
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        gpu = pb.Gpu(
            index=index,
            name=_text(nvml.nvmlDeviceGetName(handle)),
            memory_total=memory.total,
            memory_used=memory.used,
            utilisation=self._maybe(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100,
            temperature=self._maybe(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            power=self._maybe(lambda: nvml.nvmlDeviceGetPowerUsage(handle)) / 1000,  # NVML speaks of milliwatts
            power_limit=self._maybe(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle)) / 1000,
        )
        memory_of: dict[int, int] = {}
        for running in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
            try:
                processes = running(handle)
            except nvml.NVMLError:
                continue
            for process in processes:
                memory_of[process.pid] = max(memory_of.get(process.pid, 0), process.usedGpuMemory or 0)
        for pid, used in sorted(memory_of.items(), key=lambda item: -item[1]):
            ours = owner(pid)
            gpu.processes.add(pid=pid, memory=used, owner=ours or _program(pid), ours=bool(ours))
        return gpu

    def _maybe(self, read: Callable[[], float]) -> float:
        """A figure, or 0 where this GPU does not tell it (power on laptops, utilisation in MIG slices)."""
        try:
            return float(read())
        except self._library.NVMLError:
            return 0.0


def _text(told: str | bytes) -> str:
    """What older releases of nvidia-ml-py tell as bytes."""
    return told.decode() if isinstance(told, bytes) else told


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a process of another user"
