"""The real mynad, that may be killed while it stores clips and makes a dataset, and whose worker may be, too (see
`kill_moments`)."""

from __future__ import annotations

import functools
import sys
from typing import Any

from daemon import main
from daemon.processes.workers import Worker
from daemon.state import datasets, recordings
from tests.e2e.kill_moments import come_to


def after(module: Any, name: str, what: str) -> None:
    """Comes to `what` when a function of a module has done its part of a transaction."""
    real = getattr(module, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        made = real(*arguments, **named)
        come_to(what)
        return made

    setattr(module, name, deadly)


def acknowledging() -> None:
    real = Worker.send

    def send(self: Worker, **command: object) -> None:
        if "ack" in command:
            come_to("acknowledging")
        real(self, **command)

    Worker.send = send  # type: ignore[method-assign]


if __name__ == "__main__":
    after(recordings, "store_cut", "storing")
    after(datasets, "build", "making")
    acknowledging()
    main.Daemon = functools.partial(main.Daemon, program=(sys.executable, "-m", "tests.e2e.killed_worker"))  # type: ignore[misc, assignment]
    main.main()
