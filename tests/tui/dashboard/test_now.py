"""Screen Now as it is used: what happens is seen at once and in plain words, and jobs can be steered."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Eye, looking
from tests.tui.dashboard.scenes import at, set_scene
from tests.tui.stage import Stage, job, succeeded
from tui.dashboard.settings import Settings

pytestmark = pytest.mark.integration


def watch(
    home: Path,
    steps: Any,
    *,
    size: tuple[int, int] = (200, 50),
    readonly: bool = False,
    settings: Settings | None = None,
) -> None:
    """Open the dashboard and do the steps."""

    async def look() -> None:
        async with looking(home, size, readonly=readonly, settings=settings, toasts=True) as eye:
            await steps(eye)

    asyncio.run(look())


async def within_a_second(eye: Eye, *words: str) -> None:
    """The words stand on the screen at most a second after now; a machine with more to do than it has cores takes as
    much longer."""
    began = time.monotonic()
    await eye.sees(*words)
    allowed = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert time.monotonic() - began <= allowed, f"{words} came late"


# ------------------------------------------------------------------------------------------------- what happens is seen


def test_a_worker_that_crashes_is_said_within_a_second(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("1,200 of 4,000 steps")
        error = pb.JobError(
            kind=pb.CRASHED, sentence="The worker was killed three times in a row.", hint="Look at its log."
        )
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.CopyFrom(pb.JobStatus(failed=pb.JobStatus.Failed(started=at(0), ended=at(500), error=error)))
        stage.jobs.tell(job=row)
        await within_a_second(eye, "failed", "The worker was killed three times in a row.")

    watch(home, steps)


def test_a_full_disk_is_said_within_a_second(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("GPU held by train #12")
        waits = pb.JobStatus(queued=pb.JobStatus.Queued(since=at(0), why_waiting="disk 2.1 GB short"))
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[14])
        row.status.CopyFrom(waits)
        stage.jobs.tell(job=row)
        await within_a_second(eye, "disk 2.1 GB short")
        stage.jobs.tell(
            notice=pb.Notice(level="error", sentence="The disk is full: nothing is taken.", hint="Free 2.1 GB.")
        )
        await within_a_second(eye, "The disk is full: nothing is taken.")

    watch(home, steps)


def test_a_refused_file_is_said_within_a_second_and_why(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("ben/interview 1.wav")
        stage.jobs.tell(
            inbox=pb.InboxEvent(
                voice="ben", name="interview 1.wav", state="refused", why="Its sound ends in the middle."
            )
        )
        await within_a_second(eye, "2 refused", "Its sound ends in the middle.")

    watch(home, steps)


def test_a_text_that_was_taken_with_its_recording_no_longer_arrives(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        stage.jobs.tell(inbox=pb.InboxEvent(voice="ben", name="interview 1.txt", state="settling"))
        await eye.sees("3 arriving", "interview 1.txt")
        stage.system.info.ClearField("inbox")
        done = pb.JobStatus(succeeded=pb.JobStatus.Succeeded(started=at(0), ended=at(1), sentence="Took 1."))
        stage.jobs.tell(job=pb.Job(id=15, kind=pb.INGEST, voice="ben", title="take 3 files of ben", status=done))
        await eye.no_longer_sees("interview 1.txt")

    watch(home, steps)


def test_a_lost_daemon_greys_the_last_picture_and_its_return_brings_it_back(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("train anna from anna@6")
        stage.close()
        await within_a_second(eye, "Lost the daemon")
        assert "train anna from anna@6" in eye.text()
        assert eye.app.screen.has_class("-lost")
        stage.jobs.rows[16] = job(16, queued=pb.JobStatus.Queued(since=at(0), why_waiting="came while nobody looked"))
        stage.open()
        await eye.sees("came while nobody looked", "? help")
        assert not eye.app.screen.has_class("-lost")

    watch(home, steps)


@pytest.mark.parametrize("theme", ["myna-dark", "myna-light", "myna-16"])
def test_the_last_picture_of_a_lost_daemon_is_grey_in_every_pane(stage: Stage, home: Path, theme: str) -> None:
    set_scene(stage, "busy")
    words = ("train anna from anna@6", "make anna's dataset", "Machine", "interview 1.wav", "micro-batch", "Curve")

    async def steps(eye: Eye) -> None:
        await eye.sees(*words, "best 0.9036 at 1,200")
        before = {word: eye.contrast(word) for word in (*words, "held out 0.9036")}
        stage.close()
        await eye.sees("Lost the daemon")
        await eye.pilot.pause()
        faint = {word: eye.contrast(word) / was for word, was in before.items()}
        bright = [word for word, part in faint.items() if part > 0.7 and before[word] > 0.5]
        assert bright == (["Machine", "Curve"] if theme == "myna-16" else []), faint  # frames have no dim
        stage.open()
        await eye.sees("? help")
        await eye.until(lambda: eye.contrast(words[0]) == before[words[0]], "the colours to come back")

    watch(home, steps, settings=Settings(theme=theme))


def test_one_key_starts_a_lost_daemon_of_this_machine(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_scene(stage, "busy")
    started: list[Path] = []

    def start(of: Path) -> int:
        started.append(of)
        stage.open()
        return 1

    monkeypatch.setattr("tui.daemon.start", start)  # a process

    async def steps(eye: Eye) -> None:
        await eye.press("S")  # it is there: the key does nothing
        stage.close()
        await eye.sees("Lost the daemon", "S starts it.")
        await eye.press("S")
        await eye.sees("? help")
        await eye.no_longer_sees("Lost the daemon")
        assert started == [home]

    watch(home, steps, size=(80, 24))


def test_a_lost_daemon_is_not_started_by_who_may_only_look(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        stage.close()
        text = await eye.sees("Lost the daemon")
        assert "S starts it" not in text

    watch(home, steps, readonly=True)


def test_the_curve_goes_on_after_the_daemon_was_away(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("best 0.9036 at 1,200")
        stage.close()
        await eye.sees("Lost the daemon")
        stage.runs.tell(12, "held_out/loss", {1_400: 0.71})
        stage.open()
        await eye.sees("best 0.71 at 1,400")
        stage.runs.tell(12, "held_out/loss", {1_600: 0.7})
        await eye.sees("best 0.7 at 1,600")

    watch(home, steps)


def test_progress_and_points_are_drawn_as_they_come(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("1,200 of 4,000 steps", "best 0.9036 at 1,200")
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.running.progress.done = 1_300
        stage.jobs.tell(cursor=0, job=row)
        stage.runs.tell(12, "held_out/loss", {1_300: 0.64})
        await within_a_second(eye, "1,300 of 4,000 steps", "best 0.64 at 1,300")

    watch(home, steps)


def test_a_training_that_begins_has_its_own_curve_beside_it_and_no_older_one(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.rows = {8: succeeded(8), 20: job(20, queued=pb.JobStatus.Queued(since=at(0)))}
    stage.jobs.rows[8].run = 8

    async def steps(eye: Eye) -> None:
        text = await eye.sees("#20 has no curve yet: it begins with the first step.")
        assert "run 8" not in text
        row = job(20, running=pb.JobStatus.Running(started=at(0)))
        stage.jobs.tell(job=row)
        stage.runs.rows[20] = pb.Run(id=20, voice="anna", dataset=4, from_version=6, metrics=["held_out/loss"])
        stage.runs.points[20] = {"held_out/loss": {0: 1.5, 100: 1.25}}
        begun = pb.Job()
        begun.CopyFrom(row)
        begun.run = 20
        stage.jobs.tell(job=begun)
        await eye.sees("run 20 · anna", "best 1.25 at 100")

    watch(home, steps)


def test_what_trains_nothing_has_no_other_jobs_curve_beside_it(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    error = pb.JobError(kind=pb.BAD_INPUT, sentence="There is nothing to say.")
    failed = pb.JobStatus(failed=pb.JobStatus.Failed(started=at(0), ended=at(1), error=error))
    said = pb.Job(id=21, kind=pb.SPEAK, voice="anna", title="say hello", status=failed)
    stage.jobs.rows = {8: succeeded(8), 21: said}
    stage.jobs.rows[8].run = 8

    async def steps(eye: Eye) -> None:
        text = await eye.sees("#21 trains nothing, so it has no curve")
        assert "run 8" not in text
        await eye.press("G")
        await eye.sees("run 8 · anna")
        await eye.press("g")
        await eye.sees("#21 trains nothing, so it has no curve")
        await eye.no_longer_sees("run 8 · anna")

    watch(home, steps, size=(80, 24))


def test_a_workshop_with_runs_is_not_told_that_there_is_no_training(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.rows = {}

    async def steps(eye: Eye) -> None:
        text = await eye.sees("run 12 · anna")
        assert "No training yet" not in text

    watch(home, steps)


def test_the_log_grows_and_keeps_what_a_terminal_would_obey_out(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("micro-batch 16 → 8")
        stage.jobs._told.add(
            stage.jobs.lines, pb.LogLine(time=at(0), level="info", text="[red]not markup[/] \x1b[2J", cursor=99)
        )
        await eye.sees("[red]not markup[/] \\x1b[2J")

    watch(home, steps)


# ------------------------------------------------------------------------------------------------- what can be done


def test_cancelling_asks_first_and_no_is_the_answer_of_enter(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.press("c")
        await eye.sees("Cancel #12", "since its last checkpoint is lost")
        await eye.press("enter")
        await eye.no_longer_sees("Cancel #12")
        assert stage.jobs.changed == []
        await eye.press("c")
        await eye.press("y")
        await eye.until(lambda: stage.jobs.changed == [("Cancel", 12)], "the job to be cancelled")

    watch(home, steps, size=(80, 24))


def test_a_job_that_was_asked_to_end_or_to_wait_says_so_until_it_does(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("1,200 of 4,000 steps")
        row = pb.Job()
        row.CopyFrom(stage.jobs.rows[12])
        row.status.running.transition = pb.PAUSING
        stage.jobs.tell(job=row)
        await eye.sees("pausing, 1,200 of 4,000 steps")
        await eye.press("p")
        await eye.until(lambda: stage.jobs.changed == [("Resume", 12)], "the pause to be taken back")
        row.status.running.transition = pb.CANCELLING
        stage.jobs.tell(job=row)
        await eye.sees("cancelling, 1,200 of 4,000 steps")

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

    async def steps(eye: Eye) -> None:
        await eye.sees("make anna's dataset #4")
        await eye.press(*keys)
        await eye.until(lambda: stage.jobs.changed == [asked], f"{asked}, not {stage.jobs.changed}")

    watch(home, steps)


def test_a_training_is_asked_for_in_a_form_that_says_what_it_costs(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.press("t")
        await eye.sees("Train a voice", "4,000 steps, about 52 min")
        await eye.press("tab", "tab", "tab", *"500")
        await eye.press("ctrl+t")
        await eye.until(lambda: len(stage.jobs.submitted) == 1, "the training to be submitted")
        spec = stage.jobs.submitted[0].spec.train
        assert (spec.voice, spec.options.steps) == ("anna", 500)
        assert stage.jobs.submitted[0].idempotency_key
        await eye.sees("Queued as #900")

    watch(home, steps)


def test_another_run_is_laid_over_the_curve(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("best 0.9036 at 1,200")
        await eye.press("tab", "o")
        await eye.sees("Which run to lay over this one?")
        await eye.press("j", "enter")
        await eye.sees("#8 held out")

    watch(home, steps)


def test_a_zoom_asks_for_finer_points_of_what_is_seen(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("best 0.9036 at 1,200")
        await eye.press("tab", "plus", "plus")
        await eye.until(
            lambda: any(asked.from_step > 0 for asked in stage.runs.asked), "a part of the run to be asked for"
        )
        assert all(0 < asked.max_buckets <= 1_000 for asked in stage.runs.asked)

    watch(home, steps)


def test_a_refusal_of_the_daemon_is_shown_as_its_sentence_and_hint(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")
    stage.jobs.refuse = "Job 12 gave way for a moment.", "It goes on by itself."

    async def steps(eye: Eye) -> None:
        await eye.sees("train anna")
        await eye.press("p")
        await eye.sees("Job 12 gave way for a moment.", "It goes on by itself.")

    watch(home, steps)


def test_read_only_offers_and_does_nothing_that_changes(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        text = await eye.sees("read-only", "train anna")
        assert "p pause" not in text
        assert "c cancel" not in text
        await eye.press("p", "c", "r", "b", "t")
        assert stage.jobs.changed == []
        assert stage.jobs.submitted == []

    watch(home, steps, readonly=True)


def test_words_after_a_slash_narrow_queue_and_inbox_until_esc(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("evaluate cleo@3", "train dora")
        await eye.press("slash", *"cleo", "enter")
        await eye.no_longer_sees("train dora")
        await eye.sees("evaluate cleo@3")
        await eye.press("escape")
        await eye.sees("train dora")

    watch(home, steps)


def test_a_pane_is_made_as_large_as_the_screen_and_back(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        await eye.sees("Inbox")
        await eye.press("z")
        await eye.no_longer_sees("Inbox")
        await eye.press("escape")
        await eye.sees("Inbox")

    watch(home, steps, size=(80, 24))


def test_the_picture_fits_after_the_terminal_was_resized(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        for size in ((200, 50), (40, 12), (120, 30), (80, 24)):
            await eye.pilot.resize_terminal(*size)
            text = await eye.sees("myna")
            assert len(text.splitlines()) == size[1]
            assert max(map(len, text.splitlines())) <= size[0]

    watch(home, steps, size=(80, 24))


def test_on_a_small_terminal_the_queue_says_how_far_how_long_and_why_and_its_titles_give_way(
    stage: Stage, home: Path
) -> None:
    set_scene(stage, "busy")

    async def steps(eye: Eye) -> None:
        text = await eye.sees(
            "1,200 of 4,000 steps", "21 min left", "in ~21 min", "GPU held by train #12", "train anna"
        )
        assert "train anna from anna@6 on dataset #4 " not in text.split("Curve")[0], "a title is cut, and nothing else"

    watch(home, steps, size=(80, 24))
