"""The checks of a card, as far as there need be none: what they conclude from what they see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engines.autoregressive import graphs
from engines.fast_paths import card as known
from engines.fast_paths.proving import Proofs
from engines.fast_paths.record import Card, FastPath, Outcome, Proof, Records
from engines.fish import tiny_base as fish_base
from engines.self_test import bench, card, checks, training
from engines.self_test.bench import Bench
from engines.self_test.result import Check, Reason, Result, State, passed
from engines.training.report import Collected
from engines.xtts import tiny_base
from tests.made_once import made_once
from tests.pretend_gpu.recorded import RecordedCall

CUDA = torch.device("cuda")
GB = 1_000_000_000
A_CARD = Card("Pretended 1", "GPU-1", "600.1", "2.13")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a base lies already, for checks that do not look into it."""
    monkeypatch.setenv("MYNA_XTTS_BASE", "")  # put back afterwards
    (tmp_path / "base").mkdir()
    return tmp_path


def taken(*told: int | None) -> Any:
    """The card's memory in use, by look; the last for ever."""
    looks: Iterator[int | None] = iter(told)
    return lambda: next(looks, told[-1])


def test_memory_that_comes_back_a_while_after_a_workers_end_has_come_back(folder: Path) -> None:
    seen = Bench(CUDA, folder, taken(3 * GB, 2 * GB, GB))
    result = training._returned(seen, before=GB, during=3 * GB)
    assert result.state is State.OK
    assert result.figures["held_bytes"] == 2 * GB


def test_memory_that_stays_taken_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SOON", 0.0)
    result = training._returned(Bench(CUDA, folder, taken(2 * GB)), before=GB, during=3 * GB)
    assert (result.state, result.reason) == (State.FAILED, Reason.NOT_RETURNED)
    assert result.figures["left_bytes"] == GB


def test_a_worker_that_never_took_any_proves_nothing(folder: Path) -> None:
    result = training._returned(Bench(CUDA, folder, taken(GB)), before=GB, during=GB)
    assert result.state is State.FAILED


def test_a_driver_that_tells_nothing_is_no_failure(folder: Path) -> None:
    result = training._returned(Bench(CUDA, folder, taken(None)), before=None, during=None)
    assert (result.state, result.reason) == (State.SKIPPED, Reason.NOT_TOLD)


def test_losses_are_compared_step_by_step() -> None:
    assert bench.farthest([2.0, 1.0], [2.0, 1.1]) == pytest.approx(0.1)
    assert bench.farthest([2.0, 1.0], [2.0]) == float("inf")
    assert bench.farthest([], []) == float("inf")


@pytest.mark.parametrize(
    ("outcomes", "code", "state", "reason"),
    [
        ({"tf32": "equal", "bf16": "equal"}, 0, State.OK, Reason.NONE),
        ({"tf32": "equal", "bf16": "differs"}, 0, State.FAILED, Reason.DIFFERS),
        ({"tf32": "equal", "decode-graphs": "raised"}, 0, State.FAILED, Reason.DIFFERS),
        ({"tf32": "equal"}, -11, State.FAILED, Reason.DIED),
    ],
)
def test_fast_paths_hold_when_all_do_and_the_process_lives(
    outcomes: dict[str, str], code: int, state: State, reason: Reason
) -> None:
    told = "".join(json.dumps({"path": path, "outcome": outcome}) + "\n" for path, outcome in outcomes.items())
    result = card.judged(told, code)
    assert (result.state, result.reason, result.texts) == (state, reason, outcomes)


@pytest.fixture
def furnished(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tiny bases lie."""
    (tmp_path / "base").symlink_to(made_once(tmp_path_factory, "xtts-base", tiny_base.write))
    (tmp_path / "fish").symlink_to(made_once(tmp_path_factory, "fish-base", fish_base.write))
    monkeypatch.setenv("MYNA_XTTS_BASE", "")
    return tmp_path


def test_a_folder_that_a_self_test_used_before_is_as_good_as_a_new_one(
    furnished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(bench.SETTINGS, steps=2, eval_every=2, checkpoint_every=1)

    def trained(here: Bench) -> tuple[Result]:
        report = Collected()
        bench.run(here.device, here.run_folder("killed"), report=report, settings=short)
        return (passed(Check.RESUME, {str(step): loss for step, loss in enumerate(bench.losses(report), 1)}),)

    monkeypatch.setattr(checks, "_ORDER", (((Check.RESUME,), trained),))
    found = []
    for _ in range(2):
        (result,) = checks.results("cpu", furnished, lambda: None, 60.0)
        assert result.state is State.OK, result
        found.append(result.figures)
    assert [*found[0]] == ["1", "2"], "a step each that was trained"
    assert found[0] == found[1]
    assert {path.name for path in furnished.iterdir()} == {"base", "fish"}, "trainings go, and bases stay"


def test_graphs_that_hold_on_the_tiny_model_are_proved_again_on_others(
    furnished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = furnished / "fast_paths.json"
    Records(file).put(Proof(FastPath.GRAPHS, "large", A_CARD, Outcome.DIED))
    Records(file).put(Proof(FastPath.TF32, "", A_CARD, Outcome.DIFFERS))
    proofs = Proofs(A_CARD, file)
    monkeypatch.setattr(known, "proofs", lambda device: proofs)
    monkeypatch.setattr(graphs, "CudaGraph", RecordedCall)
    monkeypatch.setattr(graphs, "GROWTH", 4)  # over few codes: what they say is tested elsewhere
    here = Bench(torch.device("cpu"), furnished, lambda: None)
    assert card.prove(here, FastPath.GRAPHS) is Outcome.EQUAL
    left = {(proof.path, proof.subject): proof.outcome for proof in Records(file).all()}
    assert (FastPath.GRAPHS, "large") not in left, "asked for again, it is proved again"
    assert left[FastPath.TF32, ""] is Outcome.DIFFERS
    equal = {subject.rsplit(", ", 2)[0] for (_, subject), outcome in left.items() if outcome is Outcome.EQUAL}
    assert equal == {"xtts, fp32", "xtts, fewer bits", "fish, fp32", "fish, bf16"}


def test_what_a_check_raises_is_its_result_and_others_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(bench: Bench) -> Any:
        raise RuntimeError("no kernel image")

    order = (
        ((Check.MEMORY_RETURN, Check.RESUME), raises),
        ((Check.BF16,), lambda bench: (passed(Check.BF16, {"error_share": 0.0}),)),
    )
    monkeypatch.setattr(checks, "_ORDER", order)
    first, second, third = checks.results("cpu", folder, lambda: None, 60.0)
    assert [one.reason for one in (first, second)] == [Reason.RAISED] * 2
    assert first.texts == {"error": "RuntimeError: no kernel image"}
    assert third.state is State.OK
    late = list(checks.results("cpu", folder, lambda: None, -1.0))
    assert {one.reason for one in late} == {Reason.NO_TIME}
