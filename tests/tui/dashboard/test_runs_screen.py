"""Screen Runs as it is used."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engines import registry
from engines.training import settings
from engines.training.settings import LoraSettings, TrainSettings
from proto import myna_pb2 as pb
from proto.messages import train_spec
from tests.tui import told
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import at, set_scene
from tests.tui.stage.server import Stage
from tui.dashboard import run_rows
from tui.widgets.runs_pane import repeated

pytestmark = pytest.mark.integration


def watch(
    stage: Stage,
    home: Path,
    steps: Callable[[Viewer], Awaitable[None]],
    scene: str = "busy",
    size: tuple[int, int] = (200, 50),
) -> None:
    """Open the dashboard on the scene's runs and do the steps."""
    set_scene(stage, scene)

    async def look() -> None:
        async with looking(home, size, toasts=True) as viewer:
            await viewer.press("6")
            await viewer.sees("run 12 · anna from @6")
            await steps(viewer)

    asyncio.run(look())


def test_settings_and_results_stand_beside_each_other(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        (line,) = [line for line in viewer.text().splitlines() if "#8 " in line]
        assert "done #8 anna 3,000 0.84 2,600 @5 @6 #3 1 h 6 min 0.0001 16 full glow" in " ".join(line.split())

    watch(stage, home, steps)


@pytest.mark.parametrize(
    ("way", "title", "column"),
    [
        (pb.RUN_WAY_AVERAGED, "run 12 · anna from the base, averaged with @6", "base + @6"),
        (pb.RUN_WAY_ON_TOP, "run 12 · anna from @6 on", "@6"),
        (pb.RUN_WAY_BASE, "run 12 · anna from the base on", "base"),
    ],
)
def test_what_a_run_came_from_is_said_as_it_was(
    stage: Stage, home: Path, way: pb.RunWay.ValueType, title: str, column: str
) -> None:
    set_scene(stage, "busy")
    run = stage.runs.rows[12]
    run.way = way
    assert run_rows.cells(run)[run_rows.HEAD.index("from")] == column

    async def look() -> None:
        async with looking(home, (80, 24)) as viewer:
            await viewer.press("6")
            await viewer.sees(title)

    asyncio.run(look())


def test_a_chosen_run_stays_in_the_chart_while_the_cursor_moves_on(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("j", "j", "space", "k")
        await viewer.sees("run 11 · dora", "#8 held out", "0.0002  0.0001")
        await viewer.press("j", "space", "k")
        await viewer.no_longer_sees("#8 held out")

    watch(stage, home, steps)


def test_a_failed_run_goes_on_from_its_checkpoint_and_a_finished_one_says_that_it_is(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("r")
        await viewer.until(lambda: stage.jobs.changed == [("Retry", 12)], "the failed training to be tried again")
        stage.jobs.rows[8] = pb.Job(id=8, run=8, status=pb.JobStatus(succeeded=pb.JobStatus.Succeeded(ended=at(0))))
        await viewer.press("j", "j", "r")
        await viewer.sees("Run #8 has succeeded.", "e repeats it with changes.")

    watch(stage, home, steps, "failed")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_chosen_runs_are_put_side_by_side_and_back(stage: Stage, home: Path, size: tuple[int, int]) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("space", "j", "w")
        text = await viewer.sees("Curves", "run 11 · dora", "run 12 · anna")
        assert any("run 11 · dora" in line and "run 12 · anna" in line for line in text.splitlines()), "side by side"
        await viewer.press("w")
        await viewer.no_longer_sees("Curves")
        await viewer.sees("run 11 · dora from @1", "#12 held out")

    watch(stage, home, steps, size=size)


def test_charts_side_by_side_go_on_after_the_daemon_was_away(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("space", "j", "w")
        await viewer.sees("run 11 · dora", "run 12 · anna")
        stage.runs.tell(11, "held_out/loss", {1_000: 0.5})
        await viewer.sees("best 0.5 at 1,000")
        stage.close()
        await viewer.sees("Lost the daemon")
        stage.runs.tell(11, "held_out/loss", {1_200: 0.25})
        stage.open()
        await viewer.sees("best 0.25 at 1,200", "run 12 · anna")

    watch(stage, home, steps)


def test_a_run_is_repeated_with_its_settings_but_for_the_one_that_was_changed(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("j", "j", "e")
        await viewer.sees("Repeat run #8", "4,000 steps, about 52 min")
        await viewer.press("tab", "tab", "tab", "tab", "home", "ctrl+k", *"0.0005")
        await viewer.press("ctrl+t")
        await viewer.until(lambda: len(stage.jobs.submitted) == 1, "the training to be submitted")
        spec = stage.jobs.submitted[0].spec.train
        chosen = spec.options
        assert (spec.voice, spec.dataset, getattr(spec, "from")) == ("anna", 3, "5")
        assert (chosen.steps, chosen.learning_rate, chosen.batch_size, chosen.lora_rank, chosen.seed) == (
            3_000,
            0.0005,
            16,
            0,
            1,
        )

    watch(stage, home, steps)


def test_a_run_of_adapters_is_shown_with_their_rank_and_repeated_with_them(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        await viewer.press("j")
        row = next(line for line in viewer.text().splitlines() if "#11" in line)
        assert "full" not in row
        await viewer.press("e")
        await viewer.sees("Repeat run #11", "4,000 steps, about 52 min")
        await viewer.press("ctrl+t")
        await viewer.until(lambda: len(stage.jobs.submitted) == 1, "the training to be submitted")
        chosen = stage.jobs.submitted[0].spec.train.options
        assert (chosen.lora_rank, chosen.engine["lora_alpha"]) == (8, "16")

    watch(stage, home, steps)


def test_the_settings_of_a_run_go_back_into_a_training_as_they_were() -> None:
    """From the row through the dashboard's form to the daemon's own reading of what is asked."""
    info = dataclasses.replace(registry.ENGINES["xtts"])
    whole = TrainSettings(steps=2_000, learning_rate=2e-4, batch_size=16)
    for lora in (None, LoraSettings(rank=8, alpha=4, dropout=0.25, targets=("c_attn", "c_proj"))):
        run = told.run(11, "dora", dataclasses.replace(whole, lora=lora).to_json(), dataset=2)
        options = train_spec("dora", **dict(repeated(run))).options
        given = {field.name: value for field, value in options.ListFields() if field.name != "engine"}
        given |= {name: settings.read(name, text) for name, text in options.engine.items()}
        again = settings.overrides(given, info)["lora"]
        assert again == (None if lora is None else {**vars(lora), "targets": list(lora.targets)})


def test_a_training_that_began_meanwhile_comes_into_the_list(stage: Stage, home: Path) -> None:
    async def steps(viewer: Viewer) -> None:
        stage.runs.rows[16] = pb.Run(id=16, voice="ben", engine="glow", job=16, dataset=1, steps=500)
        going = pb.JobStatus(running=pb.JobStatus.Running(started=at(0)))
        stage.jobs.tell(job=pb.Job(id=16, kind=pb.TRAIN, voice="ben", title="train ben", run=16, status=going))
        await viewer.sees("#16", "ben")

    watch(stage, home, steps)
