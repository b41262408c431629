"""`myna serve` (`python -m daemon.serve`): reads `myna.toml`, as mynad does, and becomes the program `doors`. Exits 2
for settings that cannot be."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from daemon import settings
from daemon.errors import MynaError
from proto.home import home

HTTP = "127.0.0.1:8765"  #: where the HTTP door opens if nothing says otherwise


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="myna serve")
    parser.add_argument("--http", default=None)
    parser.add_argument("--wyoming", default=None)
    asked = parser.parse_args(argv)
    try:
        chosen = settings.load(home())
        http, wyoming = chosen.http, chosen.wyoming
        if asked.http is not None:
            http = replace(http, listen=asked.http)
        if asked.wyoming is not None:
            wyoming = replace(wyoming, listen=asked.wyoming)
        if not (http.listen or wyoming.listen):
            http = replace(http, listen=HTTP)
        told = replace(chosen, http=http, wyoming=wyoming).doors(child=False)
    except MynaError as error:
        print(f"myna: {error}", file=sys.stderr)
        return 2
    os.execve(sys.executable, [sys.executable, "-m", "doors"], {**os.environ, **told})


if __name__ == "__main__":
    raise SystemExit(main())
