"""What a training is told: every number that shapes a run, kept with the run as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.base import EngineInfo, LoraSettings
from engines.capabilities import Capability, learning, require
from engines.errors import BadInput


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one run. A step is one optimizer update on one effective batch."""

    steps: int  #: optimizer updates to the run's own end (the learning rate is zero there)
    learning_rate: float  #: peak, after warm-up
    batch_size: int = 12  #: clips in an effective batch
    micro_batch: int = 12  #: clips in one forward pass; less memory, the same gradient
    warmup: int = 0  #: steps of linear warm-up
    weight_decay: float = 0.01  #: on matrices and kernels; never on biases and gains
    grad_clip: float = 1.0  #: largest gradient norm; 0 does not clip
    eval_every: int = 50  #: steps between held-out measurements
    checkpoint_every: int = 100  #: steps that a crash can cost at most
    patience: int = 8  #: held-out measurements without gain before stopping; 0 never stops early
    seed: int = 0  #: of data order, dropout and everything else random
    lora: LoraSettings | None = None  #: None trains all that the engine says is trainable
    precision: str = "fp32"  #: "fp32", or "bf16" for autocast
    log_every: int = 1  #: steps between metric points
    threads: int = 0  #: CPU threads; 0 leaves them as they are
    old_clip_share: float = 0.5  #: of an epoch that are old clips, when an increment is given any
    max_seconds: float = 0.0  #: training time after which the run ends early, pauses not counted; 0 is no limit

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "micro_batch", "eval_every", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise BadInput(f"The training setting {name} is {getattr(self, name)}.", f"Set {name} to 1 or more.")
        for name in ("warmup", "weight_decay", "grad_clip", "patience", "threads", "max_seconds"):
            if getattr(self, name) < 0:
                raise BadInput(f"The training setting {name} is {getattr(self, name)}.", f"Set {name} to 0 or more.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise BadInput(f"The learning rate is {self.learning_rate}.", "Set learning_rate to a number above 0.")
        if not 0 <= self.old_clip_share < 1:
            raise BadInput(f"The share of old clips is {self.old_clip_share}.", "Set old_clip_share to 0 or more, and below 1.")
        if self.precision not in ("fp32", "bf16"):
            raise BadInput(f"The precision {self.precision!r} is unknown.", 'Set precision to "fp32" or "bf16".')

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainSettings:
        """The settings that `to_json` gave. Raises BadInput on a name that is no setting."""
        _check(values)
        values = dict(values)
        if isinstance(values.get("lora"), Mapping):
            lora = dict(values["lora"])
            values["lora"] = LoraSettings(**{**lora, "targets": tuple(lora.get("targets", ()))})
        return cls(**values)


def plan(info: EngineInfo, n_clips: int, n_new: int, first: bool = True, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
    """Settings that follow the amount of data.

    A first training of `n_clips` takes max(a, b × clips) steps at the engine's rate; an increment of `n_new` clips takes max(a, b × new)
    steps at a share of that rate (`engines.base.Learning`). Anything in `overrides` wins.
    Raises BadInput for an engine that does not learn.
    """
    overrides, usual = dict(overrides or {}), learning(info)
    _check(overrides)
    least, per_clip = usual.first_steps if first else usual.increment_steps
    steps = overrides.get("steps", max(least, math.ceil(per_clip * (n_clips if first else n_new))))
    eval_every = min(250, max(5, steps // 25))
    values: dict[str, Any] = {
        "steps": steps,
        "learning_rate": usual.learning_rate
        * (1.0 if first else usual.increment_rate)
        * (usual.adapters.rate if usual.adapters is not None and overrides.get("lora") else 1.0),
        "warmup": min(500, max(1, steps // 20)),
        "eval_every": eval_every,
        "checkpoint_every": max(100, eval_every * 2),  # rarer than measuring: most of its cost is the disk's
    }
    values["precision"] = usual.precision
    values["micro_batch"] = min(usual.micro_batch, overrides.get("batch_size", TrainSettings.batch_size))
    return TrainSettings.from_json({**values, **overrides})


def overrides(options: Mapping[str, Any], info: EngineInfo, parent_lora: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Training options as people write them, as overrides for `plan`, and checked as a run would check them.

    `lora_rank` (0: none), `lora_alpha` (twice the rank), `lora_dropout` and `lora_targets` (a list, or names with commas) become `lora`.
    Without a rank, a training that goes on from adapters (`parent_lora`, as JSON) has adapters of the same shape. Raises BadInput.
    """
    values = {name: value for name, value in options.items() if not name.startswith("lora_")}
    given = {name.removeprefix("lora_"): value for name, value in options.items() if name.startswith("lora_")}
    rank = given.pop("rank", None)
    if rank:
        require(info, Capability.ADAPTS)
        values["lora"] = _adapters(rank, given)
    elif given:
        raise BadInput(f"lora_{min(given)} says nothing without a LoRA rank.", "Set lora_rank, to 16 for example.")
    elif rank is not None:
        values["lora"] = None
    elif parent_lora and "lora" not in values:
        values["lora"] = dict(parent_lora)
    plan(info, 1, 1, True, values)
    return values


def _adapters(rank: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """LoraSettings as JSON."""
    known = {"alpha": 2 * rank if isinstance(rank, int) else 0, "dropout": 0.0, "targets": ()}
    if unknown := set(given) - set(known):
        raise BadInput(f"There is no training setting named lora_{min(unknown)}.", "Of LoRA there are rank, alpha, dropout and targets.")
    chosen = {**known, **given}
    targets = chosen["targets"]
    names = (
        [name.strip() for name in targets.split(",")]
        if isinstance(targets, str)
        else list(targets)
        if isinstance(targets, list | tuple)
        else []
    )
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 1 for value in (rank, chosen["alpha"]))
    dropout = chosen["dropout"]
    if not whole or rank > 1024:
        raise BadInput(
            f"LoRA of rank {rank} and alpha {chosen['alpha']} cannot be.", "Both are whole numbers from 1; a rank of 8 to 64 is usual."
        )
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise BadInput(f"The LoRA dropout is {dropout!r}.", "Set lora_dropout to 0 or more, and below 1.")
    if not all(isinstance(name, str) and name for name in names) or (targets and not names):
        raise BadInput(f"The LoRA targets are {targets!r}.", 'Name modules, like lora_targets = ["c_attn", "c_proj"].')
    return {"rank": rank, "alpha": chosen["alpha"], "dropout": float(dropout), "targets": names}


def _check(values: Mapping[str, Any]) -> None:
    """Names and types of settings that come from outside. Raises BadInput."""
    known = {field.name: field.type for field in dataclasses.fields(TrainSettings)}
    wanted = {"int": "a whole number", "float": "a number", "str": "a text"}
    for name, value in values.items():
        if name not in known:
            raise BadInput(f"There is no training setting named {name}.", f"Known settings: {', '.join(sorted(known))}.")
        kind = str(known[name])
        fits: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
        if kind in fits and (isinstance(value, bool) or not isinstance(value, fits[kind])):
            raise BadInput(f"The training setting {name} is {value!r}.", f"Set {name} to {wanted[kind]}.")
