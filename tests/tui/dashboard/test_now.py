"""Screen Now: what happens is seen at once and in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, watch
from tests.tui.dashboard.scenes import at, set_scene
from tests.tui.stage.rows import job, succeeded
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_a_worker_that_crashes_is_said_within_a_second(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("1,200 of 4,000 steps")
        error = pb.JobError(
            kind=pb.CRASHED, sentence="The worker was killed three times in a row.", hint="Look at its log."
        )
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.CopyFrom(pb.JobStatus(failed=pb.JobStatus.Failed(started=at(0), ended=at(500), error=error)))
        stage.jobs.tell(job=row)
        await viewer.sees_within_a_second("failed", "The worker was killed three times in a row.")

    watch(home, steps)


def test_a_full_disk_is_said_within_a_second(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("GPU held by train #12")
        waits = pb.JobStatus(queued=pb.JobStatus.Queued(since=at(0), why_waiting="disk 2.1 GB short"))
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[14])
        row.status.CopyFrom(waits)
        stage.jobs.tell(job=row)
        await viewer.sees_within_a_second("disk 2.1 GB short")
        stage.jobs.tell(
            notice=pb.Notice(level="error", sentence="The disk is full: nothing is taken.", hint="Free 2.1 GB.")
        )
        await viewer.sees_within_a_second("The disk is full: nothing is taken.")

    watch(home, steps)


def test_a_refused_file_is_said_within_a_second_and_why(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("ben/interview 1.wav")
        stage.jobs.tell(
            inbox=pb.InboxEvent(
                voice="ben", name="interview 1.wav", state="refused", why="Its sound ends in the middle."
            )
        )
        await viewer.sees_within_a_second("2 refused", "Its sound ends in the middle.")

    watch(home, steps)


def test_a_text_that_was_taken_with_its_recording_no_longer_arrives(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        stage.jobs.tell(inbox=pb.InboxEvent(voice="ben", name="interview 1.txt", state="settling"))
        await viewer.sees("3 arriving", "interview 1.txt")
        stage.system.info.ClearField("inbox")
        done = pb.JobStatus(succeeded=pb.JobStatus.Succeeded(started=at(0), ended=at(1), sentence="Took 1."))
        stage.jobs.tell(job=pb.Job(id=15, kind=pb.INGEST, voice="ben", title="take 3 files of ben", status=done))
        await viewer.no_longer_sees("interview 1.txt")

    watch(home, steps)


def test_progress_and_points_are_drawn_as_they_come(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("1,200 of 4,000 steps", "best 0.9036 at 1,200")
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.running.progress.done = 1_300
        stage.jobs.tell(cursor=0, job=row)
        stage.runs.tell(12, "held_out/loss", {1_300: 0.64})
        await viewer.sees_within_a_second("1,300 of 4,000 steps", "best 0.64 at 1,300")

    watch(home, steps)


def test_a_training_that_begins_has_its_own_curve_beside_it_and_no_older_one(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.rows = {8: succeeded(8), 20: job(20, queued=pb.JobStatus.Queued(since=at(0)))}
    stage.jobs.rows[8].run = 8

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("#20 has no curve yet: it begins with the first step.")
        assert "run 8" not in text
        row = job(20, running=pb.JobStatus.Running(started=at(0)))
        stage.jobs.tell(job=row)
        stage.runs.rows[20] = pb.Run(id=20, voice="anna", dataset=4, from_version=6, metrics=["held_out/loss"])
        stage.runs.points[20] = {"held_out/loss": {0: 1.5, 100: 1.25}}
        begun = pb.Job()
        begun.CopyFrom(row)
        begun.run = 20
        stage.jobs.tell(job=begun)
        await viewer.sees("run 20 · anna", "best 1.25 at 100")

    watch(home, steps)


def test_what_trains_nothing_has_no_other_jobs_curve_beside_it(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    error = pb.JobError(kind=pb.BAD_INPUT, sentence="There is nothing to say.")
    failed = pb.JobStatus(failed=pb.JobStatus.Failed(started=at(0), ended=at(1), error=error))
    said = pb.Job(id=21, kind=pb.SPEAK, voice="anna", title="say hello", status=failed)
    stage.jobs.rows = {8: succeeded(8), 21: said}
    stage.jobs.rows[8].run = 8

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("#21 trains nothing, so it has no curve")
        assert "run 8" not in text
        await viewer.press("G")
        await viewer.sees("run 8 · anna")
        await viewer.press("g")
        await viewer.sees("#21 trains nothing, so it has no curve")
        await viewer.no_longer_sees("run 8 · anna")

    watch(home, steps, size=(80, 24))


def test_a_workshop_with_runs_is_not_told_that_there_is_no_training(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.rows = {}

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees("run 12 · anna")
        assert "No training yet" not in text

    watch(home, steps)


def test_the_log_grows_and_keeps_what_a_terminal_would_obey_out(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("micro-batch 16 → 8")
        stage.jobs._growing.add(
            stage.jobs.lines, pb.LogLine(time=at(0), level="info", text="[red]not markup[/] \x1b[2J", cursor=99)
        )
        await viewer.sees("[red]not markup[/] \\x1b[2J")

    watch(home, steps)


def test_words_after_a_slash_narrow_queue_and_inbox_until_esc(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("evaluate cleo@3", "train dora")
        await viewer.press("slash", *"cleo", "enter")
        await viewer.no_longer_sees("train dora")
        await viewer.sees("evaluate cleo@3")
        await viewer.press("escape")
        await viewer.sees("train dora")

    watch(home, steps)


def test_a_pane_is_made_as_large_as_the_screen_and_back(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        await viewer.sees("Inbox")
        await viewer.press("z")
        await viewer.no_longer_sees("Inbox")
        await viewer.press("escape")
        await viewer.sees("Inbox")

    watch(home, steps, size=(80, 24))


def test_the_picture_fits_after_the_terminal_was_resized(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        for size in ((200, 50), (40, 12), (120, 30), (80, 24)):
            await viewer.pilot.resize_terminal(*size)
            text = await viewer.sees("myna")
            assert len(text.splitlines()) == size[1]
            assert max(map(len, text.splitlines())) <= size[0]

    watch(home, steps, size=(80, 24))


def test_on_a_small_terminal_the_queue_says_how_far_how_long_and_why_and_its_titles_give_way(
    stage: Stage, home: Path
) -> None:
    set_scene(stage, "busy")

    async def steps(viewer: Viewer) -> None:
        text = await viewer.sees(
            "1,200 of 4,000 steps", "21 min left", "in ~21 min", "GPU held by train #12", "train anna"
        )
        assert "train anna from anna@6 on dataset #4 " not in text.split("Curve")[0], "a title is cut, and nothing else"

    watch(home, steps, size=(80, 24))
