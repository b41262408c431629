"""What is seen of GPUs through NVML. A fake stands in for the driver; its errors and the names of its functions are
nvidia-ml-py's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from daemon.machine.gpu import Gpus

pytestmark = pytest.mark.unit
GB = 1_000_000_000


class FakeDriver:
    """One 24 GB card with two processes on it. Whatever it does not have, nvidia-ml-py itself is asked for (errors,
    constants)."""

    def __init__(self) -> None:
        self.processes = [
            SimpleNamespace(pid=os.getpid(), usedGpuMemory=6 * GB),
            SimpleNamespace(pid=999_999_999, usedGpuMemory=None),
        ]
        self.init_error: Exception | None = None
        self.count = 1
        self.deaf = False
        self.power_known = True
        self.inits = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("NVML", "NVMLError")):
            return getattr(pynvml, name)
        raise AttributeError(name)

    def nvmlInit(self) -> None:
        self.inits += 1
        if self.init_error is not None:
            raise self.init_error

    def nvmlShutdown(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"handle {index}"

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "NVIDIA RTX 4090"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        if self.deaf:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return SimpleNamespace(total=24 * GB, used=7 * GB, free=17 * GB)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        return SimpleNamespace(gpu=93, memory=40)

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 71

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        if not self.power_known:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return 312_500

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: str) -> int:
        return 450_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:
        return self.processes

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: str) -> list[Any]:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_the_fake_has_only_functions_that_nvidia_ml_py_has() -> None:
    for name in vars(FakeDriver):
        if name.startswith("nvml"):
            assert callable(getattr(pynvml, name)), name


def test_a_gpu_is_told_in_si_units() -> None:
    (gpu,) = Gpus(FakeDriver()).sample()
    assert gpu.name == "NVIDIA RTX 4090"
    assert (gpu.memory_total, gpu.memory_used) == (24 * GB, 7 * GB)
    assert gpu.utilisation == pytest.approx(0.93)
    assert gpu.temperature == 71
    assert (gpu.power, gpu.power_limit) == (312.5, 450.0)


def test_processes_are_named_by_their_job_or_their_program() -> None:
    owner: Callable[[int], str] = lambda pid: "train #12" if pid == os.getpid() else ""  # noqa: E731
    (gpu,) = Gpus(FakeDriver()).sample(owner)
    ours, other = gpu.processes
    assert (ours.owner, ours.ours, ours.memory) == ("train #12", True, 6 * GB)
    assert (other.owner, other.ours, other.memory) == ("a process of another user", False, 0)


def test_what_a_gpu_does_not_tell_is_zero() -> None:
    driver = FakeDriver()
    driver.power_known = False
    (gpu,) = Gpus(driver).sample()
    assert gpu.power == 0
    assert gpu.power_limit == 450


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "does not answer"),
    ],
)
def test_no_driver_is_a_sentence(code: int, words: str) -> None:
    driver = FakeDriver()
    driver.init_error = pynvml.NVMLError(code)
    gpus = Gpus(driver)
    assert gpus.sample() == []
    assert words in gpus.no_gpu
    assert not gpus.present
    assert gpus.free() is None
    assert driver.inits == 1  # asked once, and again only after a while


def test_a_driver_without_a_gpu_is_a_sentence() -> None:
    driver = FakeDriver()
    driver.count = 0
    gpus = Gpus(driver)
    assert gpus.sample() == []
    assert "finds no GPU" in gpus.no_gpu


def test_a_gpu_that_falls_off_the_bus_is_a_sentence() -> None:
    driver = FakeDriver()
    gpus = Gpus(driver)
    assert gpus.present is False
    assert len(gpus.sample()) == 1
    assert gpus.present
    assert gpus.free() == 17 * GB
    driver.deaf = True
    assert gpus.free() == 17 * GB, "the last look: the driver is not asked"
    gpus.refresh()
    assert gpus.free() is None
    assert gpus.sample() == []
    assert "stopped answering" in gpus.no_gpu
    assert not gpus.present


def test_this_machine_has_a_gpu_or_says_why_not() -> None:
    gpus = Gpus()
    assert bool(gpus.sample()) != bool(gpus.no_gpu)
