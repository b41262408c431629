"""Screen Now as it is used: jobs are steered, asked for and compared with a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, watch
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_cancelling_asks_first_and_no_is_the_answer_of_enter(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press("c")
        await viewer.sees("Cancel #12", "since its last checkpoint is lost")
        await viewer.press("enter")
        await viewer.no_longer_sees("Cancel #12")
        assert stage.jobs.changed == []
        await viewer.press("c")
        await viewer.press("y")
        await viewer.until(lambda: stage.jobs.changed == [("Cancel", 12)], "the job to be cancelled")

    watch(home, steps, size=(80, 24))


def test_a_job_that_was_asked_to_end_or_to_wait_says_so_until_it_does(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("1,200 of 4,000 steps")
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.running.transition = pb.PAUSING
        stage.jobs.tell(job=row)
        await viewer.sees("pausing, 1,200 of 4,000 steps")
        await viewer.press("p")
        await viewer.until(lambda: stage.jobs.changed == [("Resume", 12)], "the pause to be taken back")
        row.status.running.transition = pb.CANCELLING
        stage.jobs.tell(job=row)
        await viewer.sees("cancelling, 1,200 of 4,000 steps")

    watch(home, steps)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        (("p",), ("Pause", 12)),
        (("j", "j", "p"), ("Resume", 11)),
        (("j", "j", "j", "j", "b"), ("Reorder first", 14)),
        (("j", "j", "j", "j", "e"), ("Reorder last", 14)),
        (("j", "j", "j", "j", "K"), ("Reorder before", 14)),
        (("G", "r"), ("Retry", 10)),
    ],
)
def test_jobs_are_steered_with_one_key(stage: Stage, home: Path, keys: tuple[str, ...], asked: tuple[str, int]) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("make anna's dataset #4")
        await viewer.press(*keys)
        await viewer.until(lambda: stage.jobs.changed == [asked], f"{asked}, not {stage.jobs.changed}")

    watch(home, steps)


def test_a_training_is_asked_for_in_a_form_that_says_what_it_costs(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.press("t")
        await viewer.sees("Train a voice", "4,000 steps, about 52 min")
        await viewer.press("tab", "tab", "tab", *"500")
        await viewer.press("ctrl+t")
        await viewer.until(lambda: len(stage.jobs.submitted) == 1, "the training to be submitted")
        spec = stage.jobs.submitted[0].spec.train
        assert (spec.voice, spec.options.steps) == ("anna", 500)
        assert stage.jobs.submitted[0].idempotency_key
        await viewer.sees("Queued as #900")

    watch(home, steps)


def test_the_form_says_before_a_training_begins_that_memory_is_short(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    short = pb.GpuUse(indices=[0], uuid="GPU-a", needs=8_100_000_000, measured=True, free=6 * 10**9, of=1)
    stage.system.estimate.gpu.CopyFrom(short)

    async def steps(viewer: Viewer) -> None:
        await viewer.press("t")
        await viewer.sees("8.1 GB of GPU memory", "It needs 8.1 GB, 6.0 GB free on GPU 0.")

    watch(home, steps)


def test_the_form_tells_time_energy_and_money_before_enter(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    one = pb.Expected(
        seconds=pb.Range(low=120, likely=180, high=240), joules=pb.Range(low=72e3, likely=90e3, high=108e3),
        money=pb.Range(low=0.1, likely=0.2, high=0.3), currency="€",
    )  # fmt: skip
    stage.system.estimate.training.CopyFrom(one)

    async def steps(viewer: Viewer) -> None:
        await viewer.press("t")
        await viewer.sees("about 3 min (2 min to 4 min)", "25 Wh", "about 0.20 €")

    watch(home, steps)


def test_another_run_is_laid_over_the_curve(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("best 0.9036 at 1,200")
        await viewer.press("tab", "o")
        await viewer.sees("Which run to lay over this one?")
        await viewer.press("j", "enter")
        await viewer.sees("#8 held out")

    watch(home, steps)


def test_a_zoom_asks_for_finer_points_of_what_is_seen(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("best 0.9036 at 1,200")
        await viewer.press("tab", "plus", "plus")
        await viewer.until(
            lambda: any(asked.from_step > 0 for asked in stage.runs.asked), "a part of the run to be asked for"
        )
        assert all(0 < asked.max_buckets <= 1_000 for asked in stage.runs.asked)

    watch(home, steps)


def test_a_refusal_of_the_daemon_is_shown_as_its_sentence_and_hint(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.refuse = "Job 12 gave way for a moment.", "It goes on by itself."

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("train anna")
        await viewer.press("p")
        await viewer.sees("Job 12 gave way for a moment.", "It goes on by itself.")

    watch(home, steps)


def test_read_only_offers_and_does_nothing_that_changes(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("read-only", "train anna")
        assert "p pause" not in text
        assert "c cancel" not in text
        await viewer.press("p", "c", "r", "b", "t")
        assert stage.jobs.changed == []
        assert stage.jobs.submitted == []

    watch(home, steps, readonly=True)
