"""A voice's rule of promotion: what a candidate may lose, what counts how much, how sure it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from engines.errors import BadInput
from engines.setting import Setting, checked, declared


@dataclass(frozen=True)
class Rule:
    """When a candidate wins. Differences are candidate minus parent, in the metric's own unit."""

    first_similarity_gain: Annotated[
        float, Setting("speaker similarity that a first training must gain at least", -2, 2)
    ] = 0.03
    similarity_loss: Annotated[float, Setting("speaker similarity that an increment may lose", -2, 2)] = 0.02
    wer_loss: Annotated[
        float,
        Setting(
            "an increment's word error rate may rise by this much, a strong recogniser and many lines given", -10, 10
        ),
    ] = 0.02
    first_wer_loss: Annotated[float, Setting("a first training's word error rate may rise by this much", -10, 10)] = (
        0.12
    )
    # A weak recogniser's errors are mostly its own; few lines say little, also to a strong one
    weak_wer_slack: Annotated[
        float, Setting("added to either, divided by √lines, when the recogniser is weak", 0, 10)
    ] = 0.20
    strong_wer_slack: Annotated[float, Setting("the same for a strong recogniser", 0, 10)] = 0.08
    loss_rise: Annotated[
        float, Setting("share of the parent's held-out loss from which a rise is warned of", -1, 100)
    ] = 0.02
    dnsmos_loss: Annotated[float, Setting("quality may fall by this much", -5, 5)] = 0.4
    duration_range: Annotated[
        tuple[float, float],
        Setting("spoken / recorded length, shortest and longest; outside, the voice rushes or drawls", 0, 100),
    ] = (0.6, 1.7)
    without_wer: Annotated[bool, Setting("decide without word errors where no recogniser knows the language")] = False
    without_similarity: Annotated[
        bool, Setting("decide without speaker similarity where the parent has no speech to compare voices by")
    ] = False
    max_failed_share: Annotated[float, Setting("part of the held-out lines that may fail", 0, 1)] = 0.1
    # What a step counts for in the balance: score = Σ weight × gain / unit, unit being a difference one can hear
    similarity_unit: Annotated[
        float, Setting("speaker similarity that counts as one step in the balance", 0.0001, 1_000)
    ] = 0.05
    wer_unit: Annotated[
        float, Setting("word error rate that counts as one step, where the recogniser is strong", 0.0001, 1_000)
    ] = 0.05
    weak_wer_unit: Annotated[float, Setting("the same where it is weak", 0.0001, 1_000)] = 0.1
    loss_unit: Annotated[
        float, Setting("share of the parent's held-out loss that counts as one step", 0.0001, 1_000)
    ] = 0.05
    dnsmos_unit: Annotated[float, Setting("quality that counts as one step", 0.0001, 1_000)] = 0.25
    duration_unit: Annotated[float, Setting("|ln ratio| of durations that counts as one step", 0.0001, 1_000)] = 0.15
    pause_unit: Annotated[float, Setting("share of a line in pauses that counts as one step", 0.0001, 1_000)] = 0.1
    f0_unit: Annotated[float, Setting("semitones that count as one step", 0.0001, 1_000)] = 1.0
    f0_spread_unit: Annotated[
        float, Setting("semitones of the pitch's spread that count as one step", 0.0001, 1_000)
    ] = 1.0
    weights: Annotated[
        tuple[float, float, float, float, float, float],
        Setting(
            "weights of speaker similarity, word errors, loss, quality, pace (duration and pauses) and pitch (height "
            "and spread)",
            0,
            100,
        ),
    ] = (1.0, 1.0, 0.0, 0.0, 0.25, 0.5)
    min_score: Annotated[float, Setting("the balance must be above this", -1_000, 1_000)] = 0.0
    confidence: Annotated[
        float, Setting("how sure better and worse must be: 0.95 is wrong one time in twenty", 0.5, 0.9999)
    ] = 0.95
    takes: Annotated[int, Setting("times that a line is spoken, at most, each with another seed", 1, 10)] = 3
    min_lines: Annotated[
        int,
        Setting(
            "where fewer lines are held out, further texts are spoken before it is left undecided; 0: none ever", 0, 100
        ),
    ] = 12
    max_lines: Annotated[
        int,
        Setting("where so many lines would likely tell, further texts are spoken until there are as many", 0, 100),
    ] = 48
    rival_every: Annotated[
        int,
        Setting(
            "increments in a row after which a training from the base, on all clips, competes with them; 0: never",
            0,
            1_000,
        ),
    ] = 3
    listen_days: Annotated[
        int, Setting("days that an undecided version waits for listeners; later votes promote nothing", 0, 3_650)
    ] = 7

    def __post_init__(self) -> None:
        checked(RULE, vars(self), "promotion")
        if self.duration_range[0] >= self.duration_range[1]:
            given = f"{self.duration_range[0]:g} and {self.duration_range[1]:g} were given"
            raise BadInput(
                f"duration_range must be the shortest and the longest; {given}.", "Put the lower number first."
            )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rule:
        """The rule of a voice, as voice.toml has it. Raises BadInput naming a key that is none, or what a value must
        be."""
        return cls(**checked(RULE, values, "promotion"))


RULE = declared(Rule)
