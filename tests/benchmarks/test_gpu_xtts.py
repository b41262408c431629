"""`make bench-gpu`: its bars, that it says where there is no GPU, and that it goes its way on a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_xtts
from benchmarks import run as bench

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_xtts", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_measures_nothing() -> None:
    done = run()
    assert done.returncode != 0
    assert done.stderr.strip() == "There is no GPU here that torch can use: nothing was measured."
    assert not done.stdout


def test_a_table_in_which_nothing_was_measured_takes_no_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "KEPT", tmp_path)
    monkeypatch.setattr(bench, "benchmarks", lambda: ["gpu_xtts"])
    missing = bench.Row("gpu_xtts", "gpu xtts", "could not measure: there is no GPU", "", bench.NOT_MEASURED)
    monkeypatch.setattr(bench, "run", lambda name: [missing])
    monkeypatch.setattr("sys.argv", ["bench", "--group", "gpu"])
    assert bench.main() == 1
    assert not list(tmp_path.iterdir())


def test_bars_are_held_against_the_quickest_of_coquis_ways(capsys: pytest.CaptureFixture[str]) -> None:
    training = {"busy_share": 0.97, "memory_bytes": 2e9}
    found = {
        "coqui-fp32-3": {"audio_per_second": 10.0, **training},
        "coqui-bf16-12": {"audio_per_second": 40.0, **training},
        "lora": {"audio_per_second": 130.0, **training},
        "full": {"audio_per_second": 90.0, **training},
    }
    gpu_xtts._training(found)
    speaking = {"sound_seconds": 4.6, "fast_seconds": 0.3, "fp32_seconds": 0.5, "fp32_first_seconds": 0.15}
    stock = {"whole_seconds": 2.0, "first_seconds_20": 0.6, "first_seconds_6": 0.3, "sound_seconds": 4.6}
    gpu_xtts._speaking({"stock": stock, "ours": speaking, "plain": speaking})
    rows = [row for line in capsys.readouterr().out.splitlines() if (row := bench.parse("gpu_xtts", line))]
    verdicts = {row.name: row.verdict for row in rows}
    assert verdicts["LoRA bf16 training on a GPU, seconds of audio a second"] == "holds"
    assert verdicts["full bf16 training on a GPU, seconds of audio a second"] == "falls short"
    assert verdicts["first sound on a GPU, fp32"] == "holds"
    assert len(rows) == 7
    assert "0.300 s" in next(row.measured for row in rows if row.name.startswith("first sound"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_goes_its_way_on_a_cpu() -> None:
    done = run("--device=cpu", "--size=tiny", "--steps=1", "--codes=20")
    assert done.returncode == 0, done.stderr[-3_000:]
    assert sum(bench.parse("gpu_xtts", line) is not None for line in done.stdout.splitlines()) == 7
