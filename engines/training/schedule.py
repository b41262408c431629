"""The learning rate as a function of the step alone, so that nothing of it has to be saved."""

from __future__ import annotations

import math

from engines.training.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Rate for update number `step` (counted from 1): linear warm-up, then a cosine down to zero at the run's own
    end."""
    if step <= settings.warmup:
        return settings.learning_rate * step / settings.warmup
    done = (step - settings.warmup - 1) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
