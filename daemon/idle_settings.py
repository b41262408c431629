"""The table `[when_idle]` of `myna.toml`: what is done when nothing is left to do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from engines.errors import BadInput
from engines.setting import Setting, checked, declared


class Do(StrEnum):
    """What is done."""

    NOTHING = "nothing"
    SHUTDOWN = "shutdown"
    SUSPEND = "suspend"
    COMMAND = "command"


@dataclass(frozen=True)
class WhenIdle:
    """See docs/idle.md."""

    do: Annotated[str, Setting("what is done once nothing is left to do and nobody is there", choices=tuple(Do))] = (
        Do.NOTHING.value
    )
    after_minutes: Annotated[float, Setting("how long that must have been so", 0.01, 525_600, "minutes")] = 20.0
    notice_minutes: Annotated[
        float,
        Setting("how long before that it is announced; whatever anybody does then cancels it", 0.01, 1_440, "minutes"),
    ] = 5.0
    notices_minutes: Annotated[
        float,
        Setting("how long it then waits, at most, for notices that a service has not taken yet", 0, 1_440, "minutes"),
    ] = 15.0
    command: Annotated[str, Setting('the command of do = "command"; its words are parted as a shell does it')] = ""
    dry_run: Annotated[bool, Setting("only say what would be done")] = False

    def __post_init__(self) -> None:
        checked(WHEN_IDLE, vars(self), "when_idle")
        if (self.do == Do.COMMAND) is not bool(self.command.strip()):
            hint = 'Set do = "command" and command = "…" together, or neither of them.'
            raise BadInput('[when_idle] has a command without do = "command", or do = "command" without one.', hint)
        try:
            shlex.split(self.command)
        except ValueError as error:
            hint = "Write it as in a shell: each quote needs its second one."
            raise BadInput(f"The command of [when_idle] cannot be read: {error}.", hint) from None


WHEN_IDLE = declared(WhenIdle)
