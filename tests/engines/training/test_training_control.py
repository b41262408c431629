"""A training that is paused, cancelled, stopped or started again."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from toy_engine import ToyEngine, clips
from toy_training import SETTINGS, Script, run, same, weights

from engines.errors import BadInput, Cancelled
from engines.training.control import Command, Stopped, Switch
from engines.training.loop import train
from engines.training.report import Collected


def test_pauses_and_yields_change_nothing_in_the_result(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    control = Script({3: Command.PAUSE, 9: Command.YIELD, 10: Command.YIELD, 30: Command.PAUSE})
    _, paused, _ = run(tmp_path / "b", control=control)
    assert control.waits == 4
    assert same(weights(undisturbed), weights(paused))


def test_a_pause_takes_effect_within_one_step(tmp_path: Path) -> None:
    control, paused_at = Switch(), []
    waiting = threading.Event()

    class Watched(Collected):
        def points(self, step: int, values: Any) -> None:
            super().points(step, values)
            if step == 7 and "lr" in values:
                control.set(Command.PAUSE)

    report = Watched()
    plain_wait = control.wait

    def wait() -> None:
        paused_at.append(max(report.curves["lr"]))
        waiting.set()
        plain_wait()

    control.wait = wait  # type: ignore[method-assign]
    engine = ToyEngine()
    thread = threading.Thread(
        target=train,
        args=(engine, engine.load(None), clips(24), clips(5, 2), SETTINGS, tmp_path, control, report),
        daemon=True,
    )
    thread.start()
    assert waiting.wait(30)
    assert paused_at == [7]
    control.set(Command.GO)
    thread.join(30)
    assert not thread.is_alive()
    assert max(report.curves["lr"]) == 40


def test_a_cancelled_training_has_a_checkpoint_of_its_last_step(tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="cancelled at step 6"):
        run(tmp_path, control=Script({7: Command.CANCEL}))
    assert (tmp_path / "checkpoints" / "step-000006" / "optimizer.safetensors").exists()


def test_a_stopped_training_goes_on_later_as_if_nothing_had_happened(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Stopped, match="goes on from there later"):
        run(tmp_path / "b", control=Script({14: Command.STOP}))
    _, resumed, report = run(tmp_path / "b")
    assert min(report.curves["lr"]) == 14
    assert same(weights(undisturbed), weights(resumed))


def test_a_training_cancelled_before_its_first_step_starts_anew(tmp_path: Path) -> None:
    _, undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Cancelled, match="at step 0"):
        run(tmp_path / "b", control=Script({1: Command.CANCEL}))
    _, model, report = run(tmp_path / "b")
    assert min(report.curves["lr"]) == 1
    assert same(weights(undisturbed), weights(model))


def test_a_finished_training_started_again_only_loads_its_result(tmp_path: Path) -> None:
    first, a, _ = run(tmp_path)
    again, b, report = run(tmp_path)
    assert "lr" not in report.curves
    assert (again.steps, again.best_step, again.best_loss) == (first.steps, first.best_step, first.best_loss)
    assert same(weights(a), weights(b))


def test_a_run_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(BadInput, match="other clips or settings"):
        run(tmp_path, new=clips(25))
    with pytest.raises(BadInput, match="other clips or settings"):
        run(tmp_path, settings=dataclasses.replace(SETTINGS, learning_rate=1e-3))


def test_a_training_from_before_parents_were_averaged_is_known_for_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(tmp_path, control=Script({14: Command.STOP}))
    states = [json.loads(path.read_text())["state"] for path in (tmp_path / "checkpoints").glob("*/state.json")]
    assert {state["fingerprint"] for state in states} == {"dbb06a2c5ebc93d7"}
