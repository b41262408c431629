"""What is seen of GPUs through NVML. A fake stands in for the driver; its errors and the names of its functions are
nvidia-ml-py's own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from daemon.machine import gpu_findings
from daemon.machine.gpu import Gpus

pytestmark = pytest.mark.unit
GB = 1_000_000_000
HANGS = 30.0  #: seconds, at most


class FakeDriver:
    """24 GB cards (one, if nobody says more), each with two processes on it. Whatever it does not have, nvidia-ml-py
    itself is asked for (errors, constants)."""

    def __init__(self) -> None:
        self.processes = [
            SimpleNamespace(pid=os.getpid(), usedGpuMemory=6 * GB),
            SimpleNamespace(pid=999_999_999, usedGpuMemory=None),
        ]
        self.init_error: Exception | None = None
        self.count = 1
        self.works: int | None = None  #: the only GPU that the processes are on; None: all of them
        self.deaf = False  #: no card answers
        self.lost: set[int] = set()  #: cards that do not
        self.sizes: dict[int, int] = {}  #: bytes of cards that are no 24 GB
        self.taken: dict[int, int] = {}  #: bytes of them that are taken, where those are no 7 GB
        self.power_known = True
        self.watts = 312.5  #: that each draws
        self.counts = False  #: they have counters of energy
        self.loaded = time.monotonic()  #: when the driver was
        self.hangs: threading.Event | None = None  #: until it is set, no card says how much is free
        self.inits = 0
        self.count_error: Exception | None = None
        self.shutdown_error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("NVML", "NVMLError")):
            return getattr(pynvml, name)
        raise AttributeError(name)

    def nvmlInit(self) -> None:
        self.inits += 1
        if self.init_error is not None:
            raise self.init_error

    def nvmlShutdown(self) -> None:
        if self.shutdown_error is not None:
            raise self.shutdown_error

    def nvmlDeviceGetCount(self) -> int:
        if self.count_error is not None:
            raise self.count_error
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"handle {index}"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return f"GPU-{handle[-1] * 4}-aaaa"

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "NVIDIA RTX 4090"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        number = int(handle.split()[1])
        if self.hangs is not None:
            self.hangs.wait(HANGS)
        if self.deaf or number in self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        total, used = self.sizes.get(number, 24 * GB), self.taken.get(number, 7 * GB)
        return SimpleNamespace(total=total, used=used, free=total - used)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        return SimpleNamespace(gpu=93, memory=40)

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 71

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        if not self.power_known:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int(self.watts * 1000)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        if not self.counts:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int((time.monotonic() - self.loaded) * self.watts * 1000)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: str) -> int:
        return 450_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:
        return self.processes if self.works is None or handle == f"handle {self.works}" else []

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


@pytest.mark.parametrize(
    ("visible", "own"),
    [
        (None, [*range(8)]),
        ("0", [0]),
        ("3,1", [3, 1]),
        ("3,9,1", [3]),
        ("GPU-5555", [5]),
        ("GPU-5555,5, 2", [5, 2]),
        ("9", []),
        ("", []),
        ("-1", []),
        ("GPU-none", []),
        ("GPU-", []),
    ],
)
def test_of_several_gpus_those_that_are_left_to_us_are_marked(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, own: list[int]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    driver = FakeDriver()
    driver.count = 8
    gpus = Gpus(driver)
    told = gpus.sample()
    assert [gpu.index for gpu in told] == list(range(8))
    assert [gpu.index for gpu in told if gpu.owned] == sorted(own)
    assert [device.index for device in gpus.devices] == own, "the preferred one first"
    assert gpus.unknown == ()
    assert not gpus.none_wanted
    free = 17 * GB if own else None
    assert gpus.free() == free
    gpus.refresh()
    assert gpus.free() == free


@pytest.mark.parametrize(
    ("wanted", "own", "unknown"),
    [
        (("1", "0"), [1, 0], ()),
        (("GPU-2222-aaaa", "2"), [2], ()),
        (("GPU-2222", "7"), [2], ("7",)),
        (("GPU-9999-aaaa",), [], ("GPU-9999-aaaa",)),
    ],
)
def test_the_setting_says_which_gpus_are_ours_and_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, wanted: tuple[str, ...], own: list[int], unknown: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    driver = FakeDriver()
    driver.count = 3
    gpus = Gpus(driver, wanted)
    gpus.sample()
    assert [device.index for device in gpus.devices] == own
    assert gpus.unknown == unknown
    assert gpus.none_wanted is not bool(own)


def test_a_small_card_for_the_display_is_used_only_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver = FakeDriver()
    driver.count, driver.sizes, driver.taken = 3, {0: 2 * GB, 2: 8 * GB}, {0: 1 * GB, 2: 1 * GB}
    gpus, named = Gpus(driver), Gpus(driver, ("0",))
    assert [gpu.owned for gpu in gpus.sample()] == [False, True, True]
    assert [device.index for device in gpus.devices] == [1, 2]
    named.sample()
    assert [device.index for device in named.devices] == [0]


def test_what_the_setting_names_and_nobody_is_called_is_told_with_what_is_used_instead() -> None:
    driver = FakeDriver()
    gpus = Gpus(driver, ("0", "GPU-9999"))
    gpus.sample()
    (finding,) = gpu_findings.of(gpus)
    assert finding.sentence == (
        "gpus in myna.toml names GPU-9999, which no GPU of this machine is called. Myna works on GPU 0."
    )
    driver.count = 0
    none = Gpus(driver, ("3",))
    none.sample()
    (finding,) = gpu_findings.of(none)
    assert finding.sentence.endswith("Work runs on the CPU.")


def test_a_gpu_that_stops_answering_is_told_and_the_others_are_seen_as_before() -> None:
    driver = FakeDriver()
    driver.count = 2
    gpus = Gpus(driver)
    gpus.sample()
    driver.lost = {0}
    gpus.refresh()
    assert [(device.lost, device.free) for device in gpus.devices] == [(True, None), (False, 17 * GB)]
    lost, other = gpus.sample()
    assert (lost.index, lost.lost, lost.owned, lost.name) == (0, True, True, "NVIDIA RTX 4090")
    assert (other.index, other.lost, other.memory_used) == (1, False, 7 * GB)
    (finding,) = gpu_findings.of(gpus)
    assert finding.sentence.startswith("GPU 0 (NVIDIA RTX 4090) does not answer")
    driver.lost = set()
    gpus.refresh()
    assert [device.lost for device in gpus.devices] == [False, False]
    assert gpu_findings.of(gpus) == []


def test_a_driver_that_is_reloaded_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.machine.gpu.SOON", 0.0)
    driver = FakeDriver()
    gpus = Gpus(driver)
    gpus.sample()
    driver.deaf = True
    gpus.refresh()
    assert not gpus.present
    assert [device.lost for device in gpus.devices] == [True], "it is ours, and may come back"
    driver.deaf = False
    gpus.refresh()
    assert driver.inits == 2
    assert [device.lost for device in gpus.devices] == [False]


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


def test_a_driver_that_answers_no_more_once_it_was_opened_is_a_sentence() -> None:
    driver = FakeDriver()
    driver.count_error = driver.shutdown_error = pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)
    gpus = Gpus(driver)
    assert gpus.sample() == []
    assert "does not answer" in gpus.no_gpu
    assert gpus.looked


def test_a_driver_without_a_gpu_that_cannot_be_let_go_of_is_a_sentence_too() -> None:
    driver = FakeDriver()
    driver.count, driver.shutdown_error = 0, pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
    gpus = Gpus(driver)
    assert gpus.sample() == []
    assert "finds no GPU" in gpus.no_gpu


def test_a_driver_that_is_gone_at_the_end_ends_nothing_with_it() -> None:
    driver = FakeDriver()
    driver.shutdown_error = pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
    gpus = Gpus(driver)
    gpus.sample()
    gpus.close()
    assert not gpus.present


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
    assert not gpus.present
    assert gpus.sample() == []
    assert "stopped answering" in gpus.no_gpu
    assert not gpus.present


def test_this_machine_has_a_gpu_or_says_why_not() -> None:
    gpus = Gpus()
    assert bool(gpus.sample()) != bool(gpus.no_gpu)
