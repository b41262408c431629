"""What GPUs and CPUs took between two looks: counters, power, counters that go round, and what is not known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_gpu import FakeDriver

from daemon.machine import energy
from daemon.machine.energy import CpuMeter, GpuPower, Package, Rapl
from daemon.machine.gpu import Gpus

pytestmark = pytest.mark.unit


def powercap(root: Path, *microjoules: int, most: int = 262_143_328_850) -> Path:
    """A folder as the kernel has it, with so many packages, a part of the first and one for the whole machine."""
    for number, count in enumerate(microjoules):
        package(root / f"intel-rapl:{number}", f"package-{number}", count, most)
    package(root / "intel-rapl:0:0", "core", 5, most)
    package(root / f"intel-rapl:{len(microjoules)}", "psys", 7_000_000, most)
    return root


def package(folder: Path, name: str, microjoules: int, most: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")


def test_a_counter_tells_what_a_gpu_took() -> None:
    used = energy.between(GpuPower(1_000_000, 300.0), GpuPower(1_250_500, 100.0), 1.0)
    assert used is not None
    assert (used.joules, used.integrated) == (250.5, False)
    assert used.error == pytest.approx(0.05 * 250.5)


def test_without_a_counter_power_is_integrated_and_says_how_far_it_may_be_off() -> None:
    used = energy.between(GpuPower(None, 100.0), GpuPower(None, 300.0), 2.0)
    assert used is not None
    assert (used.joules, used.integrated) == (400.0, True)
    assert used.error == pytest.approx(0.05 * 400 + 200), "either power may have been drawn all the time"


@pytest.mark.parametrize(
    ("before", "now", "seconds"),
    [
        (None, GpuPower(5, 100.0), 1.0),
        (GpuPower(5, 100.0), None, 1.0),
        (GpuPower(None, None), GpuPower(None, None), 1.0),
        (GpuPower(None, 100.0), GpuPower(None, None), 1.0),
        (GpuPower(None, 100.0), GpuPower(None, 100.0), energy.LONGEST + 1),
        (GpuPower(9_000, None), GpuPower(5, None), 1.0),
    ],
)
def test_what_is_not_known_is_none_and_not_nothing(
    before: GpuPower | None, now: GpuPower | None, seconds: float
) -> None:
    assert energy.between(before, now, seconds) is None


def test_a_counter_that_was_set_anew_gives_way_to_power() -> None:
    used = energy.between(GpuPower(9_000_000, 100.0), GpuPower(5, 100.0), 1.0)
    assert used is not None
    assert (used.joules, used.integrated) == (100.0, True)


def test_each_gpu_is_asked_for_its_counter_and_its_power() -> None:
    driver = FakeDriver()
    driver.count = 2
    gpus = Gpus(driver)
    assert gpus.powers() == {f"GPU-{number * 4}-aaaa": GpuPower(None, 312.5) for number in "01"}
    driver.counts, driver.power_known = True, False
    first, later = gpus.powers()["GPU-0000-aaaa"], gpus.powers()["GPU-0000-aaaa"]
    assert first.millijoules is not None
    assert later.millijoules is not None
    assert later.millijoules >= first.millijoules
    assert first.watts is None


def test_without_a_driver_no_gpu_is_asked() -> None:
    driver = FakeDriver()
    driver.count = 0
    assert Gpus(driver).powers() == {}


def test_packages_are_summed_without_their_parts_and_without_the_whole_machine(tmp_path: Path) -> None:
    rapl = Rapl(powercap(tmp_path, 1_000_000, 2_000_000))
    before = rapl.look()
    assert before is not None
    assert sorted(before) == ["intel-rapl:0", "intel-rapl:1"]
    powercap(tmp_path, 3_000_000, 2_500_000)
    assert energy.between_cpu(before, rapl.look(), 1.0) == 2.5
    assert rapl.state is CpuMeter.READ


def test_a_counter_that_went_round_goes_on(tmp_path: Path) -> None:
    before = {"intel-rapl:0": Package(9_000_000, 10_000_000)}
    assert energy.between_cpu(before, {"intel-rapl:0": Package(500_000, 10_000_000)}, 1.0) == 1.5
    assert energy.between_cpu(before, {"intel-rapl:0": Package(500_000, 0)}, 1.0) is None
    assert energy.between_cpu(before, {"intel-rapl:0": Package(9_500_000, 10_000_000)}, 61.0) is None
    assert energy.between_cpu(before, None, 1.0) is None


def test_counters_that_only_root_may_read_are_said_to_be_unknown(tmp_path: Path) -> None:
    rapl = Rapl(powercap(tmp_path, 1_000_000))
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir()  # what cannot be read, for root too
    assert rapl.look() is None
    assert rapl.state is CpuMeter.FORBIDDEN
    assert Rapl(tmp_path / "nothing").state is CpuMeter.NONE
    assert Rapl(tmp_path / "nothing").look() is None


def test_a_group_has_the_time_of_all_its_processes_with_those_that_ended() -> None:
    busy = "import subprocess, sys, time; "
    burn = "t = time.process_time(); [0 for _ in iter(lambda: time.process_time() - t < 0.3, False)]"
    child = f"subprocess.run([sys.executable, '-c', 'import time; {burn}']); "
    with subprocess.Popen(
        [sys.executable, "-c", f"{busy}{child}print('done', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ticks = energy.group_ticks([process.pid, 2**30])
        process.communicate()
    assert ticks[process.pid] >= 25, "hundredths of a second"
    assert ticks[2**30] == 0
    assert energy.group_ticks([]) == {}
