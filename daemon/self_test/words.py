"""What the self-test found, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from engines.self_test.result import Check, Reason, Result, State

Figures = Mapping[str, float]


class Unusable(StrEnum):
    """Why there is no GPU to test."""

    DAEMON = "daemon"
    NO_GPU = "no-gpu"
    TORCH = "torch"


_REFUSALS = {
    Unusable.DAEMON: (
        "A daemon runs and may use the GPU at any moment; the self-test needs it alone.",
        "End it with `myna down`, test, then `myna up`: its jobs go on where they were.",
    ),
    Unusable.NO_GPU: ("There is no GPU to test.", "Everything works without one, only slower."),
    Unusable.TORCH: (
        "There is a GPU, but torch cannot use it, so nothing was tested.",
        "`myna doctor` says what may be wrong: torch may be built for the CPU, or the driver too old.",
    ),
}

#: What each check shows when it passes, of its figures.
_PASSED: dict[Check, Callable[[Figures], str]] = {
    Check.CARD: lambda f: (
        f"NVML tells of it: {_gb(f['memory_used_bytes'])} of {_gb(f['memory_total_bytes'])} used, "
        f"{f['temperature_celsius']:.0f} °C, {f['power_watts']:.0f} W"
    ),
    Check.BF16: lambda f: f"a product in bf16 is {f['error_share']:.2%} from the one in fp32",
    Check.FAST_PATHS: lambda f: f"all {f['tried_paths']:.0f} give what the plain way gives",
    Check.OUT_OF_MEMORY: lambda f: (
        f"memory ran out {f['ran_out_times']:.0f} times, and the training went on with {f['clips']:.0f} "
        f"clips at a time instead of {f['clips_at_first']:.0f}"
    ),
    Check.YIELD: lambda f: (
        f"a training lent {_mb(f['before_bytes'] - f['meanwhile_bytes'])} of {_mb(f['before_bytes'])} and went on "
        f"{_near(f['difference_share'])}"
    ),
    Check.MEMORY_RETURN: lambda f: (
        f"the {_mb(f['held_bytes'])} of a worker that was killed were free after {f['seconds']:.1f} s"
    ),
    Check.RESUME: lambda f: (
        f"a training of {f['steps']:.0f} steps was killed and went on from step {f['resumed_step']:.0f} "
        f"{_near(f['difference_share'])}"
    ),
    Check.SPEECH: lambda f: (
        f"a sentence was streamed in {f['chunks']:.0f} chunks, the first after {f['first_seconds']:.2f} s, "
        f"{f['sound_seconds']:.1f} s of sound in {f['total_seconds']:.2f} s"
    ),
    Check.THROUGHPUT: lambda f: _throughput(f),
}
_REASONS = {
    Reason.NONE: "",
    Reason.NO_CARD: "This is about a GPU, and the CPU was asked for.",
    Reason.SWITCHED_OFF: "MYNA_FAST_PATHS switches them off.",
    Reason.NOT_TOLD: "The driver does not tell what is needed for this.",
    Reason.NOT_CAPABLE: "This GPU cannot do it; trainings are in fp32 on it.",
    Reason.NO_ROOM: "Too little of the GPU's memory is free for this: end what else uses it.",
    Reason.NO_TIME: "The checks before it took all the time there is.",
    Reason.INACCURATE: "It is further from fp32 than rounding explains.",
    Reason.DIFFERS: "It is not what the plain, undisturbed way gives.",
    Reason.NOT_RETURNED: "Memory that was given back is still taken.",
    Reason.NOT_BACKED_OFF: "Memory did not run out, or the training did not go on with fewer clips at a time.",
    Reason.NO_SOUND: "There was no sound, or it was not a number.",
    Reason.DIED: "The process that tried it ended.",
    Reason.RAISED: "It could not be done.",
}


def refusal(why: Unusable, no_gpu: str) -> tuple[str, str]:
    """A sentence, and what to do; `no_gpu` is what the driver's side says of there being none."""
    sentence, hint = _REFUSALS[why]
    return (f"{sentence} {no_gpu}" if why is Unusable.NO_GPU else sentence), hint


def line(result: Result) -> str:
    """One check, for a terminal."""
    return f"{result.state:<7}  {result.check}: {sentence(result)}"


def sentence(result: Result) -> str:
    """What came of a check: the figures of one that passed, why another did not."""
    told = " · ".join(f"{name}: {text}" for name, text in result.texts.items())
    if result.state is State.OK:
        said = _PASSED[result.check](result.figures)
        return f"{said}{f' ({told})' if told else ''}."
    figures = " · ".join(f"{name} {value:.4g}" for name, value in result.figures.items())
    return " ".join(part for part in (_REASONS[result.reason], f"({figures})" if figures else "", told) if part)


def _throughput(f: Figures) -> str:
    recorded = f.get("recorded_codes_per_second")
    told = f"{recorded:.0f} codes/s by recorded graphs against " if recorded is not None else ""
    return (
        f"{f['fp32_teraflops']:.3g} TFLOP/s in fp32, {f['bf16_teraflops']:.3g} in bf16; the tiny model trains "
        f"{f['trained_clips_per_second']:.1f} clips/s and says {told}{f['codes_per_second']:.0f} codes/s"
    )


def _near(share: float) -> str:
    return "to the same losses, bit for bit" if share == 0 else f"to the same losses within {share:.1e}"


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
