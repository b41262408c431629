"""The real worker with its real jobs, which kills itself in the midst of taking music out of a recording, once in the
life of a home."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.worker.__main__ import main
from engines.audio import separation

#: File of the home that says that it was killed.
KILLED = "killed"
#: Stretches that are separated before.
BEFORE = 1


def mortal(load: Callable[[Path], separation.Voice]) -> Callable[[Path], separation.Voice]:
    done = 0

    def loaded(file: Path) -> separation.Voice:
        voice, killed = load(file), Path(os.environ["MYNA_HOME"]) / KILLED

        def separated(samples: NDArray[np.float32]) -> NDArray[np.float32]:
            nonlocal done
            if done == BEFORE and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return voice(samples)

        return separated

    return loaded


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    separation._model = mortal(separation._model)  # type: ignore[assignment]
    main()
