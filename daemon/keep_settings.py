"""The table `[keep]` of `myna.toml`: what is kept how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engines.setting import Setting, checked, declared

LONGEST = 36_500  #: days


@dataclass(frozen=True)
class Keep:
    """In days since something ended or was made; 0: for ever. What goes, and what never does: docs/keeping.md."""

    texts_days: Annotated[
        int, Setting("texts that were spoken: in jobs, their titles, events and logs; 0: for ever", 0, LONGEST, "days")
    ] = 30
    logs_days: Annotated[int, Setting("logs of jobs that ended; 0: for ever", 0, LONGEST, "days")] = 180
    checkpoints_days: Annotated[
        int,
        Setting(
            "checkpoints of trainings that failed or were cancelled; 0: until the disk is short", 0, LONGEST, "days"
        ),
    ] = 30
    packages_days: Annotated[int, Setting("packages in `exports/`; 0: until the disk is short", 0, LONGEST, "days")] = (
        30
    )
    rejected_days: Annotated[
        int, Setting("weights of rejected versions; 0: until the disk is short", 0, LONGEST, "days")
    ] = 0
    by_itself: Annotated[
        bool, Setting("clean by itself: once an hour, and at once when less than `min_free_disk` is free")
    ] = True

    def __post_init__(self) -> None:
        checked(KEEP, vars(self), "keep")


KEEP = declared(Keep)
