"""What the GPUs do, through NVML (nvidia-ml-py). No library, no driver, no GPU: each is a normal state with a
sentence."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.machine.energy import GpuPower, ask_gpu
from daemon.machine.own_gpus import own
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.gpu")

AGAIN = 60.0  #: seconds after which a machine without a GPU is asked again (a driver may be loaded late)
SOON = 5.0  #: the same where there was one that answered (a driver that is reloaded)


@dataclass(frozen=True)
class Device:
    """A GPU that Myna works on, as it was at the last look."""

    uuid: str  #: what a worker's CUDA_VISIBLE_DEVICES has
    index: int  #: as nvidia-smi numbers them
    name: str
    total: int  #: bytes of memory
    free: int | None = None  #: bytes; None: it does not answer
    lost: bool = False  #: it stopped answering


@dataclass(frozen=True)
class _Card:
    """A GPU of this machine, as the driver knows it."""

    handle: Any
    uuid: str
    index: int
    name: str
    total: int


class Gpus:
    """Samples the GPUs. Blocking calls, thread-safe: ask from a thread, NVML can take its time; only the properties,
    `free` and `no_gpu` answer at once, from the last look. `library` is pynvml, or a stand-in; `wanted`: the setting
    `gpus`."""

    def __init__(self, library: Any = None, wanted: Sequence[str] = ()) -> None:
        self._library = library
        self._wanted = tuple(wanted)
        self._lock = threading.Lock()
        self._cards: list[_Card] = []
        self._next_try = float("-inf")
        self.looked = False  #: the driver was asked; before that nobody knows what there is
        self.devices: tuple[Device, ...] = ()  #: ours, the preferred one first; those that are lost, too
        self.unknown: tuple[str, ...] = ()  #: names in the setting `gpus` of which this machine has no GPU
        self.no_gpu = "The GPU has not been asked yet."  #: why there is none, in a sentence; empty when there is one

    @property
    def present(self) -> bool:
        """There is a GPU, as far as was found out."""
        return bool(self._cards)

    @property
    def none_wanted(self) -> bool:
        """The setting names GPUs, and none of them is here: work must not take another one."""
        return bool(self._wanted) and not self.devices

    def free(self) -> int | None:
        """Bytes of our first GPU that were free at the last look; None without one, or while it does not answer."""
        return self.devices[0].free if self.devices else None

    def sample(self, owner: Callable[[int], str] = lambda pid: "") -> list[pb.Gpu]:
        """Every GPU as it is now, those that we work on marked; empty when there is none (`no_gpu` says why). `owner`
        names a process of ours: pid → "train #12"."""
        with self._lock:
            if not self._open():
                return []
            ours = {device.uuid for device in self.devices}
            gpus: dict[str, pb.Gpu] = {}
            for card in self._cards:
                try:
                    gpu = self._one(card, owner)
                except self._library.NVMLError as error:  # a GPU that fell off the bus, a driver that was reloaded
                    log.warning("NVML: GPU %d: %s", card.index, error)
                    gpu = pb.Gpu(index=card.index, name=card.name, memory_total=card.total, lost=True)
                gpu.uuid, gpu.owned = card.uuid, card.uuid in ours
                gpus[card.uuid] = gpu
            free = {uuid: None if gpu.lost else gpu.memory_total - gpu.memory_used for uuid, gpu in gpus.items()}
            self._saw(free)
            return list(gpus.values()) if self._cards else []

    def lost(self, uuid: str) -> bool:
        """Look whether one of ours has stopped answering."""
        self.refresh()
        return any(device.lost for device in self.devices if device.uuid == uuid)

    def silent(self, uuid: str) -> None:
        """It did not answer in time: it counts as lost until it does. Answers at once."""
        self.devices = tuple(
            replace(device, free=None, lost=True) if device.uuid == uuid else device for device in self.devices
        )

    def refresh(self) -> None:
        """Find out how much of each is free, and nothing else."""
        with self._lock:
            if not self._open():
                return
            free: dict[str, int | None] = {}
            for card in self._cards:
                try:
                    free[card.uuid] = int(self._library.nvmlDeviceGetMemoryInfo(card.handle).free)
                except self._library.NVMLError:
                    free[card.uuid] = None
            self._saw(free)

    def powers(self) -> dict[str, GpuPower]:
        """What each GPU tells of its power and energy, by UUID."""
        with self._lock:
            return {card.uuid: ask_gpu(self._library, card.handle) for card in self._cards} if self._open() else {}

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
            if self._cards:
                self._shut()
                self._cards = []

    def _saw(self, free: dict[str, int | None]) -> None:
        """Keep what was seen: bytes that are free, by UUID; None: it did not answer. If none did, the driver is opened
        anew."""
        self.devices = tuple(
            replace(device, free=free.get(device.uuid), lost=free.get(device.uuid) is None) for device in self.devices
        )
        if all(bytes is None for bytes in free.values()):
            self.no_gpu = "The GPU stopped answering." if len(free) == 1 else "The GPUs stopped answering."
            self._shut()
            self._cards, self._next_try = [], time.monotonic() + SOON

    def _open(self) -> bool:
        if self._cards:
            return True
        if time.monotonic() < self._next_try:
            return False
        self._next_try = time.monotonic() + AGAIN
        self._cards = self._found()
        if self._cards:
            self.no_gpu = ""
            cards = {card.index: card for card in self._cards}
            every = [cards.get(index) for index in range(max(cards) + 1)]
            uuids, totals = [c.uuid if c else "" for c in every], [c.total if c else 0 for c in every]
            chosen = own(uuids, totals, self._wanted, os.environ.get("CUDA_VISIBLE_DEVICES"))
            ours = [cards[index] for index in chosen.indices if index in cards]
            self.devices = tuple(Device(card.uuid, card.index, card.name, card.total) for card in ours)
            self.unknown = chosen.unknown
        elif not self.devices:  # those that were there may come back
            self.unknown = self._wanted
        self.looked = True
        return bool(self._cards)

    def _found(self) -> list[_Card]:
        """The driver's GPUs; none: `no_gpu` says why."""
        if self._library is None:
            try:
                import pynvml
            except ImportError:
                self.no_gpu = "The package nvidia-ml-py is not installed, so no GPU can be seen; work runs on the CPU."
                return []
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
            return self._counted()
        return []

    def _counted(self) -> list[_Card]:
        """The GPUs of a driver that was opened; none: it is let go of, and `no_gpu` says why."""
        nvml = self._library
        try:
            cards = [card for index in range(nvml.nvmlDeviceGetCount()) if (card := self._card(index)) is not None]
            self.no_gpu = "The NVIDIA driver finds no GPU; work runs on the CPU."
        except nvml.NVMLError as error:
            cards = []
            self.no_gpu = f"The NVIDIA driver does not answer ({error}); work runs on the CPU."
        if not cards:
            self._shut()
        return cards

    def _shut(self) -> None:
        with contextlib.suppress(self._library.NVMLError):  # it is gone already
            self._library.nvmlShutdown()

    def _card(self, index: int) -> _Card | None:
        """What the driver says of a GPU once; None: it does not answer."""
        nvml = self._library
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name, total = _text(nvml.nvmlDeviceGetName(handle)), int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
            return _Card(handle, _text(nvml.nvmlDeviceGetUUID(handle)), index, name, total)
        except nvml.NVMLError as error:
            log.warning("NVML: GPU %d: %s", index, error)
            return None

    def _one(self, card: _Card, owner: Callable[[int], str]) -> pb.Gpu:
        nvml, handle = self._library, card.handle
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        gpu = pb.Gpu(
            index=card.index,
            name=card.name,
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
