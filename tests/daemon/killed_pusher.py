"""The real worker with its real jobs, which is killed (SIGKILL) in the first attempt at a push, when two parts of its
package are there."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from daemon.places.over_s3 import PART
from daemon.worker.__main__ import load_job, main
from daemon.worker.job import Channel


def load(kind: str) -> Callable[..., str]:
    run = load_job(kind)

    def killed(plan: Any, channel: Channel) -> str:
        tell = channel.progress

        def progress(done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None:
            if channel.attempt == 1 and sentence.startswith("sending") and done >= 2 * PART:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()  # the signal may come to another thread first
            tell(done, total, unit, sentence, eta_seconds)

        channel.progress = progress  # type: ignore[method-assign]
        return run(plan, channel)

    return killed


if __name__ == "__main__":
    main(load)
