"""`myna doctor --gpu`: on a CPU the checks that make sense there; without a GPU one sentence; beside a daemon none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.machine.gpu import Gpus
from daemon.self_test import __main__ as program
from daemon.self_test import words
from daemon.self_test.words import Unusable
from engines.self_test.result import Check, Reason, Result, State
from proto.lock import lock_path
from tests.daemon.test_gpu import FakeDriver

ROOT = Path(__file__).resolve().parents[3]
#: Figures that a check may show.
FIGURES = dict.fromkeys(
    [
        "memory_used_bytes",
        "memory_total_bytes",
        "temperature_celsius",
        "power_watts",
        "error_share",
        "tried_paths",
        "ran_out_times",
        "clips",
        "clips_at_first",
        "before_bytes",
        "meanwhile_bytes",
        "difference_share",
        "held_bytes",
        "seconds",
        "steps",
        "resumed_step",
        "chunks",
        "first_seconds",
        "sound_seconds",
        "total_seconds",
        "fp32_teraflops",
        "bf16_teraflops",
        "trained_clips_per_second",
        "codes_per_second",
    ],
    3.0,
)


def run(home: Path, *arguments: str, timeout: float = 280.0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MYNA_HOME": str(home), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, "-m", "daemon.self_test", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_on_a_cpu_all_that_makes_sense_there_holds(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "--device", "cpu", "--json", "--most", "1000")
    told = json.loads(done.stdout)
    states = {one["check"]: one["state"] for one in told["results"]}
    assert set(states) == set(Check)
    about_a_card = {Check.CARD, Check.FAST_PATHS, Check.YIELD, Check.MEMORY_RETURN}
    assert {check for check, state in states.items() if state == "skipped"} == about_a_card
    assert not [one["sentence"] for one in told["results"] if one["state"] == "failed"], done.stderr[-3_000:]
    assert done.returncode == 0
    figures = {one["check"]: one["figures"] for one in told["results"]}
    assert figures[Check.RESUME]["difference_share"] == 0.0, "bit for bit"
    assert figures[Check.OUT_OF_MEMORY]["clips"] == 2
    assert figures[Check.SPEECH]["chunks"] > 1


@pytest.mark.skipif(bool(Gpus().sample()), reason="there is a GPU")
@pytest.mark.parametrize("as_json", [False, True])
def test_without_a_gpu_one_sentence_says_so(tmp_path: Path, as_json: bool) -> None:
    done = run(tmp_path / "home", *(["--json"] if as_json else []))
    assert done.returncode == program.NOTHING_TO_TEST
    if as_json:
        assert json.loads(done.stdout)["reason"] == Unusable.NO_GPU
    else:
        assert done.stderr.startswith("myna: There is no GPU to test.")
        assert not done.stdout


def test_beside_a_daemon_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    path = lock_path(tmp_path)
    path.parent.mkdir()
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert program.unusable(tmp_path, Gpus(FakeDriver())) is Unusable.DAEMON
    sentence, hint = words.refusal(Unusable.DAEMON, "")
    assert "daemon" in sentence
    assert "myna down" in hint


def test_nvml_is_asked_for_what_the_daemon_needs() -> None:
    result = program.card(Gpus(FakeDriver()))
    assert result.state is State.OK
    assert "7.0 GB of 24.0 GB used, 71 °C, 312 W" in words.sentence(result)
    dead = FakeDriver()
    dead.deaf = True
    assert program.card(Gpus(dead)).reason is Reason.NOT_TOLD


@pytest.mark.parametrize("check", list(Check))
@pytest.mark.parametrize("state", list(State))
def test_every_result_has_its_words(check: Check, state: State) -> None:
    told = words.line(Result(check, state, Reason.NONE if state is State.OK else Reason.RAISED, FIGURES))
    assert told.startswith(state)
    assert check in told


def test_every_reason_and_refusal_has_its_words() -> None:
    for reason in set(Reason) - {Reason.NONE}:
        assert words.sentence(Result(Check.BF16, State.FAILED, reason)).endswith(".")
    for why in Unusable:
        assert all(words.refusal(why, "No driver."))
