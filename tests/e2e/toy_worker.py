"""The real worker, in a Myna that has the engines of `tests/engines` too."""

from __future__ import annotations

from engines import registry
from tests.engines.parrot.info import INFO as PARROT
from tests.engines.toy.info import INFO as TOY

if __name__ == "__main__":
    registry.ENGINES |= {info.name: info for info in (TOY, PARROT)}
    from daemon.worker.__main__ import main  # after that: settings name the engines there are when they are declared

    main()
