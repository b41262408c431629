"""What a training is told: every number that shapes a run, kept with the run as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from engines.base import EngineInfo, LoraSettings
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.registry import learning, require
from engines.setting import Setting, checked, declared, shown, unknown

#: Steps that a run may have: the wire carries 32 bits, and a step a second would take four months.
MOST_STEPS = 10_000_000
#: Clips in a batch at most.
MOST_CLIPS = 4_096

#: The greatest number that a setting takes, and those that take greater ones: the wire has 32 bits for steps, and 64
#: for a seed.
USUAL_LARGEST, LARGEST = 2**31 - 1, {"seed": 2**64 - 1}


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one run. A step is one optimizer update on one effective batch."""

    steps: Annotated[
        int,
        Setting(
            "optimizer updates to the run's own end, where the learning rate is zero",
            1,
            MOST_STEPS,
            follows="the amount of data",
        ),
    ]
    learning_rate: Annotated[float, Setting("peak, after warm-up", 1e-12, 10, follows="the engine")]
    batch_size: Annotated[int, Setting("size of an effective batch", 1, MOST_CLIPS, "clips")] = 12
    micro_batch: Annotated[
        int,
        Setting(
            "clips in one forward pass, a batch at most; fewer take less memory, and the gradient is the same",
            1,
            MOST_CLIPS,
            "clips",
            follows="the engine",
        ),
    ] = 12
    warmup: Annotated[
        int,
        Setting("linear warm-up, not longer than the run", 0, MOST_STEPS, "steps", follows="a twentieth of the steps"),
    ] = 0
    weight_decay: Annotated[float, Setting("on matrices and kernels; never on biases and gains", 0, 100)] = 0.01
    grad_clip: Annotated[float, Setting("largest gradient norm; 0 does not clip", 0, 1_000_000)] = 1.0
    eval_every: Annotated[
        int,
        Setting("steps between held-out measurements", 1, MOST_STEPS, "steps", follows="a 25th of the steps, 5 to 250"),
    ] = 50
    checkpoint_every: Annotated[
        int,
        Setting("steps that a crash can cost at most", 1, MOST_STEPS, "steps", follows="twice eval_every, 100 or more"),
    ] = 100
    patience: Annotated[
        int, Setting("held-out measurements without gain before stopping; 0 never stops early", 0, MOST_STEPS)
    ] = 8
    spoken_checkpoints: Annotated[
        int,
        Setting(
            "checkpoints, evenly spaced, that are kept beside the best by held-out loss and speak, so that how they "
            "sound chooses; 0: the loss alone does",
            0,
            20,
            "checkpoints",
        ),
    ] = 3
    seed: Annotated[int, Setting("start of data order, dropout and everything else random", 0, 2**64 - 1)] = 0
    lora: LoraSettings | None = None  #: None trains all that the engine says is trainable
    precision: Annotated[str, Setting('"bf16" is autocast', choices=("fp32", "bf16"), follows="the engine")] = "fp32"
    log_every: Annotated[int, Setting("steps between metric points", 1, MOST_STEPS, "steps")] = 1
    threads: Annotated[int, Setting("CPU threads; 0 leaves them as they are", 0, 1_024, "threads")] = 0
    old_clip_share: Annotated[
        float, Setting("part of an epoch that is old clips, in an increment on top of its parent", 0, 0.99)
    ] = 0.5
    parent_share: Annotated[
        float,
        Setting(
            "the parent's part in an increment's weights, which is trained as a first training is, from the base on "
            "all clips, and then averaged with the parent; 0: it is trained on top of the parent",
            0,
            0.99,
            follows="the engine",
        ),
    ] = 0.0
    max_seconds: Annotated[
        float,
        Setting(
            "training time after which the run ends early, pauses not counted; 0 is no limit", 0, 31_536_000, "seconds"
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        checked(RUN, {name: getattr(self, name) for name in RUN}, "training")

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps."""
        return dataclasses.asdict(self)

    def spaced(self) -> tuple[int, ...]:
        """Steps of the spoken checkpoints, ascending: measured ones where that is possible, the run's last among
        them."""
        count = self.spoken_checkpoints
        near = (round(self.steps * number / count / self.eval_every) * self.eval_every for number in range(1, count))
        return tuple(sorted({step for step in near if 0 < step < self.steps} | ({self.steps} if count else set())))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainSettings:
        """The settings that `to_json` gave. Raises BadInput on a name that is no setting."""
        lora = values.get("lora")
        if isinstance(lora, Mapping):
            lora = LoraSettings(**checked(ADAPTERS, lora, "LoRA"))
        elif lora is not None and not isinstance(lora, LoraSettings):
            raise BadInput(
                f"lora must be a table of adapters; {shown(lora)} was given.", "Set lora_rank, to 16 for example."
            )
        return cls(
            **checked(RUN, {name: value for name, value in values.items() if name != "lora"}, "training"), lora=lora
        )


#: Of a run, and of its adapters.
RUN, ADAPTERS = declared(TrainSettings), declared(LoraSettings)
#: The same as people write them.
OPTIONS: dict[str, Setting] = {
    **RUN,
    **{f"lora_{name}": setting for name, setting in ADAPTERS.items()},
    "lora_rank": dataclasses.replace(
        ADAPTERS["rank"], what="adapters of this rank are trained; 0: all parameters", least=0, follows="the engine"
    ),
}


def plan(
    info: EngineInfo, n_clips: int, n_new: int, first: bool = True, overrides: Mapping[str, Any] | None = None
) -> TrainSettings:
    """Settings that follow the amount of data.

    A first training of `n_clips` takes max(a, b × clips) steps at the engine's rate; an increment of `n_new` clips
    takes max(a, b × new) steps at a share of that rate (`engines.base.Learning`); one that is to be averaged with its
    parent takes max(a, b × clips) at all of it, from the base. Anything in `overrides` wins.
    Raises BadInput for an engine that does not learn.
    """
    overrides, usual = dict(overrides or {}), learning(info)
    checked(RUN, {name: value for name, value in overrides.items() if name != "lora"}, "training")
    share = 0.0 if first or overrides.get("lora") else overrides.get("parent_share", usual.parent_share)
    from_base = first or share > 0
    least, per_clip = usual.first_steps if first else usual.increment_steps
    steps = overrides.get("steps", max(least, math.ceil(per_clip * (n_clips if from_base else n_new))))
    eval_every = min(250, max(5, steps // 25))
    values: dict[str, Any] = {
        "steps": steps,
        "learning_rate": usual.learning_rate
        * (1.0 if from_base else usual.increment_rate)
        * (usual.adapters.rate if usual.adapters is not None and overrides.get("lora") else 1.0),
        "parent_share": share,
        "warmup": min(500, max(1, steps // 20)),
        "eval_every": eval_every,
        "checkpoint_every": max(100, eval_every * 2),  # rarer than measuring: most of its cost is the disk's
    }
    values["precision"] = usual.precision
    values["micro_batch"] = min(usual.micro_batch, overrides.get("batch_size", TrainSettings.batch_size))
    return TrainSettings.from_json({**values, **overrides, "parent_share": share})


def overrides(
    options: Mapping[str, Any],
    info: EngineInfo,
    parent_lora: Mapping[str, Any] | None = None,
    *,
    first: bool = True,
) -> dict[str, Any]:
    """Training options as people write them (`OPTIONS`), as overrides for `plan`, and checked as a run would check
    them.

    `lora_rank` (0: none), `lora_alpha` (twice the rank), `lora_dropout` and `lora_targets` become `lora`. Without a
    rank, a training that goes on from adapters (`parent_lora`, as JSON) has adapters of the same shape, and one from
    the base (`first`) those that the engine trains where nobody chose. Raises BadInput.
    """
    chosen = checked(OPTIONS, options, "training")
    values = {name: value for name, value in chosen.items() if not name.startswith("lora_")}
    given = {name.removeprefix("lora_"): value for name, value in chosen.items() if name.startswith("lora_")}
    rank = given.pop("rank", None)
    if rank is None and not values.get("parent_share"):
        rank = _usual_rank(info, parent_lora, first=first, wanted=bool(given))
    if rank:
        require(info, Capability.ADAPTS)
        values["lora"] = {
            "rank": rank,
            "alpha": 2 * rank,
            "dropout": 0.0,
            **given,
            "targets": list(given.get("targets", ())),
        }
    elif given:
        raise BadInput(f"lora_{min(given)} has no effect without a LoRA rank.", "Set lora_rank, to 16 for example.")
    elif rank is not None:
        values["lora"] = None
    elif parent_lora:
        values["lora"] = dict(parent_lora)
    if values.get("lora") and values.get("parent_share"):
        sentence = "Adapters cannot be averaged with a parent's, and both LoRA and parent_share are set."
        raise BadInput(sentence, "Leave parent_share at 0, or set lora_rank to 0.")
    if values.get("warmup", 0) > values.get("steps", MOST_STEPS):
        sentence = (
            f"warmup must not be longer than the run; {values['warmup']:,} of {values['steps']:,} steps were given."
        )
        raise BadInput(sentence, "The learning rate would never be reached: make warmup shorter, or leave it out.")
    plan(info, 1, 1, True, values)
    return values


def _usual_rank(info: EngineInfo, parent_lora: Mapping[str, Any] | None, *, first: bool, wanted: bool) -> int | None:
    """The rank of adapters where nobody chose one, but that they are `wanted` or that it is the engine's to choose;
    None: nothing says that there are to be new ones."""
    adapters = info.learning.adapters if info.learning is not None else None
    if adapters is None or not adapters.usual or not (wanted or (first and not parent_lora)):
        return None
    return int(parent_lora["rank"]) if parent_lora else adapters.rank


def read(name: str, text: str) -> Any:
    """An option from where there is only text. Raises BadInput."""
    if name not in OPTIONS:
        raise unknown(name, OPTIONS, "training")
    return OPTIONS[name].read(name, text)
