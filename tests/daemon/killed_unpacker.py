"""The real worker with its real jobs, which is killed (SIGKILL) in the first two attempts at an import of a version:
when its first files are unpacked, and when all of them lie in their places, before the rows are made."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from daemon.worker.__main__ import load_job, main
from daemon.worker.job import Channel
from proto import worker_pb2 as wire


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()  # the signal may come to another thread first


def load(kind: str) -> Callable[..., str]:
    run = load_job(kind)

    def killed(plan: Any, channel: Channel) -> str:
        tell, commit = channel.progress, channel.commit

        def progress(done: float, *words: Any) -> None:
            if channel.attempt == 1 and done > 0:
                die()
            tell(done, *words)

        def rows(report: wire.Report) -> None:
            if channel.attempt == 2:
                die()
            commit(report)

        channel.progress, channel.commit = progress, rows  # type: ignore[method-assign,assignment]
        return run(plan, channel)

    return killed


if __name__ == "__main__":
    main(load)
