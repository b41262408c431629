"""The real mynad, in a Myna that has the engines of `tests/engines` too, and so has its worker. With TEXTS in its
environment, voices that are compared say so many texts at most: each is heard and measured on a CPU that others use."""

from __future__ import annotations

import functools
import os
import sys

from engines import registry
from tests.engines.parrot.info import INFO as PARROT
from tests.engines.toy.info import INFO as TOY

#: name of a variable of its environment
TEXTS = "MYNA_TEST_TEXTS"

if __name__ == "__main__":
    registry.ENGINES |= {info.name: info for info in (TOY, PARROT)}
    from daemon.kinds.evaluate import across

    across.LINES = int(os.environ.get(TEXTS, across.LINES))
    from daemon import main  # after that: settings name the engines there are when they are declared

    main.Daemon = functools.partial(main.Daemon, program=(sys.executable, "-m", "tests.e2e.toy_worker"))  # type: ignore[misc, assignment]
    main.main()
