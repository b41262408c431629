"""A worker that speaks has torch take big tensors in huge pages; what trains is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration
#: A worker whose engine is ready at once: it tells what torch will find, and ends.
WORKER = """
import os, socket, sys
while os.open(os.devnull, os.O_RDONLY) < 3:  # where the worker's socket is to be
    pass
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.dup2(theirs.fileno(), 3)
from daemon.worker.__main__ import main

def ready(engine):
    print(engine, os.environ.get("THP_MEM_ALLOC_ENABLE"), "torch" in sys.modules)
    raise SystemExit

main(ready=ready)
"""


@pytest.mark.parametrize(("own", "found"), [({}, "1"), ({"THP_MEM_ALLOC_ENABLE": "0"}, "0")], ids=["unset", "set"])
def test_before_torch_is_there_big_tensors_are_in_huge_pages_unless_the_person_says_else(
    own: dict[str, str], found: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, "--speech", "glow"],
        env={**environment, **own, "MYNA_LAUNCHER": str(os.getpid())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["glow", found, "False"], done.stderr
