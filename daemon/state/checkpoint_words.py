"""What became of a run's checkpoints, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.state.values import NotHeard


def chosen(by: str, step: int, best: int) -> str:
    """Which was chosen; `by` is a `ChosenBy` of daemon/kinds/train/selection.py, `best` the step with the lowest
    loss."""
    if by == "speech":
        return f"Step {step} sounds better than step {best}, which has the lowest held-out loss."
    if by == "earliest":
        return (
            f"None surely sounds better than step {best}, which has the lowest held-out loss. Step {step} is the "
            "earliest that does not surely sound worse, and this engine's authors advise to take that."
        )
    return f"None surely sounds better than step {best}, which has the lowest held-out loss."


def understood(selection: Mapping[str, Any]) -> str:
    """That words took no part in a run's selection; empty: they did."""
    if selection.get("words", True):
        return ""
    asked = selection.get("understanding") or {}
    of = f" ({asked['recordings']} were heard, the WER is {asked['wer']:.2f})" if asked.get("wer") is not None else ""
    return f"The recogniser does not understand the recordings themselves{of}, so words took no part."


def averaged(parent: str) -> str:
    """Of a run whose weights were averaged with its parent's at the end, "anna@1" or "@1"."""
    return f"What spoke is averaged with {parent}, its parent; held-out losses are from before that."


def heard(lines: int, set_aside: int, why: str) -> str:
    """What they said, and which was chosen and more (`why`)."""
    aside = f", {set_aside} of them set aside from training" if set_aside else ""
    return f"Each said {lines} lines that are not held out{aside}. {why}"


def not_heard(run: int, why: NotHeard) -> str:
    """Why there is no table."""
    match why:
        case NotHeard.NOT_YET:
            return f"Run #{run} goes on: its checkpoints are heard at its end."
        case NotHeard.ENDED_BADLY:
            return f"Run #{run} did not end well, so its checkpoints were not heard. The run can be resumed."
        case NotHeard.NOTHING_TRAINED:
            return f"Run #{run} had nothing new to train on, so it has no checkpoints."
        case NotHeard.NOT_ASKED:
            return (
                f"Run #{run} was not asked to let its checkpoints speak: the loss alone chose. "
                "Set spoken_checkpoints in the [train] of voice.toml to hear them."
            )
        case NotHeard.NOT_POSSIBLE:
            return (
                f"Run #{run} had no checkpoints to choose from, or no lines for them to say that are not held out: "
                "the loss alone chose."
            )
