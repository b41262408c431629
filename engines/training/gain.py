"""Improvement as people tell it: by how many percent a held-out loss is lower than where it began, or than the base's;
by how much, where zero lies between them."""

from __future__ import annotations

from collections.abc import Mapping


def gain(loss: float, reference: float) -> float | None:
    """Percent by which `loss` is lower than `reference` (negative: higher); None where that cannot be said: zero lies
    between them, and is no floor. Losses may be negative (log-likelihoods): what counts is the reference's size."""
    return 100.0 * (reference - loss) / abs(reference) if loss * reference > 0 else None


def phrase(loss: float, reference: float) -> str:
    """ "3.1 % better"; "0.53 better" where percent say nothing."""
    percent = gain(loss, reference)
    by = f"{abs(percent):.1f} %" if percent is not None else f"{abs(reference - loss):.3g}"
    return f"{by} {'better' if loss <= reference else 'worse'}"


def gains(loss: float, references: Mapping[str, float]) -> dict[str, float]:
    """Metric points of one evaluation: "gain/base" and the like, percent."""
    found = {f"gain/{name}": gain(loss, reference) for name, reference in references.items()}
    return {name: value for name, value in found.items() if value is not None}


def sentence(step: int, losses: Mapping[str, float], references: Mapping[str, float], best_step: int | None) -> str:
    """An evaluation in words, for the log. `best_step` is the best before or at it."""
    parts = ", ".join(
        f"{name.replace('_ce', ' CE').replace('_', ' ')} {value:.4g}"
        for name, value in losses.items()
        if name != "loss"
    )
    text = f"Step {step}: held-out loss {losses['loss']:.4g}" + (f" ({parts})" if parts else "")
    for name, reference in references.items():
        text += f", {phrase(losses['loss'], reference)} than the {name}"
    return text + (
        ". Best so far."
        if best_step == step
        else f". No gain since step {best_step}."
        if best_step is not None
        else "."
    )
