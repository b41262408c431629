"""The real worker, in a Myna that has the engines of `tests/engines` too."""

from __future__ import annotations

from daemon.worker.__main__ import main
from engines import registry
from tests.engines.parrot.info import INFO as PARROT
from tests.engines.toy.info import INFO as TOY

if __name__ == "__main__":
    registry.ENGINES |= {info.name: info for info in (TOY, PARROT)}
    main()
