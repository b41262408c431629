"""Durations, sizes, moments and job states in words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from proto import energy_words, gpu_words, money
from proto import myna_pb2 as pb
from proto.messages import PERSON, state_of

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def duration(seconds: float) -> str:
    """3.24 → "3.2 s", 200 → "3 min 20 s", 7500 → "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(whole, 3600)
    if hours < 24:
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def expected_time(one: pb.Expected) -> str:
    """How long work is expected to take: "about 3 min (2 min 30 s to 4 min)"; empty: not known."""
    return energy_words.between(one.seconds, duration) if one.HasField("seconds") else ""


def size(count: float) -> str:
    """Bytes, in thousands: 2_100_000_000 → "2.1 GB"."""
    for unit in UNITS:
        if count < 1000 or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("the last unit holds everything")


def count(number: int, noun: str) -> str:
    """1, "clip" → "1 clip"; 12_000, "clip" → "12,000 clips"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def opinion(score: pb.OpinionScore) -> tuple[str, str]:
    """A mean opinion score and its interval: ("4.2", "3.6 to 4.8"); empty where there are too few scores for it."""
    return f"{score.mean:.1f}" if score.count else "", f"{score.low:.1f} to {score.high:.1f}" if score.count > 1 else ""


def clock() -> float:
    """Now, in seconds since 1970."""
    return time.time()


def moment(stamp: Timestamp) -> str:
    """Local date and time; today only the time. Empty for a time that was never set."""
    if not stamp.seconds:
        return ""
    local = stamp.ToDatetime(tzinfo=UTC).astimezone()
    return local.strftime("%H:%M:%S" if local.date() == datetime.fromtimestamp(clock()).date() else "%Y-%m-%d %H:%M")


def since(stamp: Timestamp) -> str:
    """How long ago. Clocks of two machines may differ: never negative."""
    return duration(max(0.0, clock() - stamp.seconds)) if stamp.seconds else ""


def took_and_cost(one: pb.Experiment | pb.Trial) -> str:
    """How long it took, and what that cost where a price is known: "41 min, 0.82 €"."""
    return ", ".join([duration(one.seconds), *([money.said(one.money)] if one.HasField("money") else [])])


def budget(one: pb.Experiment) -> str:
    """As it was given: "2 h", "3.00 €"; empty: there is none."""
    if one.HasField("budget_money"):
        return money.said(one.budget_money)
    return duration(one.budget_seconds) if one.budget_seconds else ""


def experiment_state(state: pb.ExperimentState.ValueType) -> str:
    """EXPERIMENT_BUDGET_SPENT → "budget spent"; empty for one of a newer daemon."""
    return _enum_words(pb.ExperimentState, state, "EXPERIMENT_")


def trial_state(state: pb.TrialState.ValueType) -> str:
    """TRIAL_NOTHING_GAINED → "nothing gained"; empty for one of a newer daemon."""
    return _enum_words(pb.TrialState, state, "TRIAL_")


def trial_note(one: pb.Trial) -> str:
    """What else there is to say of a trial: why it failed, what it breaks, how it lost."""
    if one.beyond_limit:
        return "beyond a limit of the voice's rule"
    if one.state == pb.TRIAL_STOPPED_EARLY:
        return f"score {one.early_score:+.2f} with a third of its steps"
    return one.why


def _enum_words(names: Any, value: int, prefix: str) -> str:
    known = value in names.values() and value != 0
    return names.Name(value).removeprefix(prefix).replace("_", " ").lower() if known else ""


def kind(job: pb.Job) -> str:
    return pb.JobKind.Name(job.kind).lower()


def progress(now: pb.Progress) -> str:
    """ "120 of 500 steps, 3 min left"; empty when nothing is known."""
    parts = []
    if now.unit == "seconds" and now.total:
        parts.append(f"{duration(now.done)} of {duration(now.total)}")
    elif now.unit == "bytes" and now.total:
        parts.append(f"{size(now.done)} of {size(now.total)}")
    elif now.total:
        parts.append(f"{_number(now.done)} of {_number(now.total)} {now.unit}".rstrip())
    elif now.done:
        parts.append(f"{_number(now.done)} {now.unit}".rstrip())
    if now.eta_seconds:
        parts.append(f"{duration(now.eta_seconds)} left")
    if now.sentence:
        parts.append(now.sentence)
    return ", ".join(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.1f}"


def detail(job: pb.Job) -> str:
    """What there is to say about a job's state: why it waits, how far it is, what came of it."""
    status = job.status
    match state_of(job):
        case "queued":
            return status.queued.why_waiting
        case "running":
            return ", ".join(
                filter(None, (transition(job), on_gpu(job), progress(status.running.progress), short(job)))
            )
        case "paused":
            return (
                transition(job)
                or status.paused.why
                or ("paused by a person" if status.paused.by_person else "made room for another job")
            )
        case "succeeded":
            return status.succeeded.sentence
        case "failed":
            return status.failed.error.sentence
        case "cancelled":
            return f"by {PERSON}" if status.cancelled.by == PERSON else status.cancelled.by
    return ""


def on_gpu(job: pb.Job) -> str:
    """Which of several GPUs a job at work has, or which machine; empty: there are not several."""
    return gpu_words.where(job.gpu) if job.gpu.node or (job.gpu.uuid and job.gpu.of > 1) else ""


def gpu(job: pb.Job) -> str:
    """The job's GPU in full: where it runs or ran, or which ones it waits for."""
    where = gpu_words.where(job.gpu)
    return f"waits for {where}" if where and not (job.gpu.uuid or job.gpu.node) else where


def short(job: pb.Job) -> str:
    """That its GPU had less memory free than it needs at most; empty: it had enough."""
    return gpu_words.memory(job.gpu) if gpu_words.too_little(job.gpu) else ""


def transition(job: pb.Job) -> str:
    """What the job was asked for and has not done yet; empty: nothing."""
    asked = job.status.running.transition or job.status.paused.transition
    return {pb.CANCELLING: "cancelling", pb.PAUSING: "pausing"}.get(asked, "")


def took(job: pb.Job) -> str:
    """How long it ran, or has been running."""
    state = state_of(job)
    status = getattr(job.status, state) if state else None
    started = getattr(status, "started", None)
    if started is None or not started.seconds:
        return ""
    ended = getattr(status, "ended", None)
    return (
        since(started)
        if ended is None or not ended.seconds
        else duration(max(0.0, (ended.ToNanoseconds() - started.ToNanoseconds()) / 1e9))
    )


def left_out(stretches: Sequence[str]) -> str:
    """What of a text was not spoken."""
    return f"Left out, since the engine cannot say it: {', '.join(f'“{one}”' for one in stretches)}."


def origin(clip: pb.Clip) -> str:
    """Where a clip's sound comes from: a place in a recording, or the clip of another voice that it was made from."""
    made = f", made from clip {clip.made_from[:12]}" if clip.made_from else ""
    return f"{clip.recording_name} {clip.start:.1f} s{made}"


def transcript(clip: pb.Clip) -> str:
    """Where a clip's text came from, and whether it is doubted: "supplied", "edited by hand", "whisper (low trust)"."""
    source = {"given": "supplied", "person": "edited by hand"}.get(clip.text_source, clip.text_source)
    return source + (" (low trust)" if clip.trust == "low" else "")
