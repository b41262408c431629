"""The table `[when_idle]` of `myna.toml`: what is done when nothing is left to do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from engines.errors import BadInput
from engines.setting import Setting, checked, declared
from proto import length


class Do(StrEnum):
    """What is done."""

    NOTHING = "nothing"
    SHUTDOWN = "shutdown"
    SUSPEND = "suspend"
    COMMAND = "command"


DAY = 86_400.0
#: settings that are lengths of time: the least and the most, in seconds
LENGTHS = {"after": (0.5, 365 * DAY), "notice": (0.5, DAY), "wait_for_notices": (0.0, DAY)}


@dataclass(frozen=True)
class WhenIdle:
    """See docs/idle.md."""

    do: Annotated[str, Setting("what is done once nothing is left to do and nobody is there", choices=tuple(Do))] = (
        Do.NOTHING.value
    )
    after: Annotated[
        str,
        Setting(
            "how long nothing must have been left to do, and nobody been there",
            form='a time above 0, at most 365 days, like "20 min" or "1h"',
        ),
    ] = "20 min"
    notice: Annotated[
        str,
        Setting(
            "how long before that it is announced; whatever anybody does then cancels it",
            form='a time above 0, at most a day, like "5 min" or "90 s"',
        ),
    ] = "5 min"
    wait_for_notices: Annotated[
        str,
        Setting(
            "how long it then waits, at most, for notices that a service has not taken yet",
            form='a time of at most a day, like "15 min"; "0 min": not at all',
        ),
    ] = "15 min"
    command: Annotated[str, Setting('the command of do = "command"; its words are parted as a shell does it')] = ""
    dry_run: Annotated[bool, Setting("only say what would be done")] = False

    def __post_init__(self) -> None:
        checked(WHEN_IDLE, vars(self), "when_idle")
        for name, (least, most) in LENGTHS.items():
            if not least <= self.seconds(name) <= most:
                raise WHEN_IDLE[name].wrong(f"{name} of [when_idle]", getattr(self, name))
        if (self.do == Do.COMMAND) is not bool(self.command.strip()):
            hint = 'Set do = "command" and command = "…" together, or neither of them.'
            raise BadInput('[when_idle] has a command without do = "command", or do = "command" without one.', hint)
        try:
            shlex.split(self.command)
        except ValueError as error:
            hint = "Write it as in a shell: each quote needs its second one."
            raise BadInput(f"The command of [when_idle] cannot be read: {error}.", hint) from None

    def seconds(self, name: str) -> float:
        """Of one of LENGTHS; -1: it is no length of time."""
        found = length.read(getattr(self, name))
        return -1.0 if found is None else found


WHEN_IDLE = declared(WhenIdle)
