"""What `myna` says of jobs and of what was refused, in lists, in watches and at the end of a wait."""

from __future__ import annotations

import json

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.rows import NOW, job
from tests.tui.stage.runs import heard
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_a_waiting_job_says_why(myna: Run, stage: Stage) -> None:
    stage.jobs.rows = {3: job(3, queued=pb.JobStatus.Queued(since=NOW, why_waiting="needs 14 s more audio"))}
    assert "needs 14 s more audio" in myna("jobs").out


def test_a_failed_job_says_what_went_wrong_and_what_to_do(myna: Run, stage: Stage) -> None:
    error = pb.JobError(
        kind=pb.DISK_FULL, sentence="The disk is full.", hint="Free 2.1 GB.", log_tail="writing step 40\n"
    )
    stage.jobs.rows = {3: job(3, failed=pb.JobStatus.Failed(started=NOW, ended=NOW, error=error))}
    out = myna("job", 3).out
    assert all(words in out for words in ("The disk is full.", "Free 2.1 GB.", "writing step 40"))


def test_waiting_for_a_training_that_fails_exits_1_with_its_sentence(myna: Run, stage: Stage) -> None:
    error = pb.JobError(kind=pb.ENGINE, sentence="The loss is no number.", hint="Lower the learning rate.")
    stage.jobs.events = [
        pb.Event(cursor=101, time=NOW, job=job(900, failed=pb.JobStatus.Failed(started=NOW, ended=NOW, error=error)))
    ]
    ended = myna("train", "anna", "--wait")
    assert ended.code == 1
    assert "The loss is no number." in ended.err
    assert "Lower the learning rate." in ended.err


@pytest.mark.parametrize(("asked", "word"), [(pb.CANCELLING, "cancelling"), (pb.PAUSING, "pausing")])
def test_a_job_that_was_asked_to_end_or_to_wait_says_so_in_every_list(
    myna: Run, stage: Stage, asked: pb.Transition, word: str
) -> None:
    stage.jobs.rows = {3: job(3, running=pb.JobStatus.Running(started=NOW, transition=asked))}
    for words in (("jobs",), ("job", 3), ("status",)):
        assert word in myna(*words).out, words


def test_watching_tells_what_a_renamed_voice_is_called_now() -> None:
    from tui.commands.status import event_line

    assert "anna is now called berta" in event_line(pb.Event(time=NOW, voice=pb.Voice(name="anna", renamed_to="berta")))
    stray = pb.Event(time=NOW, inbox=pb.InboxEvent(name="Bad Name!", state="settling", why="It is left as it is."))
    assert event_line(stray).endswith("  Bad Name! It is left as it is.")


def test_status_tells_what_was_refused_and_where_it_lies(myna: Run, stage: Stage) -> None:
    stage.system.info.refused.add(voice="anna", name="notes.docx", state="refused", why="It is no audio file.")
    stage.system.info.refused_count = 1
    told = " ".join(myna("status").out.split())
    assert "refused 1 file. anna/notes.docx: It is no audio file." in told
    assert ".refused" in told


def test_status_tells_of_every_gpu_and_which_one_is_worked_on(myna: Run, stage: Stage) -> None:
    for number in range(2):
        stage.system.info.sample.gpus.add(
            index=number, name="H100", memory_total=80 * 10**9, memory_used=number * 10**9, owned=number == 1
        )
    told = [" ".join(line.split()) for line in myna("status").out.splitlines()]
    assert "gpu 0 H100: 0 B of 80.0 GB · 0% · Myna does not work on this one" in told
    assert "gpu 1 H100: 1.0 GB of 80.0 GB · 0%" in told


def test_a_runs_checkpoints_are_a_table_or_a_reason(myna: Run, stage: Stage) -> None:
    stage.runs.checkpoints[8] = heard()
    out = myna("run", 8, "--checkpoints").out
    (row,) = [line for line in out.splitlines() if "★" in line]
    assert row.split()[:5] == ["2,000", "★", "0.8700", "+33.6", "%"]
    assert "Step 2000 sounds better than step 2600" in out
    assert "“Can you tell me" in out
    told = json.loads(myna("run", 8, "--checkpoints", "--json").out)
    assert [one["step"] for one in told["checkpoints"]] == [0, 1_000, 2_000, 2_600]
    assert myna("run", 12, "--checkpoints").out == "Run #12 goes on: its checkpoints are heard at its end.\n"


def test_a_job_tells_its_gpu_and_whether_its_memory_is_enough(myna: Run, stage: Stage) -> None:
    use = pb.GpuUse(
        indices=[1], uuid="GPU-b", needs=9_200_000_000, measured=True, free=8 * 10**9, total=24 * 10**9, of=2
    )
    row = stage.jobs.rows[12]
    row.gpu.CopyFrom(use)
    row.status.running.progress.CopyFrom(pb.Progress(done=3, total=9, unit="steps"))
    told = [" ".join(line.split()) for line in myna("job", 12).out.splitlines()]
    assert "gpu GPU 1" in told
    assert "memory needs 9.2 GB, 8.0 GB free on GPU 1" in told
    listed = " ".join(myna("jobs").out.split())
    assert "GPU 1, 3 of 9 steps, needs 9.2 GB, 8.0 GB free on GPU 1" in listed
    stage.jobs.rows[13].gpu.CopyFrom(pb.GpuUse(indices=[0, 1], needs=10**9, of=2))
    told = [" ".join(line.split()) for line in myna("job", 13).out.splitlines()]
    assert "gpu waits for GPU 0 or 1" in told
    assert "memory needs 1.0 GB, as its engine states" in told


def test_a_job_on_another_machine_tells_which(myna: Run, stage: Stage) -> None:
    row = stage.jobs.rows[12]
    row.gpu.CopyFrom(pb.GpuUse(node="box2", indices=[1], of=3))
    row.status.running.progress.CopyFrom(pb.Progress(done=3, total=9, unit="steps"))
    assert "gpu GPU 1 of box2" in [" ".join(line.split()) for line in myna("job", 12).out.splitlines()]
    assert "GPU 1 of box2, 3 of 9 steps" in " ".join(myna("jobs").out.split())


def test_an_estimate_says_what_is_free_beside_what_is_needed(myna: Run, stage: Stage) -> None:
    def told() -> list[str]:
        return [" ".join(line.split()) for line in myna("train", "anna", "--estimate").out.splitlines()]

    assert "memory 8.1 GB" in told()
    use = pb.GpuUse(indices=[1], uuid="GPU-b", needs=8_100_000_000, free=20 * 10**9, of=2)
    stage.system.estimate.gpu.CopyFrom(use)
    assert "memory needs 8.1 GB, as its engine states, 20.0 GB free on GPU 1" in told()


def test_a_run_tells_the_peak_of_its_memory(myna: Run, stage: Stage) -> None:
    stage.runs.rows[8] = pb.Run(id=8, voice="anna", engine="glow", steps=9, settings_json="{}")
    assert "of the GPU at most" not in myna("run", 8).out
    stage.runs.rows[8].memory_peak = 8_300_000_000
    assert "8.3 GB of the GPU at most" in myna("run", 8).out
