"""What the daemon wants of a job, as a training loop and the feature cache are told it."""

from __future__ import annotations

from daemon.worker.job import Channel
from engines.training.control import Command

#: What the daemon wants (`Channel.pending`), as the loop's commands.
_COMMANDS = {
    "": Command.GO,
    "yield": Command.PAUSE,
    "offload": Command.YIELD,
    "cancel": Command.CANCEL,
    "stop": Command.STOP,
}


class Steering:
    """The loop's `Control`, over a job's channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._leave = ""

    def poll(self) -> Command:
        return _COMMANDS[self._leave or self._channel.pending()]

    def wait(self) -> None:
        answer = self._channel.wait_resumed()
        if answer != "resume":
            self._leave = answer
