"""Sends a file to a place, in a process of its own that a test kills: `python pushing.py URL FILE HOME [PART_BYTES]`.
Tells on stdout, a line each time, how many bytes are there; with `slow` before each line it waits for one on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from daemon import settings
from daemon.places import over_s3
from daemon.places.place import parse
from daemon.places.remote import opened


def main() -> None:
    url, file, home = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    remote = opened(parse(url), settings.load(home).push, home)
    assert isinstance(remote, over_s3.S3Remote)
    remote.part = int(sys.argv[4])

    def tell(have: int) -> None:
        print(have, flush=True)
        sys.stdin.readline()

    remote.send(file, file.name, tell)


if __name__ == "__main__":
    main()
